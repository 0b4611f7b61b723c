"""The writes of the store: what each does inside its transaction.

Every write is a function of a `Transaction`, so that it can be run by `Store.later` from code that
must not wait as well as by the method of `Store` that does. Each checks first and writes then.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from adhash.service import store_rows, store_tallies
from adhash.service.errors import QuotaError, UnknownJobError
from adhash.service.lifecycle import Fact, IllegalTransitionError, Status, Step, step
from adhash.service.models import EventType
from adhash.service.records import (
    ArtifactRecord,
    IdempotencyKey,
    InputRecord,
    JobChanges,
    JobRecord,
    NewEvent,
    NewJob,
)
from adhash.service.store_idempotency import job_of_key, remember_job
from adhash.service.store_schema import artifacts, events, inputs, job_labels, jobs, probes
from adhash.service.store_writer import Transaction

PRUNABLE = (EventType.PROGRESS, EventType.METRICS)

# Made once: building a statement costs several times what SQLite takes to run it.
_FIND_JOB = sa.select(*store_rows.JOB).where(jobs.c.id == sa.bindparam("job_id"))
_UPDATE_JOB = jobs.update().where(jobs.c.id == sa.bindparam("of_job"))
_ADD_JOB = jobs.insert()
_ADD_LABEL = job_labels.insert()
_ADD_EVENT = events.insert()
_ADD_ARTIFACT = artifacts.insert()
_REMOVE_ARTIFACT = artifacts.delete().where(
    artifacts.c.job_id == sa.bindparam("of_job"), artifacts.c.name == sa.bindparam("of_name")
)


def add_job(
    transaction: Transaction,
    new: NewJob,
    *,
    max_queued: int,
    owner_quota: int | None,
    idempotency: IdempotencyKey | None,
) -> tuple[JobRecord, bool]:
    """Keep a new job, or find the one that the same request made before; see `Store.add_job`."""
    known = None if idempotency is None else job_of_key(transaction, idempotency)
    if known is not None:
        return find_job(transaction, known), False
    _require_room(transaction, new.owner, max_queued, owner_quota)
    transaction.connection.execute(_ADD_JOB, store_rows.job_row(new, transaction.now))
    if new.labels:
        transaction.connection.execute(
            _ADD_LABEL,
            [{"job_id": new.id, "name": n, "value": v} for n, v in new.labels.items()],
        )
    if idempotency is not None:
        remember_job(transaction, idempotency, new.id)
    store_tallies.count_new(transaction, new.owner, new.kind)
    _tell_status(transaction, new.id, Status.PENDING, "submitted", attempt=0)
    transaction.changed.add(new.id)
    return find_job(transaction, new.id), True


def apply(
    transaction: Transaction, job_id: str, fact: Fact, changes: JobChanges | None = None
) -> tuple[JobRecord, Step]:
    """Move a job by a fact, with what is kept together with it; see `Store.apply`."""
    before = find_job(transaction, job_id)
    following = step(before.state, fact)
    if following.state != before.state:
        _move(transaction, before, following, changes or JobChanges())
        store_tallies.count_move(transaction, before, following.state, fact)
        transaction.changed.add(job_id)
    return find_job(transaction, job_id), following


def keep(transaction: Transaction, job_id: str, *, attempt: int, changes: JobChanges) -> JobRecord:
    """Keep what is learned of the present attempt while it runs; see `Store.keep`."""
    before = find_job(transaction, job_id)
    if before.status is not Status.RUNNING or before.state.attempt != attempt:
        raise IllegalTransitionError(f"attempt {attempt} is not the present one of {before.state}")
    _update(transaction, job_id, _kept(transaction, before, changes))
    transaction.changed.add(job_id)
    return find_job(transaction, job_id)


def append_events(
    transaction: Transaction, job_id: str, new: Sequence[NewEvent], *, consumed: int
) -> None:
    """Keep events of a job that has not ended; see `Store.append_events`."""
    before = find_job(transaction, job_id)
    if consumed <= before.events_consumed:
        return
    if before.status.is_terminal:
        raise IllegalTransitionError(f"job {job_id} has ended; nothing more can happen to it")
    changes = JobChanges(events=tuple(new), events_consumed=consumed)
    _update(transaction, job_id, _kept(transaction, before, changes))
    transaction.changed.add(job_id)


def append_audit(
    transaction: Transaction,
    owner: str,
    action: str,
    data: dict[str, Any],
    *,
    job_id: str | None = None,
) -> None:
    """Keep that somebody did something; see `Store.append_audit`."""
    told = {"owner": owner, "action": action, **data}
    row = {
        "job_id": job_id,
        "type": EventType.AUDIT.value,
        "at": transaction.now,
        "data": told,
    }
    transaction.connection.execute(_ADD_EVENT, row)


def expire_job(transaction: Transaction, job_id: str) -> None:
    """Keep that the files of a job were deleted; see `Store.expire_job`."""
    before = find_job(transaction, job_id)
    if not before.status.is_terminal:
        raise IllegalTransitionError(f"job {job_id} is {before.status}: its files are in use")
    if not before.is_expired:
        _update(transaction, job_id, {"is_expired": True})
        transaction.changed.add(job_id)


def prune_events(transaction: Transaction, job_ids: Collection[str]) -> int:
    """Delete progress and ticks of expired jobs; see `Store.prune_events`."""
    expired = transaction.connection.scalars(
        sa.select(jobs.c.id).where(jobs.c.id.in_(job_ids), jobs.c.is_expired)
    ).all()
    return sum(_prune(transaction, job_id) for job_id in expired)


def add_input(transaction: Transaction, record: InputRecord) -> None:
    """Keep an upload, or that it was uploaded again; see `Store.add_input`."""
    again = (
        inputs.update().where(inputs.c.sha256 == record.sha256).values(created_at=record.created_at)
    )
    if transaction.connection.execute(again).rowcount == 0:
        row = {
            "sha256": record.sha256,
            "name": record.name,
            "size": record.size,
            "owner": record.owner,
            "created_at": record.created_at,
        }
        transaction.connection.execute(inputs.insert(), row)


def probe(transaction: Transaction) -> None:
    """Write something, to see whether anything can be written."""
    found = transaction.connection.execute(probes.update().values(at=transaction.now))
    if found.rowcount == 0:
        transaction.connection.execute(probes.insert(), {"id": 1, "at": transaction.now})


def find_job(transaction: Transaction, job_id: str) -> JobRecord:
    """Return a job as it stands in the transaction.

    Parameters
    ----------
    transaction : Transaction
        The one to look in.
    job_id : str
        The job's name.

    Returns
    -------
    JobRecord
        In full.

    Raises
    ------
    UnknownJobError
        If there is none of that name.
    """
    found = transaction.connection.execute(_FIND_JOB, {"job_id": job_id}).one_or_none()
    if found is None:
        raise UnknownJobError(f"there is no job {job_id}")
    return store_rows.job_record(found._asdict())


# --- steps ---------------------------------------------------------------------------------------


def _require_room(
    transaction: Transaction, owner: str, max_queued: int, owner_quota: int | None
) -> None:
    queued = store_tallies.queued(transaction)
    if queued >= max_queued:
        raise QuotaError(
            f"{queued} jobs are waiting, and no more than {max_queued} may",
            hint="try again when some have started",
        )
    if owner_quota is None:
        return
    own = store_tallies.queued_of(transaction, owner)
    if own >= owner_quota:
        raise QuotaError(
            f"{own} of your jobs are waiting, and no more than {owner_quota} may",
            hint="try again when some have started",
        )


def _move(
    transaction: Transaction, before: JobRecord, following: Step, changes: JobChanges
) -> None:
    values = {
        **_times(transaction, before, following),
        **store_rows.state_row(following.state),
        **_kept(transaction, before, changes),
    }
    _update(transaction, before.id, values)
    if following.state.status is not before.status:
        # Last of what happened, since followers leave after the final status.
        _tell_status(
            transaction,
            before.id,
            following.state.status,
            following.reason,
            attempt=following.state.attempt,
        )


def _times(transaction: Transaction, before: JobRecord, following: Step) -> dict[str, Any]:
    status = following.state.status
    if status is before.status:
        return {}
    if status.is_terminal:
        return {"finished_at": transaction.now}
    if status is Status.PENDING:
        return {"started_at": None, "placement": {}, "confinement": None, "progress": None}
    return {"started_at": transaction.now}


def _kept(transaction: Transaction, before: JobRecord, changes: JobChanges) -> dict[str, Any]:
    """Write the rows of the changes, and return the columns of the job that go with them."""
    values: dict[str, Any] = {
        name: value
        for name in ("placement", "confinement", "result")
        if (value := getattr(changes, name)) is not None
    }
    values.update(_append(transaction, before, changes))
    for found in changes.artifacts:
        _publish(transaction, before.id, found)
    return values


def _append(transaction: Transaction, before: JobRecord, changes: JobChanges) -> dict[str, Any]:
    consumed = changes.events_consumed
    if consumed is not None and consumed <= before.events_consumed:
        return {}
    if changes.events:
        rows = [store_rows.event_row(before.id, event) for event in changes.events]
        transaction.connection.execute(_ADD_EVENT, rows)
    values: dict[str, Any] = {} if consumed is None else {"events_consumed": consumed}
    progress = [event.data for event in changes.events if event.type is EventType.PROGRESS]
    return {**values, "progress": progress[-1]} if progress else values


def _publish(transaction: Transaction, job_id: str, found: ArtifactRecord) -> None:
    data = {
        "name": found.name,
        "size": found.size,
        "media_type": found.media_type,
        "sha256": found.sha256,
    }
    transaction.connection.execute(_REMOVE_ARTIFACT, {"of_job": job_id, "of_name": found.name})
    transaction.connection.execute(_ADD_ARTIFACT, {"job_id": job_id, **data})
    told = NewEvent(type=EventType.ARTIFACT, at=transaction.now, data=data)
    transaction.connection.execute(_ADD_EVENT, store_rows.event_row(job_id, told))


def _tell_status(
    transaction: Transaction, job_id: str, status: Status, reason: str, *, attempt: int
) -> None:
    data = {"status": status.value, "reason": reason, "attempt": attempt}
    told = NewEvent(type=EventType.STATUS, at=transaction.now, data=data)
    transaction.connection.execute(_ADD_EVENT, store_rows.event_row(job_id, told))


def _update(transaction: Transaction, job_id: str, values: dict[str, Any]) -> None:
    if values:
        transaction.connection.execute(_UPDATE_JOB, {"of_job": job_id, **values})


def _prune(transaction: Transaction, job_id: str) -> int:
    """Delete a job's numerous events, and keep up to where: an older cursor has missed some."""
    is_prunable = (events.c.job_id == job_id) & events.c.type.in_([t.value for t in PRUNABLE])
    newest = transaction.connection.scalar(sa.select(sa.func.max(events.c.id)).where(is_prunable))
    if newest is None:
        return 0
    _update(transaction, job_id, {"pruned_to": newest})
    transaction.changed.add(job_id)
    return transaction.connection.execute(events.delete().where(is_prunable)).rowcount
