"""``POST /api/jobs/<kind>``: one route for each kind of job, made from its registration."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from adhash.options.base import CommandOptions
from adhash.service.auth import Identity
from adhash.service.describe import links_of
from adhash.service.errors import InvalidRequestError
from adhash.service.idempotency import IdempotencyKeyHeader
from adhash.service.intake import Caller
from adhash.service.kinds import JobKind, job_kinds, request_model
from adhash.service.models import JobCreated, RequestChecked
from adhash.service.openapi import problems
from adhash.service.surface import Surface, TheCaller, TheSurface

router = APIRouter(tags=["submit"])

# W3C Trace Context, 3.2: version, trace, parent and flags, no part all zeros.
_TRACEPARENT = re.compile(
    r"^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$"
)
TraceparentHeader = Annotated[
    str | None,
    Header(description="The trace that the work belongs to (W3C Trace Context)."),
]


def _route_of(kind: JobKind) -> Callable[..., Any]:
    model = request_model(kind.name)

    async def submit(
        body: Any,
        request: Request,
        surface: TheSurface,
        caller: TheCaller,
        idempotency_key: IdempotencyKeyHeader = None,
        traceparent: TraceparentHeader = None,
        validate: Annotated[
            Literal["only"] | None,
            Query(description="only: check the request and run nothing."),
        ] = None,
    ) -> Response:
        given = await _given(request, body)
        if validate == "only":
            return await run_in_threadpool(_check, surface, kind.name, given)
        asked_by = _caller(caller, idempotency_key, traceparent)
        return await _take(surface, kind.name, given, asked_by)

    submit.__annotations__["body"] = model
    submit.__name__ = f"submit_{kind.method}"
    submit.__doc__ = kind.summary
    return submit


async def _given(request: Request, body: CommandOptions) -> dict[str, Any]:
    """Return what the caller wrote: the manager checks and keeps that, not its reading."""
    given = await request.json()
    return dict(given) if isinstance(given, dict) else body.model_dump(exclude_unset=True)


def _caller(identity: Identity, key: str | None, traceparent: str | None) -> Caller:
    # A trace that is not one is ignored, as the standard wants it.
    is_trace = traceparent is not None and _TRACEPARENT.fullmatch(traceparent) is not None
    return Caller(
        owner=identity.name,
        idempotency_key=key,
        queued_quota=identity.max_queued,
        traceparent=traceparent if is_trace else None,
    )


def _check(surface: Surface, kind: str, given: dict[str, Any]) -> Response:
    asked = surface.manager.validate(kind, _bound(surface, given), is_trusted=False)
    return JSONResponse(RequestChecked(kind=kind, request=asked).model_dump(mode="json"))


async def _take(surface: Surface, kind: str, given: dict[str, Any], caller: Caller) -> Response:
    later = await run_in_threadpool(
        surface.manager.submit_later,
        kind,
        _bound(surface, given),
        caller=caller,
        is_trusted=False,
    )
    record, _ = await asyncio.wrap_future(later)
    links = links_of(record.id)
    created = JobCreated(id=record.id, status=record.status, links=links)
    return JSONResponse(
        created.model_dump(mode="json"), status_code=202, headers={"Location": links.self}
    )


def _bound(surface: Surface, given: dict[str, Any]) -> dict[str, Any]:
    """Return a request whose live endpoint, if any, listens only where the server does."""
    if given.get("metrics_port") is None:
        return given
    host = surface.settings.host
    if given.get("metrics_host") not in (None, host):
        raise InvalidRequestError(
            f"metrics_host: a job may listen on {host} only",
            errors=(("/metrics_host", f"must be {host}"),),
        )
    return {**given, "metrics_host": host}


for _kind in job_kinds().values():
    router.add_api_route(
        f"/api/jobs/{_kind.name}",
        _route_of(_kind),
        methods=["POST"],
        status_code=202,
        response_model=JobCreated,
        summary=_kind.summary,
        operation_id=f"submit_{_kind.method}",
        responses={
            200: {"model": RequestChecked, "description": "Valid (`validate=only`)."},
            **problems(400, 401, 403, 409, 413, 422, 429, 503),
        },
    )
