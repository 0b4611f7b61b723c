"""What the store keeps, as the rest of the service sees it: no tables, no connections."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adhash.service.lifecycle import JobError, JobState, Status
from adhash.service.models import EventType, Isolation


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A job that was accepted and is not kept yet."""

    id: str
    kind: str
    owner: str
    request: dict[str, Any]
    options: dict[str, Any]
    labels: dict[str, str]
    priority: int
    isolation: Isolation
    timeout_s: float
    retries: int
    is_trusted: bool
    traceparent: str | None = None


@dataclass(frozen=True, kw_only=True)
class JobRecord:
    """A job as it is kept.

    `request` is what was asked, `options` what the work is given (paths resolved). `placement` is
    the executor's note of the present attempt. `events_consumed` is how many bytes of its
    ``events.ndjson`` are in the store.
    """

    id: str
    kind: str
    owner: str
    request: dict[str, Any]
    options: dict[str, Any]
    labels: dict[str, str]
    priority: int
    isolation: Isolation
    timeout_s: float
    is_trusted: bool
    traceparent: str | None
    state: JobState
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    placement: dict[str, Any] = field(default_factory=dict)
    confinement: dict[str, Any] | None = None
    progress: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    events_consumed: int = 0
    is_expired: bool = False

    @property
    def status(self) -> Status:
        """Return where the job is."""
        return self.state.status

    @property
    def error(self) -> JobError | None:
        """Return why the job failed, if it did."""
        return self.state.error


@dataclass(frozen=True, kw_only=True)
class ArtifactRecord:
    """A file that a job made, beneath its folder of artifacts."""

    name: str
    size: int
    media_type: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class NewEvent:
    """Something that happened to a job and is not kept yet."""

    type: EventType
    at: datetime
    data: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class JobChanges:
    """What is kept of a job together with a fact, in one transaction; None changes nothing."""

    placement: dict[str, Any] | None = None
    confinement: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    artifacts: tuple[ArtifactRecord, ...] = ()
    events: tuple[NewEvent, ...] = ()
    events_consumed: int | None = None


@dataclass(frozen=True, kw_only=True)
class JobFilter:
    """Which jobs are listed; empty means any. Every label must match."""

    statuses: tuple[Status, ...] = ()
    kinds: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    owner: str | None = None


@dataclass(frozen=True, kw_only=True)
class IdempotencyKey:
    """A caller's name for a request, and a digest of the request it named."""

    owner: str
    key: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class RememberedResponse:
    """What was answered to a request with an idempotency key, other than a submission."""

    status: int
    body: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class AuditRecord:
    """Who did what, and when; `job_id` if it was done to a job."""

    id: int
    at: datetime
    owner: str
    action: str
    job_id: str | None
    data: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class InputRecord:
    """An upload that is kept under its SHA-256."""

    sha256: str
    name: str
    size: int
    owner: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Counts at or below each bound (cumulative, the last bound is infinite), their sum, in s."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total_s: float


@dataclass(frozen=True, kw_only=True)
class StoreMetrics:
    """What the metrics endpoint tells, computed from the store."""

    jobs: dict[tuple[str, Status], int]
    queue_wait: dict[str, Histogram]
    run_time: dict[str, Histogram]
    attempts_lost: int
    oldest_queued_s: float
