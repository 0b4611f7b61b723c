"""The store of the service: durable writes and listings, ``python -m benchmarks.service_store``.

Wall time, because a submission waits for the disk and not for the processor. SQLite in a fresh
folder by default; ``--url`` measures an empty PostgreSQL database instead, which it fills.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from adhash.clock import SystemClock
from adhash.service import store_writes
from adhash.service.ids import new_job_id
from adhash.service.lifecycle import AttemptStarted, AttemptSucceeded, Status
from adhash.service.models import Isolation
from adhash.service.records import JobChanges, JobFilter, NewJob
from adhash.service.store import Store
from benchmarks.report import Bar

_KINDS = ("run-csv", "profile", "batch", "ab-compare")
_THREADS = 16
_UNMET = 3


@dataclass(frozen=True, kw_only=True)
class Times:
    """How long each of many calls took, in seconds, and all of them together."""

    name: str
    each_s: list[float]
    total_s: float
    limit: Bar | None = None

    @property
    def p99_ms(self) -> float:
        """Return the time that 99 of 100 calls stay below, in milliseconds."""
        return self._quantile_ms(0.99)

    @property
    def is_met(self) -> bool:
        """Return whether the bar is met, if there is one."""
        return self.limit is None or self.limit.is_met_by(self.p99_ms)

    def text(self) -> str:
        """Return a line."""
        rate = len(self.each_s) / self.total_s
        line = (
            f"  {self.name:<44} p50 {self._quantile_ms(0.5):8.2f} ms   p99 {self.p99_ms:8.2f} ms"
            f"   max {max(self.each_s) * 1e3:8.2f} ms   {rate:8.0f}/s"
        )
        if self.limit is None:
            return line
        return f"{line}   p99 at most {self.limit.limit:g} ms: {'' if self.is_met else 'not '}met"

    def _quantile_ms(self, part: float) -> float:
        return sorted(self.each_s)[int(part * (len(self.each_s) - 1))] * 1e3


class _Jobs:
    """Makes jobs as a busy lab would: four kinds, three owners, labels common and rare."""

    def __init__(self) -> None:
        self._chance = random.Random(1)
        self._clock = SystemClock()
        self._count = 0
        self._lock = threading.Lock()

    def new(self) -> NewJob:
        with self._lock:
            self._count += 1
            number = self._count
            name = new_job_id(self._now(number), self._chance.getrandbits)
        options = {"csv": "/data/trace.csv", "mode": "adaptive", "notes": "x" * 1_000}
        return NewJob(
            id=name,
            kind=_KINDS[number % len(_KINDS)],
            owner=f"owner-{number % 3}",
            request=options,
            options=options,
            labels={"team": "lab", "run": str(number % 1_000)},
            priority=number % 3,
            isolation=Isolation.SHARED,
            timeout_s=60.0,
            retries=0,
            is_trusted=False,
        )

    def _now(self, number: int) -> datetime:
        return datetime.fromtimestamp(1_700_000_000 + number / 1_000, tz=self._clock.now().tzinfo)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and return 3 if ``--check`` was given and a bar was not met."""
    options = _parser().parse_args(arguments)
    jobs = _Jobs()
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as folder,
        Store.open(job_root=Path(folder), url=options.url, clock=SystemClock()) as store,
    ):
        found = []
        for times in _measure(store, jobs, listed=options.jobs, count=options.count):
            print(times.text(), flush=True)
            found.append(times)
    return _UNMET if options.check and not all(times.is_met for times in found) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service_store", description=__doc__)
    parser.add_argument("--url", help="an empty PostgreSQL database [SQLite]")
    parser.add_argument("--folder", type=Path, help="where the SQLite store lies [the temporary]")
    parser.add_argument("--jobs", type=int, default=100_000, help="jobs to list [100000]")
    parser.add_argument("--count", type=int, default=500, help="calls of each sort [500]")
    parser.add_argument("--check", action="store_true", help="exit with 3 if a bar is not met")
    return parser


