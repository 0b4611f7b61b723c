"""Which waiting jobs start now, and why the others wait. Pure functions.

Jobs start by priority, then by age. A job that must run alone waits until nothing runs, and while
it is first in line nothing behind it starts, or it would wait for ever. A job whose owner has as
many running as allowed is passed over; it holds nobody up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adhash.service.attempts import Capacity
from adhash.service.models import Isolation
from adhash.service.records import JobRecord


@dataclass(frozen=True, kw_only=True)
class Start:
    """A job that shall start, and how many slots it takes."""

    job: JobRecord
    slots: int


def choose_starts(
    queued: Sequence[JobRecord],
    running: Sequence[JobRecord],
    capacity: Capacity,
    *,
    running_quotas: Mapping[str, int],
) -> list[Start]:
    """Return the jobs to start now, in order.

    Parameters
    ----------
    queued : sequence of JobRecord
        Those that wait, by priority and age.
    running : sequence of JobRecord
        Those that run.
    capacity : Capacity
        Of the executor.
    running_quotas : mapping of str to int
        How many jobs an owner may have running; owners without one may have any number.

    Returns
    -------
    list of Start
        As many as fit.
    """
    if any(job.isolation is Isolation.EXCLUSIVE_HOST for job in running):
        return []
    owners = Counter(job.owner for job in running)
    starts: list[Start] = []
    free = capacity.free
    for job in queued:
        if free <= 0:
            break
        if owners[job.owner] >= running_quotas.get(job.owner, capacity.slots):
            continue
        if job.isolation is Isolation.EXCLUSIVE_HOST:
            is_alone = not running and not starts
            return [Start(job=job, slots=capacity.slots)] if is_alone else starts
        starts.append(Start(job=job, slots=1))
        owners[job.owner] += 1
        free -= 1
    return starts


def waiting_reason(
    job: JobRecord,
    queued: Sequence[JobRecord],
    running: Sequence[JobRecord],
    capacity: Capacity,
    *,
    running_quotas: Mapping[str, int],
    position: int,
    is_draining: bool = False,
) -> str:
    """Return why a job waits, in words.

    Parameters
    ----------
    job : JobRecord
        One that waits.
    queued : sequence of JobRecord
        The first that wait, by priority and age.
    running : sequence of JobRecord
        Those that run.
    capacity : Capacity
        Of the executor.
    running_quotas : mapping of str to int
        See `choose_starts`.
    position : int
        How many jobs are ahead of it.
    is_draining : bool
        Whether the service starts nothing any more.

    Returns
    -------
    str
        A sentence without a full stop.
    """
    if is_draining:
        return "the service is draining and starts no job until it is back"
    alone = next((each for each in running if each.isolation is Isolation.EXCLUSIVE_HOST), None)
    if alone is not None:
        return f"job {alone.id} runs alone on this host"
    mine = sum(each.owner == job.owner for each in running)
    quota = running_quotas.get(job.owner)
    if quota is not None and mine >= quota:
        return f"{job.owner} has {mine} of {quota} allowed jobs running"
    if position > 0:
        first = queued[0] if queued else None
        if first is not None and first.isolation is Isolation.EXCLUSIVE_HOST:
            return f"{_jobs(position)} ahead; the first, {first.id}, waits to run alone"
        return f"{_jobs(position)} ahead; {_busy(capacity)}"
    if job.isolation is Isolation.EXCLUSIVE_HOST and running:
        return f"it is to run alone, and {_jobs(len(running))} still running"
    return _busy(capacity) if capacity.free <= 0 else "it is about to start"


def _jobs(count: int) -> str:
    return "1 job is" if count == 1 else f"{count} jobs are"


def _busy(capacity: Capacity) -> str:
    busy = capacity.slots - max(capacity.free, 0)
    return f"{busy} of {capacity.slots} slots are busy"
