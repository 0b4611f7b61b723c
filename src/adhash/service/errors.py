"""The errors of the service, each with a stable code and an HTTP status.

They are errors of adhash like all others: in Python they are raised, on the command line they end
with the exit code of their class, over HTTP they become ``application/problem+json``.
"""

from __future__ import annotations

from typing import ClassVar

from adhash.errors import AdhashError, BadInputError, PolicyError, StorageError


class ServiceError(AdhashError):
    """Something the service refuses; `code` names it for programs."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500


class InvalidRequestError(ServiceError, BadInputError):
    """The body or a parameter is not valid.

    Parameters
    ----------
    detail : str
        What was wrong.
    hint : str
        What to do.
    errors : tuple of (str, str)
        JSON pointers into the body, and what is wrong there.
    """

    code = "invalid_request"
    status = 422

    def __init__(
        self, detail: str, *, hint: str = "", errors: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(detail, hint=hint)
        self.errors = errors


class UnknownJobError(ServiceError, BadInputError):
    """There is no such job, or it is not the caller's."""

    code = "unknown_job"
    status = 404


class UnknownKindError(ServiceError, BadInputError):
    """There is no such kind of job."""

    code = "unknown_kind"
    status = 404


class UnknownArtifactError(ServiceError, BadInputError):
    """The job has no artifact of that name."""

    code = "unknown_artifact"
    status = 404


class GoneError(ServiceError, BadInputError):
    """It was there, and was deleted on request or by retention."""

    code = "gone"
    status = 410


class PathRefusedError(ServiceError, PolicyError):
    """A path leaves the folders that requests may name files in."""

    code = "path_refused"
    status = 403


class QuotaError(ServiceError, PolicyError):
    """The caller has as many jobs as allowed."""

    code = "quota_exceeded"
    status = 429


class DrainingError(ServiceError, PolicyError):
    """The service is about to end and takes no new jobs."""

    code = "draining"
    status = 503


class IdempotencyConflictError(ServiceError, PolicyError):
    """The key was used for another request."""

    code = "idempotency_mismatch"
    status = 422


class IdempotencyInFlightError(ServiceError, PolicyError):
    """The first request with this key has not been answered yet."""

    code = "idempotency_in_flight"
    status = 409


class NotFinishedError(ServiceError, PolicyError):
    """The job has not ended, so it has no result."""

    code = "not_finished"
    status = 409


class StoreUnavailableError(ServiceError, StorageError):
    """The store cannot be reached or written; nothing was changed."""

    code = "store_unavailable"
    status = 503


class UnauthenticatedError(ServiceError, PolicyError):
    """No token was given, or it is not known or has expired."""

    code = "unauthenticated"
    status = 401


class ForbiddenError(ServiceError, PolicyError):
    """The token does not allow this."""

    code = "forbidden"
    status = 403


class RateLimitedError(ServiceError, PolicyError):
    """The caller asked too often."""

    code = "rate_limited"
    status = 429


class TooLargeError(ServiceError, PolicyError):
    """A body or an upload is larger than allowed; nothing of it was kept."""

    code = "too_large"
    status = 413


class ForeignHostError(ServiceError, BadInputError):
    """A server without a token is called by a name that is not this machine's."""

    code = "foreign_host"
    status = 421


class UploadFailedError(ServiceError, StorageError):
    """The upload could not be kept: no room, or the disk refused."""

    code = "storage_full"
    status = 507


class RangeError(ServiceError, BadInputError):
    """The range lies outside of the file, or is no single range."""

    code = "range_not_satisfiable"
    status = 416


class BadSignatureError(ServiceError, PolicyError):
    """The signature of a URL is not valid for this, or not any more."""

    code = "bad_signature"
    status = 403
