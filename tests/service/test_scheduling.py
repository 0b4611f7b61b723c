"""Which waiting jobs start, and what a waiting one is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from adhash.service.attempts import Capacity
from adhash.service.lifecycle import JobState, Status
from adhash.service.models import Isolation
from adhash.service.records import JobRecord
from adhash.service.scheduling import choose_starts, waiting_reason

WAITING = JobRecord(
    id="A",
    kind="run-csv",
    owner="ann",
    request={},
    options={},
    labels={},
    priority=0,
    isolation=Isolation.SHARED,
    timeout_s=0.0,
    is_trusted=True,
    traceparent=None,
    state=JobState(),
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)
ALONE = replace(WAITING, id="X", isolation=Isolation.EXCLUSIVE_HOST)
RUNNING = replace(WAITING, id="R", state=JobState(status=Status.RUNNING, attempt=1))


def started(
    queued: list[JobRecord],
    running: list[JobRecord],
    capacity: Capacity,
    quotas: dict[str, int] | None = None,
) -> list[tuple[str, int]]:
    starts = choose_starts(queued, running, capacity, running_quotas=quotas or {})
    return [(start.job.id, start.slots) for start in starts]


def test_jobs_start_in_order_while_slots_are_free() -> None:
    queued = [replace(WAITING, id=name) for name in "ABC"]
    assert started(queued, [], Capacity(slots=2, free=2)) == [("A", 1), ("B", 1)]


def test_nothing_starts_without_a_free_slot() -> None:
    assert started([WAITING], [RUNNING], Capacity(slots=1, free=0)) == []


def test_a_job_that_runs_alone_takes_every_slot() -> None:
    assert started([ALONE, WAITING], [], Capacity(slots=3, free=3)) == [("X", 3)]


def test_a_job_that_runs_alone_waits_and_holds_back_those_behind_it() -> None:
    assert started([ALONE, WAITING], [RUNNING], Capacity(slots=3, free=2)) == []


def test_those_ahead_of_a_job_that_runs_alone_still_start() -> None:
    assert started([WAITING, ALONE], [], Capacity(slots=3, free=3)) == [("A", 1)]


def test_nothing_joins_a_job_that_runs_alone() -> None:
    running = replace(ALONE, state=RUNNING.state)
    assert started([WAITING], [running], Capacity(slots=3, free=3)) == []


def test_an_owner_at_its_quota_is_passed_over() -> None:
    other = replace(WAITING, id="B", owner="bob")
    starts = started([WAITING, other], [RUNNING], Capacity(slots=4, free=3), {"ann": 1})
    assert starts == [("B", 1)]


def test_a_quota_counts_what_starts_in_the_same_round() -> None:
    queued = [replace(WAITING, id=name) for name in "ABC"]
    assert started(queued, [], Capacity(slots=4, free=4), {"ann": 2}) == [("A", 1), ("B", 1)]


def reason(
    job: JobRecord,
    *,
    queued: list[JobRecord] | None = None,
    running: list[JobRecord] | None = None,
    capacity: Capacity | None = None,
    position: int = 0,
    quotas: dict[str, int] | None = None,
    is_draining: bool = False,
) -> str:
    return waiting_reason(
        job,
        queued or [job],
        running or [],
        capacity or Capacity(slots=1, free=0),
        running_quotas=quotas or {},
        position=position,
        is_draining=is_draining,
    )


def test_the_reason_counts_the_jobs_ahead_and_the_busy_slots() -> None:
    assert reason(WAITING, position=2) == "2 jobs are ahead; 1 of 1 slots are busy"


def test_the_reason_names_the_job_that_runs_alone() -> None:
    running = replace(ALONE, state=RUNNING.state)
    assert "X runs alone" in reason(WAITING, running=[running])


def test_the_reason_names_the_quota() -> None:
    text = reason(WAITING, running=[RUNNING], quotas={"ann": 1})
    assert text == "ann has 1 of 1 allowed jobs running"


def test_the_reason_of_a_job_that_is_to_run_alone_counts_who_runs() -> None:
    text = reason(ALONE, running=[RUNNING], capacity=Capacity(slots=2, free=1))
    assert text == "it is to run alone, and 1 job is still running"


def test_a_draining_service_says_so() -> None:
    assert "draining" in reason(WAITING, is_draining=True)
