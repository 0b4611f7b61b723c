"""Jobs are cancelled: some listen, some are deaf, some hide their children. All end, and soon.

A third of them ends in order when asked. A third ignores SIGTERM, a third has forked children
twice, each into a session of its own and deaf as well: these must be killed after the grace. When
the state says ``cancelled`` no process of the job may be left, and at the end every slot is free.
"""

from __future__ import annotations

import os
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from adhash.service.job import Job
from adhash.service.jobs import JobManager
from adhash.service.lifecycle import Status
from adhash.service.settings import load_service_settings
from torture.executor import TortureExecutor
from torture.leftovers import processes_of
from torture.misbehaviour import asked_of
from torture.report import Report, percentile

_SLOTS = 2
_GRACE_S = 1.0
_STRAYS = 3
_PATIENCE_S = 120.0


@dataclass(frozen=True, kw_only=True)
class _Sort:
    name: str
    request: dict[str, object]
    family: int
    limit_s: float


# A family is the runner, the work, and what the work forked.
_SORTS = (
    _Sort(name="cooperative", request=asked_of("nap"), family=2, limit_s=1.0),
    _Sort(
        name="ignoring SIGTERM",
        request=asked_of("nap", is_deaf=True),
        family=2,
        limit_s=_GRACE_S + 1.0,
    ),
    _Sort(
        name="with hidden children",
        request=asked_of("nap", is_deaf=True, strays=_STRAYS),
        family=2 + _STRAYS,
        limit_s=_GRACE_S + 1.0,
    ),
)


@dataclass
class _Found:
    took_s: dict[str, list[float]] = field(
        default_factory=lambda: {sort.name: [] for sort in _SORTS}
    )
    faults: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)


def run(folder: Path, scale: float) -> Report:
    """Cancel 200 jobs, times the scale, at random moments."""
    report = Report("jobs are cancelled")
    count = max(int(200 * scale), len(_SORTS) * _SLOTS)
    settings = load_service_settings({}, max_concurrent_jobs=_SLOTS, cancel_grace_s=_GRACE_S)
    executor = TortureExecutor(settings, environ=os.environ)
    with JobManager(folder / "jobs", settings=settings, executor=executor) as manager:
        found = _Found()
        threads = [
            threading.Thread(target=_cancel_in_turn, args=(manager, numbers, found))
            for numbers in (range(start, count, _SLOTS) for start in range(_SLOTS))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        _tell(report, manager, found)
    return report


def _cancel_in_turn(manager: JobManager, numbers: range, found: _Found) -> None:
    chance = random.Random(numbers.start)
    for number in numbers:
        sort = _SORTS[number // _SLOTS % len(_SORTS)]
        try:
            _cancel_one(manager, sort, found, chance)
        except Exception as error:
            # A thread that ends with an error would end unseen.
            found.faults.append(f"{sort.name}: {type(error).__name__}: {error}")


def _cancel_one(manager: JobManager, sort: _Sort, found: _Found, chance: random.Random) -> None:
    job = manager.submit("run-csv", sort.request)
    found.ids.append(job.id)
    _until_napping(job)
    alive = len(processes_of([job.id]))
    if alive != sort.family:
        found.faults.append(f"{sort.name}: {alive} processes, not {sort.family}, before its end")
    time.sleep(chance.uniform(0, 0.1))
    begun = time.monotonic()
    detail = manager.cancel(job.id, timeout_s=_PATIENCE_S)
    found.took_s[sort.name].append(time.monotonic() - begun)
    left = processes_of([job.id])
    if detail.status is not Status.CANCELLED:
        found.faults.append(f"{sort.name}: {job.id} is {detail.status} after its cancellation")
    if left:
        found.faults.append(f"{sort.name}: {job.id} ended, and {len(left)} of it live on")


def _until_napping(job: Job) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if job.poll() is Status.RUNNING and job.detail.progress is not None:
            return
        if job.is_finished:
            raise RuntimeError(f"it ended by itself: {job.detail.error}")
    raise RuntimeError("it did not begin in time")


def _tell(report: Report, manager: JobManager, found: _Found) -> None:
    report.faults += found.faults
    report.tell("jobs cancelled", sum(map(len, found.took_s.values())))
    for sort in _SORTS:
        took = found.took_s[sort.name]
        if took:
            report.tell(f"{sort.name}, median", percentile(took, 0.5), unit="s")
            report.tell(f"{sort.name}, p99", percentile(took, 0.99), unit="s", limit=sort.limit_s)
    report.tell("processes left behind", len(processes_of(found.ids)), limit=0)
    # The slots are counted by the manager's own thread, in its next round.
    deadline = time.monotonic() + 5.0
    while manager.capacity().free < manager.capacity().slots and time.monotonic() < deadline:
        time.sleep(0.05)
    capacity = manager.capacity()
    report.tell("slots leaked", capacity.slots - capacity.free, limit=0)
