"""From an answer that is a refusal, or a job that failed, to the error that is raised."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from typing import Any

from adhash.errors import (
    AdhashError,
    BadInputError,
    InterruptedRunError,
    InvariantError,
    PolicyError,
    StorageError,
)
from adhash.service.calls.steps import Answer
from adhash.service.errors import InvalidRequestError, ServiceError
from adhash.service.models import JobDetail

# Codes of problems and of failed jobs that no error of the service has.
_PLAIN: dict[str, type[AdhashError]] = {
    "bad_input": BadInputError,
    "bad_request": BadInputError,
    "policy": PolicyError,
    "io": StorageError,
    "invariant": InvariantError,
    "internal": InvariantError,
    "crashed": InvariantError,
    "interrupted": InterruptedRunError,
    "timed_out": PolicyError,
    "out_of_memory": StorageError,
    "killed": StorageError,
    "runner_lost": StorageError,
}
_FORBIDDING = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.CONFLICT,
    HTTPStatus.CONTENT_TOO_LARGE if hasattr(HTTPStatus, "CONTENT_TOO_LARGE") else 413,
    HTTPStatus.TOO_MANY_REQUESTS,
}


def problem_code(answer: Answer) -> str:
    """Return the code of a refusal; empty where it is not of the service's form."""
    return str(_problem(answer).get("code", ""))


def error_of_answer(answer: Answer) -> AdhashError:
    """Return the error that a refusal stands for.

    Parameters
    ----------
    answer : Answer
        With a status of 400 or more.

    Returns
    -------
    AdhashError
        Of the same class as the server raised, where it is an adhash.
    """
    problem = _problem(answer)
    detail, hint = str(problem.get("detail", "")), str(problem.get("hint", ""))
    if not detail:
        return _error_of_stranger(answer)
    kind = _kind_of(str(problem.get("code", "")), answer.status)
    if issubclass(kind, InvalidRequestError):
        return kind(detail, hint=hint, errors=tuple(_faults(problem)))
    return kind(detail, hint=hint)


def error_of_job(detail: JobDetail) -> AdhashError:
    """Return the error that a job ended with which is not completed.

    Parameters
    ----------
    detail : JobDetail
        Of a job that failed or was cancelled.

    Returns
    -------
    AdhashError
        Of the class that a local run would have raised.
    """
    if detail.error is None:
        reason = detail.timeline[-1].reason if detail.timeline else ""
        return InterruptedRunError(f"job {detail.id} was cancelled", hint=reason)
    kind = _PLAIN.get(detail.error.code, InvariantError)
    return kind(detail.error.detail, hint=detail.error.hint)


def _kind_of(code: str, status: int) -> type[AdhashError]:
    kind = _typed().get(code) or _PLAIN.get(code)
    if kind is not None:
        return kind
    if status in _FORBIDDING:
        return PolicyError
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return BadInputError
    return InvariantError if status == HTTPStatus.INTERNAL_SERVER_ERROR else StorageError


@cache
def _typed() -> dict[str, type[ServiceError]]:
    """Return the errors of the service by their codes."""
    return {kind.code: kind for kind in _kinds_of(ServiceError)}


def _kinds_of(kind: type[ServiceError]) -> Iterator[type[ServiceError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _kinds_of(each)


def _faults(problem: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for fault in problem.get("errors") or []:
        yield str(fault.get("pointer", "")), str(fault.get("message", ""))


def _problem(answer: Answer) -> dict[str, Any]:
    if "json" not in answer.headers.get("content-type", ""):
        return {}
    try:
        found = json.loads(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _error_of_stranger(answer: Answer) -> AdhashError:
    """Return the error for an answer of what is no control surface: a proxy, another server."""
    kind = _kind_of("", answer.status)
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = "an unknown status"
    return kind(
        f"the server answered {answer.status} {phrase}",
        hint="check that the address is that of adhash serve, and what stands in between",
    )
