"""The queries of the store that are more than a line, each shaped to its index."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from adhash.service.lifecycle import Status
from adhash.service.models import EventType
from adhash.service.records import JobFilter
from adhash.service.store_rows import JOB
from adhash.service.store_schema import events, job_counts, job_labels, jobs

Label = tuple[str, str]


class _InPassing(FunctionElement[str]):
    """A column that is looked at for each row, and never looked up in an index.

    SQLite, which knows no statistics, would fetch all jobs of a status by the index of the queue,
    and sort them. PostgreSQL knows better.
    """

    type = sa.String()
    inherit_cache = True


@compiles(_InPassing)
def _as_it_is(element: _InPassing, compiler: SQLCompiler, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(_InPassing, "sqlite")
def _without_index(element: _InPassing, compiler: SQLCompiler, **options: Any) -> str:
    return f"+{compiler.process(element.clauses, **options)}"


_FOLLOWED = tuple(kind for kind in EventType if kind is not EventType.AUDIT)


def page_of_ids(
    wanted: JobFilter, *, driver: Label | None, before: str | None, limit: int
) -> sa.Select[Any]:
    """Return the query for the names of a page of jobs, newest first.

    Names only, so that indexes alone answer it; the rows are read for the page that is left. It
    walks the jobs in the order of the page, or those with the label `driver` if few have it, and
    looks up all else for each: no filter makes it sort, and none costs more than that walk.

    Parameters
    ----------
    wanted : JobFilter
        Which jobs.
    driver : tuple of str and str or None
        A label of `wanted` to start from.
    before : str or None
        Only names that sort before this one.
    limit : int
        How many at most.

    Returns
    -------
    Select
        One column of names.
    """
    names = jobs.c.id
    query = sa.select(names)
    if driver is not None:
        names = job_labels.c.job_id
        is_driver = (job_labels.c.name == driver[0]) & (job_labels.c.value == driver[1])
        query = sa.select(names).join(jobs, jobs.c.id == names).where(is_driver)
    others = [label for label in wanted.labels if label != driver]
    conditions = [*_conditions(wanted), *(_has_label(*label) for label in others)]
    if before is not None:
        conditions.append(names < before)
    return query.where(*conditions).order_by(names.desc()).limit(limit)


def how_many_have(label: Label, *, at_most: int) -> sa.Select[Any]:
    """Return the query for the number of jobs with a label, counted no further than `at_most`."""
    name, value = label
    found = (
        sa.select(job_labels.c.job_id)
        .where(job_labels.c.name == name, job_labels.c.value == value)
        .limit(at_most)
        .subquery()
    )
    return sa.select(sa.func.count().label("count")).select_from(found)


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
    kind, status = job_counts.c.kind, job_counts.c.status
    return (
        sa.select(kind, status, sa.func.sum(job_counts.c.count).label("count"))
        .group_by(kind, status)
        .having(sa.func.sum(job_counts.c.count) > 0)
    )


def counts_of(owner: str) -> sa.Select[Any]:
    """Return the query for the number of an owner's waiting and running jobs."""
    is_active = job_counts.c.status.in_([Status.PENDING.value, Status.RUNNING.value])
    return (
        sa.select(job_counts.c.status, sa.func.sum(job_counts.c.count).label("count"))
        .where(is_active, job_counts.c.owner == owner)
        .group_by(job_counts.c.status)
    )


def oldest_queued() -> sa.Select[Any]:
    """Return the query for when the job that waits longest was accepted."""
    first = sa.select(sa.func.min(jobs.c.seq)).where(jobs.c.status == Status.PENDING.value)
    return sa.select(jobs.c.created_at).where(jobs.c.seq == first.scalar_subquery())


def _conditions(wanted: JobFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.statuses:
        statuses = [status.value for status in wanted.statuses]
        conditions.append(_InPassing(jobs.c.status).in_(statuses))
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
