"""What whoever runs the service looks at: health, readiness, metrics."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from adhash import __version__
from adhash.errors import AdhashError
from adhash.service.lifecycle import Status
from adhash.service.metrics_page import MEDIA_TYPE, metrics_page
from adhash.service.models import Health, Readiness
from adhash.service.openapi import problems
from adhash.service.sandbox import sandbox_support
from adhash.service.surface import Surface, TheSurface

router = APIRouter(tags=["operations"])


@router.get("/healthz", response_model=Health, operation_id="health")
async def health() -> Health:
    """Tell that the process lives."""
    return Health()


@router.get(
    "/readyz",
    response_model=Readiness,
    operation_id="readiness",
    responses={
        503: {"model": Readiness, "description": "No jobs are taken now; `checks` says why."}
    },
)
async def readiness(surface: TheSurface) -> Response:
    """Tell whether jobs are taken."""
    state = await run_in_threadpool(_readiness, surface)
    status = 200 if state.status == "ready" else 503
    return JSONResponse(state.model_dump(mode="json"), status_code=status)


def _readiness(surface: Surface) -> Readiness:
    checks = {"store": _check_store(surface), "job_root": _check_job_root(surface)}
    counts = _counts(surface) if checks["store"] == "ok" else {}
    is_ending = surface.manager.is_draining or surface.followers.is_closing
    is_well = all(outcome == "ok" for outcome in checks.values())
    return Readiness(
        status="draining" if is_ending else "ready" if is_well else "unavailable",
        checks=checks,
        slots=surface.manager.capacity().slots,
        running=counts.get(Status.RUNNING, 0),
        queued=counts.get(Status.PENDING, 0),
        sandbox=sandbox_support(),
        version=__version__,
    )


def _check_store(surface: Surface) -> str:
    try:
        surface.manager.store.check()
    except AdhashError as error:
        return error.detail
    return "ok"


def _check_job_root(surface: Surface) -> str:
    probe = surface.manager.job_root / ".writable"
    try:
        probe.write_bytes(b"1")
        probe.unlink()
    except OSError as error:
        return error.strerror or "cannot be written"
    return "ok"


def _counts(surface: Surface) -> dict[Status, int]:
    counts: dict[Status, int] = {}
    for (_, status), count in surface.manager.store.metrics().jobs.items():
        counts[status] = counts.get(status, 0) + count
    return counts


@router.get(
    "/metrics",
    operation_id="prometheus_metrics",
    response_class=Response,
    responses={
        200: {"description": "In Prometheus' text format.", "content": {"text/plain": {}}},
        **problems(401, 503),
    },
)
async def prometheus_metrics(surface: TheSurface) -> Response:
    """Tell what Prometheus wants to know, computed from the store."""
    metrics = await run_in_threadpool(surface.manager.store.metrics)
    page = metrics_page(metrics, surface.manager.capacity(), followers=surface.followers.count)
    return Response(page, media_type=MEDIA_TYPE)
