"""The queries of the store that are more than a line, each shaped to its index."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from adhash.service.lifecycle import Status
from adhash.service.models import EventType
from adhash.service.records import JobFilter
from adhash.service.store_rows import JOB
from adhash.service.store_schema import events, job_labels, jobs

_FOLLOWED = tuple(kind for kind in EventType if kind is not EventType.AUDIT)


def page_of_ids(wanted: JobFilter, *, before: str | None, limit: int) -> sa.Select[Any]:
    """Return the query for the names of a page of jobs, newest first.

    Names only, so that an index alone answers it; the rows are read for the page that is left.
    The first label drives the query, the others are looked up for each job that has it.
    """
    if wanted.labels:
        name, value = wanted.labels[0]
        names = job_labels.c.job_id
        query = (
            sa.select(names)
            .join(jobs, jobs.c.id == names)
            .where(job_labels.c.name == name, job_labels.c.value == value)
        )
    else:
        names = jobs.c.id
        query = sa.select(names)
    conditions = [*_conditions(wanted), *(_has_label(*label) for label in wanted.labels[1:])]
    if before is not None:
        conditions.append(names < before)
    return query.where(*conditions).order_by(names.desc()).limit(limit)


def queue(limit: int) -> sa.Select[Any]:
    """Return the query for the next jobs to start."""
    return (
        sa.select(*JOB)
        .where(jobs.c.status == Status.PENDING.value)
        .order_by(jobs.c.queue_rank, jobs.c.seq)
        .limit(limit)
    )


def position(job_id: str) -> sa.Select[Any]:
    """Return the query for the place of a job in the queue, counted from 1."""
    own = jobs.alias("own")
    is_waiting = jobs.c.status == Status.PENDING.value
    is_ahead = sa.or_(
        jobs.c.queue_rank < own.c.queue_rank,
        sa.and_(jobs.c.queue_rank == own.c.queue_rank, jobs.c.seq <= own.c.seq),
    )
    return (
        sa.select(sa.func.count().label("position"))
        .select_from(own)
        .join(jobs, is_ahead)
        .where(own.c.id == job_id, own.c.status == Status.PENDING.value, is_waiting)
    )


def events_of(
    job_id: str, *, types: Collection[EventType] | None, is_newest_first: bool = False
) -> sa.Select[Any]:
    """Return the query for events of a job in the order of their numbers, or backwards."""
    is_wanted = events.c.type.in_([kind.value for kind in types or _FOLLOWED])
    order = events.c.id.desc() if is_newest_first else events.c.id
    return sa.select(events).where(events.c.job_id == job_id, is_wanted).order_by(order)


def event_bounds(job_id: str) -> sa.Select[Any]:
    """Return the query for the first and last event of a job, and up to where it was pruned."""
    of_job = events.c.job_id == job_id
    pruned = sa.select(jobs.c.pruned_to).where(jobs.c.id == job_id).scalar_subquery()
    return sa.select(
        sa.select(sa.func.min(events.c.id)).where(of_job).scalar_subquery().label("oldest"),
        sa.select(sa.func.max(events.c.id)).where(of_job).scalar_subquery().label("newest"),
        pruned.label("pruned_to"),
    )


def counts() -> sa.Select[Any]:
    """Return the query for the number of jobs of each kind and status."""
    return sa.select(jobs.c.kind, jobs.c.status, sa.func.count().label("count")).group_by(
        jobs.c.kind, jobs.c.status
    )


def oldest_queued() -> sa.Select[Any]:
    """Return the query for when the job that waits longest was accepted."""
    first = sa.select(sa.func.min(jobs.c.seq)).where(jobs.c.status == Status.PENDING.value)
    return sa.select(jobs.c.created_at).where(jobs.c.seq == first.scalar_subquery())


def _conditions(wanted: JobFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.statuses:
        conditions.append(jobs.c.status.in_([status.value for status in wanted.statuses]))
    if wanted.kinds:
        conditions.append(jobs.c.kind.in_(wanted.kinds))
    if wanted.owner is not None:
        conditions.append(jobs.c.owner == wanted.owner)
    return conditions


def _has_label(name: str, value: str) -> sa.ColumnElement[bool]:
    of_job = job_labels.alias()
    return sa.exists().where(
        of_job.c.job_id == jobs.c.id, of_job.c.name == name, of_job.c.value == value
    )
