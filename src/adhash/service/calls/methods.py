"""What the methods of the client ask, and what the answers mean: one generator of steps each."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from adhash.clock import NS_PER_S, Clock
from adhash.errors import StorageError
from adhash.service.calls.retrying import Retries, ask
from adhash.service.calls.steps import Answer, Ask, DisconnectedError, Request, Steps
from adhash.service.errors import UnknownJobError, UnknownKindError
from adhash.service.ids import is_job_id
from adhash.service.kinds import job_kinds
from adhash.service.lifecycle import Status
from adhash.service.models import (
    ArtifactInfo,
    ArtifactList,
    JobCreated,
    JobDetail,
    JobList,
    Readiness,
    RequestChecked,
    SignedUrl,
    TickList,
)

Model = TypeVar("Model", bound=BaseModel)

# The longest that one request waits for a change. The server allows 60 s; proxies often less.
_LONG_POLL_S = 25.0
# How much longer than its wait a request may take before the connection is taken for dead.
_MARGIN_S = 30.0
_READY = {200, 503}


def read_as(model: type[Model], answer: Answer) -> Model:
    """Return the body of an answer.

    Parameters
    ----------
    model : type of BaseModel
        What it shall be.
    answer : Answer
        No refusal.

    Returns
    -------
    BaseModel
        The body, checked.

    Raises
    ------
    StorageError
        If it is something else, such as the page of a proxy.
    """
    try:
        return model.model_validate_json(answer.body)
    except ValidationError:
        raise StorageError(
            f"the server's answer is no {model.__name__}",
            hint="check that the address is that of adhash serve, of the same version",
        ) from None


def job_path(job_id: str, *further: str) -> str:
    """Return the path of a job or of something beneath it.

    Parameters
    ----------
    job_id : str
        Its name.
    *further : str
        What follows in the path.

    Returns
    -------
    str
        The path.

    Raises
    ------
    UnknownJobError
        If no job can have that name.
    """
    if not is_job_id(job_id):
        raise UnknownJobError(f"there is no job {job_id[:60]!r}")
    return "/".join(["/api/jobs", job_id, *(quote(part, safe="/") for part in further)])


def submission(
    kind: str, request: Mapping[str, object], retries: Retries, *, idempotency_key: str | None
) -> Steps[JobDetail]:
    """Submit a job and look at it."""
    sent = Request(
        method="POST",
        path=_kind_path(kind),
        headers={"Idempotency-Key": idempotency_key or new_key()},
        body=request,
    )
    created = read_as(JobCreated, (yield from ask(sent, retries)))
    return (yield from detail_of(created.id, retries))


def check(kind: str, request: Mapping[str, object], retries: Retries) -> Steps[dict[str, Any]]:
    """Check a request without running it."""
    sent = Request(
        method="POST",
        path=_kind_path(kind),
        query=(("validate", "only"),),
        headers={"Idempotency-Key": new_key()},
        body=request,
    )
    return read_as(RequestChecked, (yield from ask(sent, retries))).request


def new_key() -> str:
    """Return an idempotency key that no other request has."""
    return secrets.token_urlsafe(24)


def detail_of(job_id: str, retries: Retries, *, wait_s: float = 0.0) -> Steps[JobDetail]:
    """Look at a job, waiting so long for a change."""
    wait_s = min(max(wait_s, 0.0), _LONG_POLL_S)
    sent = Request(
        method="GET",
        path=job_path(job_id),
        query=(("wait", f"{wait_s:g}"),) if wait_s else (),
        timeout_s=wait_s + _MARGIN_S,
    )
    return read_as(JobDetail, (yield from ask(sent, retries)))


def listing(
    retries: Retries,
    *,
    status: Sequence[Status],
    kind: Sequence[str],
    labels: Mapping[str, str] | None,
    cursor: str | None,
    limit: int,
) -> Steps[JobList]:
    """List a page of jobs."""
    query = [("limit", str(limit))]
    query += [("status", str(each)) for each in status]
    query += [("kind", each) for each in kind]
    query += [("label", f"{name}={value}") for name, value in (labels or {}).items()]
    if cursor is not None:
        query.append(("cursor", cursor))
    sent = Request(method="GET", path="/api/jobs", query=tuple(query))
    return read_as(JobList, (yield from ask(sent, retries)))


def ending(
    job_id: str, timeout_s: float | None, clock: Clock, retries: Retries
) -> Steps[JobDetail]:
    """Look at a job again and again until it has ended or the time is up."""
    deadline_s = _deadline_s(timeout_s, clock)
    detail = yield from detail_of(job_id, retries)
    while not detail.status.is_terminal and (left_s := deadline_s - _now_s(clock)) > 0:
        detail = yield from detail_of(job_id, retries, wait_s=left_s)
    return detail


def cancellation(
    job_id: str, timeout_s: float | None, clock: Clock, retries: Retries
) -> Steps[JobDetail]:
    """Cancel a job and wait until it has ended or the time is up."""
    deadline_s = _deadline_s(timeout_s, clock)
    wait_s = _LONG_POLL_S if timeout_s is None else min(max(timeout_s, 0.0), _LONG_POLL_S)
    sent = Request(
        method="DELETE",
        path=job_path(job_id),
        query=(("only", "cancel"), ("wait", f"{wait_s:g}")),
        timeout_s=wait_s + _MARGIN_S,
    )
    detail = read_as(JobDetail, (yield from ask(sent, retries)))
    if detail.status.is_terminal:
        return detail
    return (yield from ending(job_id, deadline_s - _now_s(clock), clock, retries))


def deletion(job_id: str, retries: Retries) -> Steps[JobDetail]:
    """Delete the files of a job that has ended."""
    sent = Request(method="DELETE", path=job_path(job_id), query=(("only", "delete"),))
    return read_as(JobDetail, (yield from ask(sent, retries)))


def ticks_of(job_id: str, last: int | None, retries: Retries) -> Steps[list[dict[str, Any]]]:
    """Read the ticks of a replay."""
    query = () if last is None else (("last", str(last)),)
    sent = Request(method="GET", path=job_path(job_id, "metrics"), query=query)
    return read_as(TickList, (yield from ask(sent, retries))).ticks


def artifacts_of(job_id: str, retries: Retries) -> Steps[list[ArtifactInfo]]:
    """List the files that a job made."""
    sent = Request(method="GET", path=job_path(job_id, "artifacts"))
    return read_as(ArtifactList, (yield from ask(sent, retries))).artifacts


def signature(
    job_id: str, name: str, ttl_s: int, retries: Retries, *, base_url: str
) -> Steps[SignedUrl]:
    """Make a signed URL of an artifact, whole with the address of the server."""
    sent = Request(
        method="POST",
        path=job_path(job_id, "artifacts", name, "url"),
        headers={"Idempotency-Key": new_key()},
        body={"ttl_s": ttl_s},
    )
    signed = read_as(SignedUrl, (yield from ask(sent, retries)))
    return signed.model_copy(update={"url": f"{base_url.rstrip('/')}{signed.url}"})


def readiness_of(retries: Retries) -> Steps[Readiness]:
    """Ask whether jobs are taken; a server that takes none says so with 503."""
    once = Request(method="GET", path="/readyz", timeout_s=_MARGIN_S)
    try:
        answer: Answer = yield Ask(once)
    except DisconnectedError:
        answer = Answer(status=0)
    if answer.status not in _READY or b'"checks"' not in answer.body:
        answer = yield from ask(once, retries)
    return read_as(Readiness, answer)


def _kind_path(kind: str) -> str:
    if kind not in job_kinds():
        known = ", ".join(job_kinds())
        raise UnknownKindError(f"unknown kind of job {kind!r}", hint=f"kinds are {known}")
    return f"/api/jobs/{kind}"


def _deadline_s(timeout_s: float | None, clock: Clock) -> float:
    return float("inf") if timeout_s is None else _now_s(clock) + timeout_s


def _now_s(clock: Clock) -> float:
    return clock.monotonic_ns() / NS_PER_S
