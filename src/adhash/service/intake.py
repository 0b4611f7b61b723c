"""From a request to a job that may be kept: checked, limited, and its files resolved."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from adhash.clock import Clock
from adhash.options.base import CommandOptions
from adhash.service.confine import Confined, FindInput, confine, take_as_given
from adhash.service.errors import InvalidRequestError
from adhash.service.ids import new_job_id
from adhash.service.kinds import job_kind, request_model
from adhash.service.models import JOB_FIELDS, JobFields
from adhash.service.records import IdempotencyKey, NewJob
from adhash.service.settings import ServiceSettings


@dataclass(frozen=True, kw_only=True)
class CheckedRequest:
    """A request that is valid.

    `asked` is the request as it is kept: what was given, and the fields of a job.
    """

    kind: str
    asked: dict[str, Any]
    fields: JobFields
    confined: Confined
    is_trusted: bool


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks, under which name for the request, and as part of which trace."""

    owner: str
    idempotency_key: str | None = None
    queued_quota: int | None = None
    traceparent: str | None = None


class Intake:
    """Checks requests by the settings of the service.

    Parameters
    ----------
    settings : ServiceSettings
        What is allowed.
    clock : Clock
        Dates the names of jobs.
    find_input : callable
        Returns where the upload with a SHA-256 lies or lay; None if there was none.
    """

    def __init__(self, settings: ServiceSettings, clock: Clock, find_input: FindInput) -> None:
        self._settings = settings
        self._clock = clock
        self._find_input = find_input

    def check(
        self, kind: str, request: Mapping[str, object], *, is_trusted: bool
    ) -> CheckedRequest:
        """Return a request, checked.

        Parameters
        ----------
        kind : str
            Such as ``"run-csv"``.
        request : mapping
            The body.
        is_trusted : bool
            Whether paths are taken as given.

        Returns
        -------
        CheckedRequest
            For `new_job`.

        Raises
        ------
        UnknownKindError
            If there is no such kind.
        InvalidRequestError
            If the body is not valid.
        PathRefusedError
            If it names a file it may not.
        """
        asked = _validated(request_model(job_kind(kind).name), request)
        fields = JobFields.model_validate(asked.model_dump(include=set(JOB_FIELDS)))
        given = asked.model_dump(exclude=set(JOB_FIELDS), exclude_unset=True)
        options = self._limited(job_kind(kind).options.model_validate(given))
        return CheckedRequest(
            kind=kind,
            asked={
                **asked.model_dump(mode="json", exclude=set(JOB_FIELDS), exclude_unset=True),
                **fields.model_dump(mode="json"),
            },
            fields=fields,
            confined=self._confined(options, is_trusted=is_trusted),
            is_trusted=is_trusted,
        )

    def new_job(self, checked: CheckedRequest, caller: Caller) -> NewJob:
        """Return the job that a request asks for, with a name of its own."""
        fields = checked.fields
        return NewJob(
            id=new_job_id(self._clock.now(), secrets.randbits),
            kind=checked.kind,
            owner=caller.owner,
            request=checked.asked,
            options=checked.confined.options,
            labels=dict(fields.labels),
            priority=fields.priority,
            isolation=fields.isolation,
            timeout_s=self._timeout(fields),
            retries=fields.retries,
            is_trusted=checked.is_trusted,
            traceparent=caller.traceparent,
        )

    def _confined(self, options: CommandOptions, *, is_trusted: bool) -> Confined:
        if is_trusted:
            return take_as_given(options)
        roots = [root.absolute() for root in self._settings.data_roots]
        return confine(options, roots=roots, find_input=self._find_input)

    def _limited(self, options: CommandOptions) -> CommandOptions:
        """Return the options within what the service allows of rows and bytes."""
        limits = {
            "csv_max_rows": self._settings.max_rows,
            "csv_max_bytes": self._settings.max_trace_bytes,
        }
        changes = {
            name: min(getattr(options, name) or limit, limit)
            for name, limit in limits.items()
            if limit and name in type(options).model_fields
        }
        return options.model_copy(update=changes)

    def _timeout(self, fields: JobFields) -> float:
        """Return the time a job may run: what was asked, within what the service allows."""
        allowed = self._settings.job_timeout_s
        if fields.timeout_s is None:
            return allowed
        return min(fields.timeout_s, allowed) if allowed else fields.timeout_s


def named(checked: CheckedRequest, caller: Caller) -> IdempotencyKey | None:
    """Return the caller's name for a request with a digest of it; None if it has none."""
    if caller.idempotency_key is None:
        return None
    text = json.dumps([checked.kind, checked.asked], sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return IdempotencyKey(owner=caller.owner, key=caller.idempotency_key, digest=digest)


def _validated(model: type[CommandOptions], request: Mapping[str, object]) -> CommandOptions:
    try:
        return model.model_validate(dict(request))
    except ValidationError as error:
        faults = tuple(dict.fromkeys(map(_fault, error.errors())))
        detail = "; ".join(f"{pointer or 'the body'}: {text}" for pointer, text in faults)
        raise InvalidRequestError(detail, errors=faults) from None


def _fault(error: Mapping[str, Any]) -> tuple[str, str]:
    """Return the JSON pointer of a fault and what is wrong there."""
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in error["loc"])
    pointer = "".join(f"/{part}" for part in parts)
    return pointer, str(error["msg"]).removeprefix("Value error, ")
