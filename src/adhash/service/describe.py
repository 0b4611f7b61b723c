"""From what the store keeps to what callers see."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from adhash.service.folder import JobFolder
from adhash.service.lifecycle import JobError, Status
from adhash.service.models import (
    ArtifactInfo,
    Confinement,
    ErrorInfo,
    JobDetail,
    JobSummary,
    Links,
    Progress,
    TimelineEntry,
)
from adhash.service.records import ArtifactRecord, JobRecord


def links_of(job_id: str) -> Links:
    """Return the paths of a job."""
    base = f"/api/jobs/{job_id}"
    return Links(
        self=base,
        logs=f"{base}/logs",
        events=f"{base}/events",
        metrics=f"{base}/metrics",
        artifacts=f"{base}/artifacts",
    )


def describe_job(
    record: JobRecord,
    *,
    timeline: Sequence[TimelineEntry],
    artifacts: Sequence[ArtifactRecord],
    queue_reason: str | None,
    folder: JobFolder,
) -> JobDetail:
    """Return all that is known of a job.

    Parameters
    ----------
    record : JobRecord
        The job.
    timeline : sequence of TimelineEntry
        The statuses it reached.
    artifacts : sequence of ArtifactRecord
        What it made.
    queue_reason : str or None
        Why it waits, if it does.
    folder : JobFolder
        Its folder.

    Returns
    -------
    JobDetail
        Without signed URLs.
    """
    return JobDetail(
        **_shared(record),
        isolation=record.isolation,
        request=record.request,
        queue_reason=queue_reason,
        timeline=list(timeline),
        progress=None if record.progress is None else Progress.model_validate(record.progress),
        is_cancel_requested=record.state.is_cancel_requested,
        confinement=_confinement(record),
        result=record.result,
        artifacts=[describe_artifact(each) for each in artifacts],
        metrics_url=_metrics_url(record, folder),
    )


def summarise_job(record: JobRecord) -> JobSummary:
    """Return a job as a line of a listing."""
    return JobSummary(**_shared(record))


def describe_artifact(record: ArtifactRecord) -> ArtifactInfo:
    """Return an artifact as callers see it, without a signed URL."""
    return ArtifactInfo(
        name=record.name,
        size=record.size,
        media_type=record.media_type,
        sha256=record.sha256,
    )


def _shared(record: JobRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "kind": record.kind,
        "status": record.status,
        "labels": record.labels,
        "priority": record.priority,
        "owner": record.owner,
        "created_at": record.created_at,
        "started_at": record.started_at,
        "finished_at": record.finished_at,
        "attempt": record.state.attempt,
        "error": _error(record.error),
        "links": links_of(record.id),
    }


def _error(error: JobError | None) -> ErrorInfo | None:
    if error is None:
        return None
    return ErrorInfo(code=error.code, detail=error.detail, hint=error.hint)


def _confinement(record: JobRecord) -> Confinement | None:
    return None if record.confinement is None else Confinement.model_validate(record.confinement)


def _metrics_url(record: JobRecord, folder: JobFolder) -> str | None:
    """Return where a running replay serves its own metrics, if it does."""
    if record.status is not Status.RUNNING:
        return None
    with suppress(OSError):
        return folder.attempt(record.state.attempt).metrics_url.read_text().strip() or None
    return None
