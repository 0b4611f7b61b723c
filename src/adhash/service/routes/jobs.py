"""Looking at jobs and ending them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool

from adhash.clock import NS_PER_S
from adhash.service.errors import InvalidRequestError
from adhash.service.followers import wait as wait_for
from adhash.service.lifecycle import Status
from adhash.service.models import JobDetail, JobList
from adhash.service.openapi import problems
from adhash.service.surface import Surface, TheCaller, TheSurface

router = APIRouter(tags=["jobs"])
_ENDING_LOOK_S = 1.0


@router.get(
    "/api/jobs", response_model=JobList, operation_id="list_jobs", responses=problems(401, 422, 503)
)
async def list_jobs(
    surface: TheSurface,
    status: Annotated[list[Status], Query(description="Any of these.")] = [],  # noqa: B006
    kind: Annotated[list[str], Query(description="Any of these.", max_length=32)] = [],  # noqa: B006
    label: Annotated[
        list[str], Query(description="All of these, each NAME=VALUE.", max_length=32)
    ] = [],  # noqa: B006
    cursor: Annotated[
        str | None, Query(description="The `next_cursor` of the page before.", max_length=64)
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="How many at most.")] = 50,
) -> JobList:
    """List jobs, newest first."""
    return await run_in_threadpool(
        surface.manager.list,
        status=status,
        kind=kind,
        labels=_labels(label),
        cursor=cursor,
        limit=limit,
    )


def _labels(given: list[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in given]
    for name, sign, _ in pairs:
        if not name or not sign:
            raise InvalidRequestError("label: filters are written NAME=VALUE")
    return {name: value for name, _, value in pairs}


@router.get(
    "/api/jobs/{job_id}",
    response_model=JobDetail,
    operation_id="show_job",
    responses=problems(401, 404, 422, 503),
)
async def show_job(
    job_id: str,
    surface: TheSurface,
    wait: Annotated[
        float, Query(ge=0, le=60, description="Wait so many seconds for a change.")
    ] = 0.0,
) -> JobDetail:
    """Show all that is known of a job."""
    detail = await _wait_for_change(surface, job_id, wait)
    return surface.with_urls(detail)


async def _wait_for_change(surface: Surface, job_id: str, wait_s: float) -> JobDetail:
    with surface.followers.following(job_id) as changed:
        detail = await run_in_threadpool(surface.manager.detail, job_id)
        if wait_s <= 0 or detail.status.is_terminal or not await wait_for(changed, wait_s):
            return detail
    return await run_in_threadpool(surface.manager.detail, job_id)


@router.delete(
    "/api/jobs/{job_id}",
    response_model=JobDetail,
    operation_id="end_job",
    responses=problems(401, 403, 404, 409, 422, 503),
)
async def end_job(
    job_id: str,
    surface: TheSurface,
    caller: TheCaller,
    only: Annotated[
        Literal["cancel", "delete"] | None,
        Query(description="cancel: never delete; delete: never end a job (409 if it is active)."),
    ] = None,
    wait: Annotated[
        float | None,
        Query(ge=0, le=60, description="Answer after so many seconds even if it has not ended."),
    ] = None,
) -> JobDetail:
    """End an active job, or delete the artifacts and logs of one that has ended.

    An active job is answered in its final state, once no process of it is left. With `only`, doing
    it again is safe whatever became of the job meanwhile.
    """
    record = await run_in_threadpool(surface.manager.record, job_id)
    caller.require_owner(record.owner)
    await run_in_threadpool(
        surface.manager.store.append_audit, caller.name, "end_job", {"job": job_id}
    )
    if only == "delete" or (only is None and record.status.is_terminal):
        detail = await run_in_threadpool(surface.manager.delete, job_id)
    else:
        detail = await _end(surface, job_id, f"cancelled by {caller.name}", wait_s=wait)
    return surface.with_urls(detail)


async def _end(surface: Surface, job_id: str, reason: str, *, wait_s: float | None) -> JobDetail:
    await run_in_threadpool(surface.manager.request_cancel, job_id, reason=reason)
    limit_s = float("inf") if wait_s is None else wait_s
    begun_s = _now_s(surface)
    with surface.followers.following(job_id) as changed:
        while True:
            changed.clear()
            detail = await run_in_threadpool(surface.manager.detail, job_id)
            left_s = limit_s - (_now_s(surface) - begun_s)
            if detail.status.is_terminal or left_s <= 0 or surface.followers.is_closing:
                return detail
            await wait_for(changed, min(_ENDING_LOOK_S, left_s))


def _now_s(surface: Surface) -> float:
    return surface.clock.monotonic_ns() / NS_PER_S
