"""Errors as ``application/problem+json`` (RFC 9457), the same for every way to fail."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from adhash.errors import AdhashError, BadInputError, PolicyError, StorageError
from adhash.service.errors import InvalidRequestError, ServiceError
from adhash.service.models import FieldFault, Problem

MEDIA_TYPE = "application/problem+json"
_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
}


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return the response that tells a problem."""
    return JSONResponse(
        problem.model_dump(mode="json"),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=dict(headers or {}),
    )


def problem_of(error: AdhashError) -> Problem:
    """Return what tells an error of adhash over HTTP."""
    status, code = _status_of(error)
    faults = error.errors if isinstance(error, InvalidRequestError) else ()
    return Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=error.detail,
        code=code,
        hint=error.hint,
        errors=[FieldFault(pointer=pointer, message=text) for pointer, text in faults],
    )


def _status_of(error: AdhashError) -> tuple[int, str]:
    if isinstance(error, ServiceError):
        return error.status, error.code
    if isinstance(error, BadInputError):
        return 422, "bad_input"
    if isinstance(error, PolicyError):
        return 403, "policy"
    if isinstance(error, StorageError):
        return 503, "io"
    return 500, "invariant"


def headers_of(problem: Problem) -> dict[str, str]:
    """Return the headers that go with a problem."""
    if problem.status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": 'Bearer realm="adhash"'}
    if problem.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return {"Retry-After": "1"}
    return {}


def add_problem_handlers(app: FastAPI) -> None:
    """Make every error of `app` a problem."""
    app.add_exception_handler(AdhashError, _on_adhash_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(Exception, _on_bug)


async def _on_adhash_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AdhashError)  # noqa: S101
    problem = problem_of(error)
    return problem_response(problem, headers_of(problem))


async def _on_http_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    problem = Problem(
        title=HTTPStatus(error.status_code).phrase,
        status=error.status_code,
        detail=str(error.detail),
        code=_CODES.get(error.status_code, "http_error"),
    )
    return problem_response(problem, error.headers)


async def _on_invalid_request(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    faults = list(dict.fromkeys(_fault(each) for each in error.errors()))
    problem = Problem(
        title=HTTPStatus.UNPROCESSABLE_ENTITY.phrase,
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        detail="; ".join(f"{pointer or 'the body'}: {text}" for pointer, text in faults),
        code=InvalidRequestError.code,
        errors=[FieldFault(pointer=pointer, message=text) for pointer, text in faults],
    )
    return problem_response(problem)


def _fault(error: Mapping[str, Any]) -> tuple[str, str]:
    """Return where a fault is (a pointer into the body, or the parameter) and what it is."""
    place = [str(part) for part in error["loc"]]
    message = str(error["msg"]).removeprefix("Value error, ")
    if place[:1] != ["body"]:
        return f"#{'.'.join(place)}", message
    # A body that is no JSON is placed by the number of the character; nothing is there to point to.
    parts = [] if error["type"] == "json_invalid" else place[1:]
    escaped = (part.replace("~", "~0").replace("/", "~1") for part in parts)
    return "".join(f"/{part}" for part in escaped), message


async def _on_bug(_request: Request, error: Exception) -> JSONResponse:
    problem = Problem(
        title=HTTPStatus.INTERNAL_SERVER_ERROR.phrase,
        status=500,
        detail=f"unexpected {type(error).__name__}",
        code="internal",
        hint="this is a fault of adhash; the server's log shows where it arose",
    )
    return problem_response(problem)
