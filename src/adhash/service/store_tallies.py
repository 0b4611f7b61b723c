"""Counts that are kept beside the jobs: how many wait for whom, and how long waits and runs were.

They change in the transaction that changes the job, so they are never off by one that is half done.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from adhash.service.lifecycle import AttemptLost, AttemptStarted, Fact, JobState, Status
from adhash.service.records import Histogram, JobRecord
from adhash.service.store_rows import Row
from adhash.service.store_schema import job_counts, tallies
from adhash.service.store_writer import Transaction

QUEUE_WAIT = "queue_wait"
RUN_TIME = "run_time"
ATTEMPTS_LOST = "attempts_lost"
# Seconds; from what a person does not notice to what runs over night.
BOUNDS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 43_200.0, math.inf)

_OF_STATUS = job_counts.c.status == sa.bindparam("of_status")
_QUEUED = sa.select(sa.func.sum(job_counts.c.count)).where(_OF_STATUS)
_QUEUED_OF = _QUEUED.where(job_counts.c.owner == sa.bindparam("of_owner"))
_COUNT_JOB = (
    job_counts.update()
    .where(
        _OF_STATUS,
        job_counts.c.owner == sa.bindparam("of_owner"),
        job_counts.c.kind == sa.bindparam("of_kind"),
    )
    .values(count=job_counts.c.count + sa.bindparam("more"))
)
_ADD_JOB_COUNT = job_counts.insert()
_COUNT = (
    tallies.update()
    .where(
        tallies.c.measure == sa.bindparam("of_measure"),
        tallies.c.kind == sa.bindparam("of_kind"),
        tallies.c.bound == sa.bindparam("of_bound"),
    )
    .values(count=tallies.c.count + 1, total_s=tallies.c.total_s + sa.bindparam("seconds"))
)
_ADD_TALLY = tallies.insert()


def count_new(transaction: Transaction, owner: str, kind: str) -> None:
    """Count one more waiting job."""
    _count_job(transaction, Status.PENDING, owner, kind, 1)


def count_move(
    transaction: Transaction, before: JobRecord, following: JobState, fact: Fact
) -> None:
    """Count what the move of a job changes."""
    status = following.status
    if status is not before.status:
        _count_job(transaction, before.status, before.owner, before.kind, -1)
        _count_job(transaction, status, before.owner, before.kind, 1)
    if isinstance(fact, AttemptLost):
        _add(transaction, ATTEMPTS_LOST, before.kind, math.inf, 0.0)
    if isinstance(fact, AttemptStarted) and fact.attempt == 1:
        _measure(transaction, QUEUE_WAIT, before.kind, before.created_at)
    if status.is_terminal and before.started_at is not None:
        _measure(transaction, RUN_TIME, before.kind, before.started_at)


def queued(transaction: Transaction) -> int:
    """Return how many jobs wait."""
    which = {"of_status": Status.PENDING.value}
    return int(transaction.connection.scalar(_QUEUED, which) or 0)


def queued_of(transaction: Transaction, owner: str) -> int:
    """Return how many jobs of `owner` wait."""
    which = {"of_status": Status.PENDING.value, "of_owner": owner}
    return int(transaction.connection.scalar(_QUEUED_OF, which) or 0)


def histograms(rows: Iterable[Row]) -> dict[str, Histogram]:
    """Return the histogram of each kind from its tallies."""
    by_kind: dict[str, list[Row]] = {}
    for row in rows:
        by_kind.setdefault(row["kind"], []).append(row)
    return {kind: _histogram(found) for kind, found in by_kind.items()}


def _histogram(rows: list[Row]) -> Histogram:
    return Histogram(
        bounds=BOUNDS,
        counts=tuple(sum(r["count"] for r in rows if r["bound"] <= bound) for bound in BOUNDS),
        total_s=math.fsum(row["total_s"] for row in rows),
    )


def _measure(transaction: Transaction, measure: str, kind: str, since: datetime) -> None:
    # A clock that was set back would tell of a time below nothing.
    seconds = max(0.0, (transaction.now - since).total_seconds())
    bound = next(bound for bound in BOUNDS if seconds <= bound)
    _add(transaction, measure, kind, bound, seconds)


def _add(transaction: Transaction, measure: str, kind: str, bound: float, seconds: float) -> None:
    key = {"of_measure": measure, "of_kind": kind, "of_bound": bound}
    found = transaction.connection.execute(_COUNT, {**key, "seconds": seconds})
    if found.rowcount == 0:
        row = {"measure": measure, "kind": kind, "bound": bound, "count": 1, "total_s": seconds}
        transaction.connection.execute(_ADD_TALLY, row)


def _count_job(transaction: Transaction, status: Status, owner: str, kind: str, more: int) -> None:
    key = {"of_status": status.value, "of_owner": owner, "of_kind": kind}
    if transaction.connection.execute(_COUNT_JOB, {**key, "more": more}).rowcount == 0:
        row = {"status": status.value, "owner": owner, "kind": kind, "count": more}
        transaction.connection.execute(_ADD_JOB_COUNT, row)
