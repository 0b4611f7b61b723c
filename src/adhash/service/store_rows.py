"""Rows of the store as records, and records as rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from adhash.service.lifecycle import JobError, JobState, Status
from adhash.service.models import Event, EventType, Isolation
from adhash.service.records import (
    ArtifactRecord,
    AuditRecord,
    InputRecord,
    JobRecord,
    NewEvent,
    NewJob,
)
from adhash.service.store_schema import jobs

# The columns of a row by their names; plain, because a listing looks up thousands of them.
Row = Mapping[str, Any]

# What a listing leaves out: nobody reads a hundred results at once.
DOCUMENTS = ("request", "options", "result", "placement", "confinement")
JOB = tuple(column for column in jobs.columns if column.name not in ("seq", "pruned_to"))
JOB_IN_BRIEF = tuple(column for column in JOB if column.name not in DOCUMENTS)


def job_row(new: NewJob, now: datetime) -> dict[str, Any]:
    """Return the row of a job that was just accepted."""
    return {
        "id": new.id,
        "kind": new.kind,
        "owner": new.owner,
        "queue_rank": -new.priority,
        "isolation": new.isolation.value,
        "is_trusted": new.is_trusted,
        "is_expired": False,
        "timeout_s": new.timeout_s,
        "created_at": now,
        "events_consumed": 0,
        "pruned_to": 0,
        "traceparent": new.traceparent,
        "labels": new.labels,
        "placement": {},
        "request": new.request,
        "options": new.options,
        **state_row(JobState(retries_left=new.retries)),
    }


def state_row(state: JobState) -> dict[str, Any]:
    """Return the columns that hold where a job is."""
    return {
        "status": state.status.value,
        "attempt": state.attempt,
        "retries_left": state.retries_left,
        "is_cancel_requested": state.is_cancel_requested,
        "error": None if state.error is None else asdict(state.error),
    }


def event_row(job_id: str, event: NewEvent) -> dict[str, Any]:
    """Return the row of an event; its number is given by the database."""
    return {"job_id": job_id, "type": event.type.value, "at": event.at, "data": event.data}


def job_record(row: Row) -> JobRecord:
    """Return the job of a row; documents that were not read are empty."""
    return JobRecord(
        id=row["id"],
        kind=row["kind"],
        owner=row["owner"],
        request=row.get("request") or {},
        options=row.get("options") or {},
        labels=row["labels"],
        priority=-row["queue_rank"],
        isolation=Isolation(row["isolation"]),
        timeout_s=row["timeout_s"],
        is_trusted=row["is_trusted"],
        traceparent=row["traceparent"],
        state=_job_state(row),
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        placement=row.get("placement") or {},
        confinement=row.get("confinement"),
        progress=row["progress"],
        result=row.get("result"),
        events_consumed=row["events_consumed"],
        is_expired=row["is_expired"],
    )


def event(row: Row) -> Event:
    """Return the event of a row, which was checked when it was kept."""
    return Event.model_construct(
        id=row["id"],
        job_id=row["job_id"],
        type=EventType(row["type"]),
        at=row["at"],
        data=row["data"],
    )


def audit_record(row: Row) -> AuditRecord:
    """Return who did what, of an event's row."""
    data = dict(row["data"])
    return AuditRecord(
        id=row["id"],
        at=row["at"],
        owner=data.pop("owner"),
        action=data.pop("action"),
        job_id=row["job_id"],
        data=data,
    )


def artifact(row: Row) -> ArtifactRecord:
    """Return the artifact of a row."""
    return ArtifactRecord(
        name=row["name"], size=row["size"], media_type=row["media_type"], sha256=row["sha256"]
    )


def input_record(row: Row) -> InputRecord:
    """Return the upload of a row."""
    return InputRecord(**row)


def _job_state(row: Row) -> JobState:
    return JobState(
        status=Status(row["status"]),
        attempt=row["attempt"],
        retries_left=row["retries_left"],
        is_cancel_requested=row["is_cancel_requested"],
        error=None if row["error"] is None else JobError(**row["error"]),
    )
