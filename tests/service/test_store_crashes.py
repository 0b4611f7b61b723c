"""A server killed in the middle of writes: what was acknowledged is there, and nothing half."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from made_jobs import Place, SetClock

from adhash.service.lifecycle import Status
from adhash.service.models import EventType
from adhash.service.records import JobFilter
from adhash.service.store import Store

HAMMER = Path(__file__).with_name("store_hammer.py")
ORDER = ["pending", "running", "completed"]


def acknowledged_before_a_kill(place: Place, writes: int) -> dict[str, tuple[str, int]]:
    """Return the last that was acknowledged of each job: its status and its events."""
    lines = []
    command = [sys.executable, str(HAMMER), str(place.job_root), place.url or ""]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if len(lines) == writes:
                process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    # The last line may have been cut.
    whole = [line.split() for line in lines if line.endswith("\n")]
    return {job_id: (status, int(consumed)) for job_id, status, consumed in whole}


@pytest.mark.parametrize("writes", [1, 40, 150])
def test_what_was_acknowledged_is_there_after_a_kill(
    place: Place, clock: SetClock, writes: int
) -> None:
    acknowledged = acknowledged_before_a_kill(place, writes)
    assert acknowledged
    with place.open(clock) as store:
        for job_id, (status, consumed) in acknowledged.items():
            found = store.job(job_id)
            assert found is not None, job_id
            assert ORDER.index(found.status) >= ORDER.index(status)
            assert found.events_consumed >= consumed
        require_whole(store)
        store.check()


def require_whole(store: Store) -> None:
    """Hold what the store says in one place to what it says in another."""
    jobs = store.jobs(JobFilter(), limit=100_000, with_documents=True)
    counts = dict.fromkeys(Status, 0)
    for job in jobs:
        counts[job.status] += 1
        told = [entry.status for entry in store.timeline(job.id)]
        assert told == ORDER[: ORDER.index(job.status) + 1]
        assert len(store.events(job.id, types=[EventType.PROGRESS])) == job.events_consumed
        assert (job.result is None) == (job.status is not Status.COMPLETED)
    assert store.metrics().jobs == {
        ("run-csv", status): count for status, count in counts.items() if count
    }
    assert len(store.jobs(JobFilter(labels=(("a", "b"),)), limit=100_000)) == len(jobs)
