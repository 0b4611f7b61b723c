"""What the service takes and gives: bodies of requests and answers, for REST and Python alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from adhash.config_values import Real, Whole
from adhash.service.ids import PATTERN
from adhash.service.lifecycle import Status

LabelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$")]
LabelValue = Annotated[str, Field(max_length=256, pattern=r"^[^\x00]*$")]
JobId = Annotated[str, Field(pattern=PATTERN)]
_PART = "[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
ARTIFACT_NAME = f"^{_PART}(/{_PART}){{0,3}}$"
ArtifactName = Annotated[str, Field(pattern=ARTIFACT_NAME)]


class Isolation(StrEnum):
    """Who else may run while the job does."""

    SHARED = "shared"
    EXCLUSIVE_HOST = "exclusive-host"


class EventType(StrEnum):
    """What an event tells."""

    STATUS = "status"
    PROGRESS = "progress"
    METRICS = "metrics"
    ARTIFACT = "artifact"
    ALERT = "alert"
    AUDIT = "audit"


class _Body(BaseModel):
    """Part of a request: what is not known is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class _Answer(BaseModel):
    """Part of an answer: a client passes over what a newer server adds."""

    model_config = ConfigDict(frozen=True, extra="ignore")


# --- what a request adds to the options of its command -------------------------------------------


class JobFields(_Body):
    """What any job may be given besides the options of its command."""

    labels: dict[LabelName, LabelValue] = Field(
        default_factory=dict,
        max_length=32,
        description="Names and values of your own, to find the job by.",
    )
    priority: Whole = Field(
        0, ge=-100, le=100, description="Jobs of higher priority start first; then the oldest."
    )
    timeout_s: Annotated[Real, Field(gt=0, le=31_536_000)] | None = Field(
        None, description="End the job, as failed, when it runs longer than this."
    )
    isolation: Isolation = Field(
        Isolation.SHARED,
        description="exclusive-host waits until nothing else runs, and runs alone.",
    )
    retries: Whole = Field(
        0, ge=0, le=10, description="How many more attempts follow one whose runner was lost."
    )


JOB_FIELDS = tuple(JobFields.model_fields)


# --- answers -------------------------------------------------------------------------------------


class Links(_Answer):
    """Where to go on from a job, as paths."""

    self: str
    logs: str
    events: str
    metrics: str
    artifacts: str


class JobCreated(_Answer):
    """The service took the job and will not lose it."""

    id: JobId
    status: Status
    links: Links


class RequestChecked(_Answer):
    """The request is valid; nothing was run."""

    valid: Literal[True] = True
    kind: str
    request: dict[str, Any]


class TimelineEntry(_Answer):
    """A status that the job reached."""

    status: Status
    at: datetime
    reason: str


class Progress(_Answer):
    """How far the job has come; `total` is null while nobody knows it."""

    done: int
    total: int | None
    unit: str
    note: str = ""


class ErrorInfo(_Answer):
    """Why the job failed."""

    code: str
    detail: str
    hint: str = ""


class ArtifactInfo(_Answer):
    """A file that the job made. The signed `url` is good until `expires_at`."""

    name: str
    size: int
    media_type: str
    sha256: str
    url: str | None = None
    expires_at: datetime | None = None


class Confinement(_Answer):
    """What holds the work of the present attempt in: each ``on``, or ``off`` and why."""

    seccomp: str = "off"
    landlock: str = "off"
    network: str = "allowed"
    cores: list[int] = Field(default_factory=list)
    limits: dict[str, int] = Field(default_factory=dict)


class JobDetail(_Answer):
    """All that is known of a job."""

    id: JobId
    kind: str
    status: Status
    labels: dict[str, str]
    priority: int
    isolation: Isolation
    owner: str
    request: dict[str, Any]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    queue_reason: str | None
    timeline: list[TimelineEntry]
    progress: Progress | None
    attempt: int
    is_cancel_requested: bool
    confinement: Confinement | None
    result: dict[str, Any] | None
    error: ErrorInfo | None
    artifacts: list[ArtifactInfo]
    metrics_url: str | None
    links: Links


class JobSummary(_Answer):
    """A job as a line of a listing."""

    id: JobId
    kind: str
    status: Status
    labels: dict[str, str]
    priority: int
    owner: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    attempt: int
    error: ErrorInfo | None
    links: Links


class JobList(_Answer):
    """A page of jobs, newest first; `next_cursor` is null on the last."""

    jobs: list[JobSummary]
    next_cursor: str | None


class ArtifactList(_Answer):
    """The files that a job made."""

    artifacts: list[ArtifactInfo]


class TickList(_Answer):
    """Ticks of a replay, oldest first, as ``metrics.v1``."""

    ticks: list[dict[str, Any]]


class Event(_Answer):
    """Something that happened to a job. `id` grows with time; a follower resumes after it."""

    id: int
    job_id: str
    type: EventType
    at: datetime
    data: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class EventsReset:
    """The place that was asked for is not there any more: what is left follows from `oldest` on."""

    oldest: int


class LogLine(_Answer):
    """A line of output.

    `next` is the token that resumes exactly after it. A line that is very long, or was not ended
    yet when the output ended, comes in pieces marked `partial`. Where the bytes are not UTF-8,
    `base64` has them as they were.
    """

    seq: int
    at: datetime
    stream: Literal["stdout", "stderr"]
    message: str
    next: str
    partial: bool = False
    base64: str | None = None


class SignedUrlRequest(_Body):
    """How long the URL shall be good."""

    ttl_s: Whole = Field(900, ge=1, le=604_800, description="Seconds.")


class SignedUrl(_Answer):
    """A URL that needs no token until it expires."""

    url: str
    expires_at: datetime


class InputInfo(_Answer):
    """A stored upload; `uri` goes where a request takes a file."""

    uri: str
    name: str
    size: int
    sha256: str


class FieldFault(_Answer):
    """One thing that is wrong with a body: where (RFC 6901) and what."""

    pointer: str
    message: str


class Problem(_Answer):
    """An error (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    hint: str = ""
    errors: list[FieldFault] = Field(default_factory=list)


class Health(_Answer):
    """The process lives."""

    status: Literal["ok"] = "ok"


class Readiness(_Answer):
    """Whether the service takes jobs, and why not."""

    status: Literal["ready", "draining", "unavailable"]
    checks: dict[str, str]
    slots: int
    running: int
    queued: int
    sandbox: dict[str, str]
    version: str