def _measure(store: Store, jobs: _Jobs, *, listed: int, count: int) -> Iterator[Times]:
    def add() -> None:
        store.add_job(jobs.new(), max_queued=10**9, owner_quota=10**9)

    submitted = Bar(limit=50, side="at most")
    yield _timed("durable submissions, one at a time", add, count, submitted)
    yield _hammered(f"{_THREADS} threads, 50 a second together", add, count, every_s=_THREADS / 50)
    yield _hammered(f"{_THREADS} threads, as fast as they can", add, count * 4, every_s=0.0)
    _fill(store, jobs, listed - count * 6)
    yield _timed(f"durable submissions with {listed:,} jobs", add, count, submitted)
    yield from _listings(store, count=max(100, count // 5))
    for name, read in _other_reads(store):
        yield _timed(name, read, max(100, count // 5))


def _timed(name: str, call: Callable[[], object], count: int, limit: Bar | None = None) -> Times:
    start = time.perf_counter()
    each = [_seconds(call) for _ in range(count)]
    return Times(name=name, each_s=each, total_s=time.perf_counter() - start, limit=limit)


def _hammered(name: str, call: Callable[[], object], count: int, *, every_s: float) -> Times:
    """Call from many threads at once, each at its own steps; whatever fails is raised."""
    each: list[float] = []
    failures: list[Exception] = []

    def run(number: int) -> None:
        start = time.perf_counter() + every_s * number / _THREADS
        try:
            for turn in range(count // _THREADS):
                time.sleep(max(0.0, start + turn * every_s - time.perf_counter()))
                each.append(_seconds(call))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(_THREADS)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total_s = time.perf_counter() - start
    if failures:
        raise failures[0]
    return Times(name=name, each_s=each, total_s=total_s)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _fill(store: Store, jobs: _Jobs, count: int) -> None:
    """Add jobs, most of which have ended, as they have in a store that is a year old."""
    result = {"summary": "x" * 4_000}
    waiting = []
    for number in range(count):
        new = jobs.new()
        waiting.append(
            store.later(
                store_writes.add_job, new, max_queued=10**9, owner_quota=None, idempotency=None
            )
        )
        if number % 100 < 90:
            waiting.append(store.later(store_writes.apply, new.id, AttemptStarted(attempt=1)))
        if 0 < number % 100 < 90:
            done = AttemptSucceeded(attempt=1)
            changes = JobChanges(result=result)
            waiting.append(store.later(store_writes.apply, new.id, done, changes))
        if len(waiting) > 2_000:
            for future in waiting:
                future.result()
            waiting.clear()
    for future in waiting:
        future.result()


def _listings(store: Store, *, count: int) -> Iterator[Times]:
    rare = (("run", "7"),)
    common = (("team", "lab"),)
    wanted = {
        "all": JobFilter(),
        "status common": JobFilter(statuses=(Status.COMPLETED,)),
        "status rare": JobFilter(statuses=(Status.RUNNING,)),
        "status of none": JobFilter(statuses=(Status.FAILED,)),
        "two statuses": JobFilter(statuses=(Status.PENDING, Status.RUNNING)),
        "kind": JobFilter(kinds=("batch",)),
        "kind of none": JobFilter(kinds=("workload-dna",)),
        "owner": JobFilter(owner="owner-1"),
        "owner of none": JobFilter(owner="nobody"),
        "label common": JobFilter(labels=common),
        "label rare": JobFilter(labels=rare),
        "two labels": JobFilter(labels=(*common, *rare)),
        "label common, status of none": JobFilter(labels=common, statuses=(Status.FAILED,)),
        "label common, status rare": JobFilter(labels=common, statuses=(Status.RUNNING,)),
        "everything at once": JobFilter(
            labels=(*common, *rare),
            statuses=(Status.COMPLETED,),
            kinds=("batch",),
            owner="owner-1",
        ),
    }
    limit = Bar(limit=150, side="at most")
    middle = new_job_id(datetime.fromtimestamp(1_700_000_050).astimezone(), lambda _bits: 0)
    for name, which in wanted.items():
        for before in (None, middle):

            def listing(which: JobFilter = which, before: str | None = before) -> object:
                return store.jobs(which, before=before, limit=100)

            place = "first page" if before is None else "middle"
            yield _timed(f"list 100: {name}, {place}", listing, count, limit)


def _other_reads(store: Store) -> Iterator[tuple[str, Callable[[], object]]]:
    (last,) = store.jobs(JobFilter(statuses=(Status.PENDING,)), limit=1)
    yield "list 500: all", lambda: store.jobs(JobFilter(), limit=500)
    yield "the next 50 of the queue", lambda: store.queued(50)
    yield "place in the queue", lambda: store.position_in_queue(last.id)
    yield "one job", lambda: store.job(last.id)
    yield "timeline of a job", lambda: store.timeline(last.id)
    yield "running jobs", store.active
    yield "metrics", store.metrics


if __name__ == "__main__":
    sys.exit(main())
