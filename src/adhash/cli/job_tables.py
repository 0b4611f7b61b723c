"""Jobs as text: the tables and lines that ``adhash jobs`` prints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from adhash.presenters import Table, columns
from adhash.units import format_bytes

if TYPE_CHECKING:
    from adhash.service.models import ArtifactInfo, JobDetail, JobSummary


def jobs_table(jobs: Sequence[JobSummary]) -> Table:
    """Return the table of a listing."""
    rows = tuple(
        (job.id, job.kind, job.status.value, _time(job.created_at), _labels(job.labels))
        for job in jobs
    )
    return Table(columns=columns("job", "kind", "status", "created", "labels"), rows=rows)


def artifacts_table(artifacts: Sequence[ArtifactInfo]) -> Table:
    """Return the table of the files that a job made."""
    rows = tuple((each.name, format_bytes(each.size), each.media_type) for each in artifacts)
    return Table(columns=columns("artifact", "size", "type"), rows=rows)


def detail_lines(detail: JobDetail) -> Iterator[str]:
    """Yield what is known of a job, a fact a line; the result has a command of its own.

    Parameters
    ----------
    detail : JobDetail
        The job.

    Yields
    ------
    str
        Lines for a person.
    """
    yield f"{detail.id} {detail.kind}: {detail.status}"
    if detail.labels:
        yield f"labels: {_labels(detail.labels)}"
    if detail.queue_reason:
        yield f"waits: {detail.queue_reason}"
    if detail.progress is not None and not detail.status.is_terminal:
        of_total = "" if detail.progress.total is None else f" of {detail.progress.total:,}"
        yield f"progress: {detail.progress.done:,}{of_total} {detail.progress.unit}"
    for entry in detail.timeline:
        yield f"{_time(entry.at)}  {entry.status}: {entry.reason}"
    if detail.error is not None:
        yield f"error: {detail.error.code}: {detail.error.detail}"
        if detail.error.hint:
            yield f"hint: {detail.error.hint}"
    for artifact in detail.artifacts:
        yield f"artifact: {artifact.name} ({format_bytes(artifact.size)})"


def event_line(kind: str, at: datetime, data: dict[str, object]) -> str:
    """Return an event as a line."""
    return f"{_time(at)}  {kind}: {json.dumps(data, ensure_ascii=False)}"


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")


def _labels(labels: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in labels.items())
