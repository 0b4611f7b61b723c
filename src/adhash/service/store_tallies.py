"""Counts that are kept beside the jobs: how many wait for whom, and how long waits and runs were.

They change in the transaction that changes the job, and `recount` makes the owners' anew from the
jobs when the store is opened.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from adhash.service.lifecycle import AttemptLost, AttemptStarted, Fact, JobState, Status
from adhash.service.records import Histogram, JobRecord
from adhash.service.store_schema import jobs, owners, tallies
from adhash.service.store_writer import Transaction

QUEUE_WAIT = "queue_wait"
RUN_TIME = "run_time"
ATTEMPTS_LOST = "attempts_lost"
# Seconds; from what a person does not notice to what runs over night.
BOUNDS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 43_200.0, math.inf)


def count_queued(transaction: Transaction, owner: str) -> None:
    """Count one more waiting job of `owner`."""
    _add_to_owner(transaction, owner, queued=1, running=0)


def count_move(
    transaction: Transaction, before: JobRecord, following: JobState, fact: Fact
) -> None:
    """Count what the move of a job changes."""
    status = following.status
    if status is not before.status:
        _add_to_owner(
            transaction,
            before.owner,
            queued=(status is Status.PENDING) - (before.status is Status.PENDING),
            running=(status is Status.RUNNING) - (before.status is Status.RUNNING),
        )
    if isinstance(fact, AttemptLost):
        _add(transaction, ATTEMPTS_LOST, before.kind, math.inf, 0.0)
    if isinstance(fact, AttemptStarted) and fact.attempt == 1:
        _measure(transaction, QUEUE_WAIT, before.kind, before.created_at)
    if status.is_terminal and before.started_at is not None:
        _measure(transaction, RUN_TIME, before.kind, before.started_at)


def queued(transaction: Transaction) -> int:
    """Return how many jobs wait."""
    total = transaction.connection.scalar(sa.select(sa.func.sum(owners.c.queued)))
    return int(total or 0)


def queued_of(transaction: Transaction, owner: str) -> int:
    """Return how many jobs of `owner` wait."""
    found = sa.select(owners.c.queued).where(owners.c.owner == owner)
    return transaction.connection.scalar(found) or 0


def recount(transaction: Transaction) -> None:
    """Make the owners' counts anew from the jobs."""
    is_status = {status: jobs.c.status == status.value for status in Status}
    counted = (
        sa.select(
            jobs.c.owner,
            sa.func.count().filter(is_status[Status.PENDING]),
            sa.func.count().filter(is_status[Status.RUNNING]),
        )
        .where(is_status[Status.PENDING] | is_status[Status.RUNNING])
        .group_by(jobs.c.owner)
    )
    transaction.connection.execute(owners.delete())
    transaction.connection.execute(
        owners.insert().from_select(["owner", "queued", "running"], counted)
    )


def histograms(rows: Iterable[sa.RowMapping]) -> dict[str, Histogram]:
    """Return the histogram of each kind from its tallies."""
    by_kind: dict[str, list[sa.RowMapping]] = {}
    for row in rows:
        by_kind.setdefault(row["kind"], []).append(row)
    return {kind: _histogram(found) for kind, found in by_kind.items()}


def _histogram(rows: list[sa.RowMapping]) -> Histogram:
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
    key = {"measure": measure, "kind": kind, "bound": bound}
    columns = tallies.c
    changed = transaction.connection.execute(
        tallies.update()
        .where(*(columns[name] == value for name, value in key.items()))
        .values(count=columns.count + 1, total_s=columns.total_s + seconds)
    )
    if changed.rowcount == 0:
        row: dict[str, Any] = {**key, "count": 1, "total_s": seconds}
        transaction.connection.execute(tallies.insert(), row)


def _add_to_owner(transaction: Transaction, owner: str, *, queued: int, running: int) -> None:
    changed = transaction.connection.execute(
        owners.update()
        .where(owners.c.owner == owner)
        .values(queued=owners.c.queued + queued, running=owners.c.running + running)
    )
    if changed.rowcount == 0:
        row = {"owner": owner, "queued": queued, "running": running}
        transaction.connection.execute(owners.insert(), row)
