"""Jobs for tests, and clocks that are set as a test needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from adhash.clock import Clock
from adhash.service.ids import new_job_id
from adhash.service.lifecycle import JobError
from adhash.service.models import Isolation
from adhash.service.records import JobRecord, NewJob
from adhash.service.store import Store

NOON = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
CRASH = JobError(code="crash", detail="the runner vanished", hint="look at its log")
_numbers = count(1)


class SetClock:
    """A clock that says what it was set to, forwards and backwards."""

    def __init__(self, now: datetime = NOON) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    def monotonic_ns(self) -> int:
        return 0

    def move(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Place:
    """Where the store of a test is."""

    job_root: Path
    url: str | None

    @property
    def is_sqlite(self) -> bool:
        return self.url is None

    def open(self, clock: Clock) -> Store:
        return Store.open(job_root=self.job_root, url=self.url, clock=clock)


def new_job(**changes: Any) -> NewJob:
    """Return a new job whose name sorts after all that were made before."""
    number = next(_numbers)
    usual: dict[str, Any] = {
        "id": new_job_id(NOON + timedelta(milliseconds=number), lambda _bits: number),
        "kind": "run-csv",
        "owner": "ann",
        "request": {"csv": "trace.csv"},
        "options": {"csv": "/data/trace.csv"},
        "labels": {},
        "priority": 0,
        "isolation": Isolation.SHARED,
        "timeout_s": 60.0,
        "retries": 0,
        "is_trusted": False,
    }
    return NewJob(**{**usual, **changes})


def add(store: Store, **changes: Any) -> JobRecord:
    """Keep a new job and return it."""
    record, is_new = store.add_job(new_job(**changes), max_queued=1_000_000)
    assert is_new
    return record
