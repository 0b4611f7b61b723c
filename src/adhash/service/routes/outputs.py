"""What a job gives: its events, its output, its ticks, its artifacts."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from adhash.errors import AdhashError
from adhash.service.artifacts import open_artifact
from adhash.service.downloads import send_file
from adhash.service.errors import GoneError, InvalidRequestError, UnknownArtifactError
from adhash.service.guard import identity_of
from adhash.service.idempotency import IdempotencyKeyHeader, key_of
from adhash.service.models import (
    ArtifactList,
    Event,
    LogLine,
    SignedUrl,
    SignedUrlRequest,
    TickList,
)
from adhash.service.openapi import described_stream, problems
from adhash.service.records import ArtifactRecord, IdempotencyKey, RememberedResponse
from adhash.service.streams import HEADERS
from adhash.service.surface import Surface, TheCaller, TheSurface

router = APIRouter(tags=["outputs"])

_MAX_EVENT_ID = 2**63 - 1
_BINARY = {"type": "string", "format": "binary"}


@router.get(
    "/api/jobs/{job_id}/logs",
    operation_id="read_logs",
    response_class=StreamingResponse,
    responses={
        200: described_stream("application/x-ndjson", LogLine, "One line of output a line."),
        **problems(401, 404, 410, 422, 503),
    },
)
async def read_logs(
    job_id: str,
    surface: TheSurface,
    *,
    since: Annotated[
        str | None, Query(description="The `next` of the last line you have.", max_length=80)
    ] = None,
    follow: Annotated[bool, Query(description="Wait for more until the job ends.")] = False,
) -> StreamingResponse:
    """Read what a job wrote, from any line on."""
    reader = await run_in_threadpool(surface.manager.log_reader, job_id, since)
    lines = surface.streams.logs(reader, job_id, follow=follow)
    return StreamingResponse(lines, media_type="application/x-ndjson", headers=HEADERS)


@router.get(
    "/api/jobs/{job_id}/events",
    operation_id="follow_events",
    response_class=StreamingResponse,
    responses={
        200: described_stream("text/event-stream", Event, "Server-sent events; `data` is this."),
        **problems(401, 404, 422, 503),
    },
)
async def follow_events(
    job_id: str,
    surface: TheSurface,
    *,
    since: Annotated[
        int | None,
        Query(ge=0, le=_MAX_EVENT_ID, description="The id of the last event you have."),
    ] = None,
    last_event_id: Annotated[
        str | None, Header(alias="Last-Event-ID", description="As `since`; a browser sends it.")
    ] = None,
    follow: Annotated[bool, Query(description="Wait for more until the job ends.")] = True,
) -> StreamingResponse:
    """Follow what happens to a job until its terminal status."""
    await run_in_threadpool(surface.manager.record, job_id)
    after = _place(since, last_event_id)
    events = surface.streams.events(job_id, after, follow=follow)
    return StreamingResponse(events, media_type="text/event-stream", headers=HEADERS)


def _place(since: int | None, last_event_id: str | None) -> int:
    if last_event_id is None:
        return since or 0
    if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) <= 19):
        raise InvalidRequestError("Last-Event-ID is not the id of an event")
    return min(int(last_event_id), _MAX_EVENT_ID)


@router.get(
    "/api/jobs/{job_id}/metrics",
    response_model=TickList,
    operation_id="read_ticks",
    responses=problems(401, 404, 422, 503),
)
async def read_ticks(
    job_id: str,
    surface: TheSurface,
    last: Annotated[
        int | None, Query(ge=1, le=1_000_000, description="Only so many of the newest.")
    ] = None,
) -> TickList:
    """Read the ticks of a replay so far."""
    await run_in_threadpool(surface.manager.record, job_id)
    ticks = await run_in_threadpool(surface.manager.store.last_ticks, job_id, last)
    return TickList(ticks=[tick.data for tick in ticks])


@router.get(
    "/api/jobs/{job_id}/artifacts",
    response_model=ArtifactList,
    operation_id="list_artifacts",
    responses=problems(401, 404, 503),
)
async def list_artifacts(job_id: str, surface: TheSurface) -> ArtifactList:
    """List the files that a job made, each with a signed URL."""
    found = await run_in_threadpool(surface.manager.artifacts, job_id)
    return ArtifactList(artifacts=[surface.signed(job_id, each) for each in found])


@router.post(
    "/api/jobs/{job_id}/artifacts/{name:path}/url",
    response_model=SignedUrl,
    operation_id="sign_artifact",
    responses=problems(400, 401, 403, 404, 409, 410, 422, 503),
)
async def sign_artifact(
    job_id: str,
    name: str,
    body: SignedUrlRequest,
    surface: TheSurface,
    caller: TheCaller,
    idempotency_key: IdempotencyKeyHeader = None,
) -> SignedUrl:
    """Make a signed URL of an artifact."""
    record = await run_in_threadpool(_find, surface, job_id, name)
    asked = [job_id, name, body.ttl_s]
    if idempotency_key is None:
        return await run_in_threadpool(_sign, surface, record, asked, caller.name)
    key = key_of(caller.name, idempotency_key, asked)
    return await run_in_threadpool(_sign_once, surface, record, asked, key)


def _sign_once(
    surface: Surface, record: ArtifactRecord, asked: list[Any], key: IdempotencyKey
) -> SignedUrl:
    store = surface.manager.store
    before = store.begin_response(key)
    if before is not None:
        return SignedUrl.model_validate(before.body)
    try:
        signed = _sign(surface, record, asked, key.owner)
    except AdhashError:
        store.abandon_response(key)
        raise
    response = RememberedResponse(status=200, body=signed.model_dump(mode="json"))
    store.finish_response(key, response)
    return signed


def _sign(surface: Surface, record: ArtifactRecord, asked: list[Any], owner: str) -> SignedUrl:
    job_id, name, ttl_s = asked
    about = {"job": job_id, "artifact": name, "ttl_s": ttl_s}
    surface.manager.store.append_audit(owner, "sign_artifact", about)
    return surface.signer.sign(job_id, record, ttl_s=ttl_s)


@router.api_route(
    "/api/jobs/{job_id}/artifacts/{name:path}",
    methods=["GET"],
    operation_id="read_artifact",
    response_class=Response,
    responses={
        200: {
            "description": "The file.",
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        },
        206: {"description": "The range that was asked for."},
        304: {"description": "You have it already (`If-None-Match`)."},
        **problems(401, 403, 404, 410, 416, 422, 503),
    },
)
@router.head("/api/jobs/{job_id}/artifacts/{name:path}", include_in_schema=False)
async def read_artifact(
    job_id: str,
    name: str,
    request: Request,
    surface: TheSurface,
    signature: Annotated[
        str | None, Query(description="Of a signed URL, instead of a token.", max_length=4096)
    ] = None,
) -> Response:
    """Read an artifact, whole or one range of it."""
    record = await run_in_threadpool(_find, surface, job_id, name)
    if identity_of(request.scope.get("state", {})) is None:
        surface.signer.check(signature or "", job_id, record)
    file = await run_in_threadpool(open_artifact, surface.manager.folder(job_id), record.name)
    return send_file(file, record, headers=dict(request.headers), is_head=request.method == "HEAD")


def _find(surface: Surface, job_id: str, name: str) -> ArtifactRecord:
    if surface.manager.record(job_id).is_expired:
        raise GoneError("the artifacts of this job were deleted", hint="its record remains")
    found = {each.name: each for each in surface.manager.store.artifacts(job_id)}
    if name not in found:
        raise UnknownArtifactError(
            f"the job has no artifact {name[:120]!r}", hint="the list of artifacts has their names"
        )
    return found[name]
