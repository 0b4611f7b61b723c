"""The store against a plain model: dictionaries, and the life cycle run by hand."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from made_jobs import CRASH, NOON, Place, SetClock, new_job
from postgresql import PostgresqlServer

from adhash.service import lifecycle
from adhash.service.errors import IdempotencyConflictError, QuotaError
from adhash.service.lifecycle import (
    AttemptFailed,
    AttemptLost,
    AttemptNeverStarted,
    AttemptStarted,
    AttemptStopped,
    AttemptSucceeded,
    CancelRequested,
    Fact,
    IllegalTransitionError,
    JobState,
    Status,
)
from adhash.service.models import EventType
from adhash.service.records import IdempotencyKey, JobFilter, NewEvent, NewJob

OWNERS = ("ann", "bob")
MAX_QUEUED = 6
QUOTA = 4


@dataclass
class ModelJob:
    """What the store should know of a job."""

    new: NewJob
    state: JobState
    timeline: list[Status] = field(default_factory=lambda: [Status.PENDING])
    ticks: list[int] = field(default_factory=list)
    consumed: int = 0
    is_expired: bool = False


def facts(attempt: int) -> list[Fact]:
    return [
        AttemptStarted(attempt=attempt + 1),
        AttemptSucceeded(attempt=attempt),
        AttemptFailed(attempt=attempt, error=CRASH, is_retryable=True),
        AttemptFailed(attempt=attempt, error=CRASH),
        AttemptLost(attempt=attempt, error=CRASH),
        AttemptStopped(attempt=attempt),
        AttemptNeverStarted(attempt=attempt, reason="no slot after all"),
        CancelRequested(),
    ]


class StoreMachine(RuleBasedStateMachine):
    """Does the same to the store and to the model, and compares all that can be read."""

    make_place: Callable[[], Place]

    def __init__(self) -> None:
        super().__init__()
        self.place = type(self).make_place()
        self.clock = SetClock()
        self.store = self.place.open(self.clock)
        self.jobs: list[ModelJob] = []
        self.keys: dict[tuple[str, str], tuple[str, str]] = {}

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.place.job_root)

    @rule(
        owner=st.sampled_from(OWNERS),
        kind=st.sampled_from(["run-csv", "profile"]),
        label=st.sampled_from(["", "x", "y"]),
        priority=st.integers(-1, 1),
        retries=st.integers(0, 1),
        key=st.sampled_from([None, "k"]),
        digest=st.sampled_from(["one", "two"]),
    )
    def submit(
        self,
        owner: str,
        kind: str,
        label: str,
        priority: int,
        retries: int,
        key: str | None,
        digest: str,
    ) -> None:
        labels = {"label": label} if label else {}
        new = new_job(owner=owner, kind=kind, labels=labels, priority=priority, retries=retries)
        named = None if key is None else IdempotencyKey(owner=owner, key=key, digest=digest)
        known = self.keys.get((owner, key)) if key else None
        if known is not None and known[0] != digest:
            with pytest.raises(IdempotencyConflictError):
                self._add(new, named)
        elif known is not None:
            record, is_new = self._add(new, named)
            assert (record.id, is_new) == (known[1], False)
        elif self._is_full(owner):
            with pytest.raises(QuotaError):
                self._add(new, named)
        else:
            record, is_new = self._add(new, named)
            assert is_new
            self.jobs.append(ModelJob(new, JobState(retries_left=retries)))
            if key:
                self.keys[owner, key] = (digest, new.id)

    def _add(self, new: NewJob, named: IdempotencyKey | None) -> tuple[object, bool]:
        return self.store.add_job(new, max_queued=MAX_QUEUED, owner_quota=QUOTA, idempotency=named)

    def _is_full(self, owner: str) -> bool:
        waiting = [job.new.owner for job in self.jobs if job.state.status is Status.PENDING]
        return len(waiting) >= MAX_QUEUED or waiting.count(owner) >= QUOTA

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), which=st.integers(0, 7), is_stale=st.sampled_from([False] * 5 + [True]))
    def tell_a_fact(self, data: st.DataObject, which: int, is_stale: bool) -> None:
        job = self._any(data)
        fact = facts(job.state.attempt - is_stale)[which]
        try:
            expected = lifecycle.step(job.state, fact)
        except IllegalTransitionError:
            with pytest.raises(IllegalTransitionError):
                self.store.apply(job.new.id, fact)
            return
        record, found = self.store.apply(job.new.id, fact)
        assert (found, record.state) == (expected, expected.state)
        if expected.state.status is not job.state.status:
            job.timeline.append(expected.state.status)
        job.state = expected.state

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), count=st.integers(0, 3), is_repeated=st.booleans())
    def tell_ticks(self, data: st.DataObject, count: int, is_repeated: bool) -> None:
        job = self._any(data)
        consumed = job.consumed + (0 if is_repeated else 10)
        told = [NewEvent(type=EventType.METRICS, at=NOON, data={"t": t}) for t in range(count)]
        is_over = job.state.status.is_terminal and not is_repeated
        with pytest.raises(IllegalTransitionError) if is_over else contextlib.nullcontext():
            self.store.append_events(job.new.id, told, consumed=consumed)
        if not is_over and not is_repeated:
            job.consumed = consumed
            job.ticks += range(count)

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def expire(self, data: st.DataObject) -> None:
        job = self._any(data)
        is_over = job.state.status.is_terminal
        with contextlib.nullcontext() if is_over else pytest.raises(IllegalTransitionError):
            self.store.expire_job(job.new.id)
        job.is_expired = is_over
        pruned = self.store.prune_events([job.new.id])
        assert pruned == (len(job.ticks) if is_over else 0)
        if is_over:
            job.ticks = []

    @rule(seconds=st.integers(-3600, 3600))
    def set_the_clock(self, seconds: int) -> None:
        self.clock.move(seconds)

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = self.place.open(self.clock)

    def _any(self, data: st.DataObject) -> ModelJob:
        return data.draw(st.sampled_from(self.jobs))

    @invariant()
    def each_job_is_as_in_the_model(self) -> None:
        for job in self.jobs:
            found = self.store.job(job.new.id)
            assert found is not None
            assert (found.state, found.is_expired, found.events_consumed) == (
                job.state,
                job.is_expired,
                job.consumed,
            )
            is_over = job.state.status.is_terminal
            assert (found.finished_at is not None) == is_over
            told = [entry.status for entry in self.store.timeline(job.new.id)]
            assert told == job.timeline
            assert [tick.data["t"] for tick in self.store.last_ticks(job.new.id)] == job.ticks

    @invariant()
    def the_queue_is_as_in_the_model(self) -> None:
        waiting = [job for job in self.jobs if job.state.status is Status.PENDING]
        waiting.sort(key=lambda job: -job.new.priority)
        names = [job.new.id for job in waiting]
        assert [job.id for job in self.store.queued(100)] == names
        assert [self.store.position_in_queue(name) for name in names] == list(
            range(1, len(names) + 1)
        )
        running = [job.new.id for job in self.jobs if job.state.status is Status.RUNNING]
        assert [job.id for job in self.store.active()] == running

    @invariant()
    def listings_are_as_in_the_model(self) -> None:
        for owner in (None, *OWNERS):
            for label in ("", "x"):
                wanted = JobFilter(
                    owner=owner,
                    labels=(("label", label),) if label else (),
                    statuses=(Status.PENDING, Status.COMPLETED),
                )
                expected = [
                    job.new.id
                    for job in reversed(self.jobs)
                    if owner in (None, job.new.owner)
                    and (not label or job.new.labels.get("label") == label)
                    and job.state.status in wanted.statuses
                ]
                assert [job.id for job in self.store.jobs(wanted)] == expected

    @invariant()
    def counts_are_as_in_the_model(self) -> None:
        states = [(job.new.kind, job.state.status) for job in self.jobs]
        assert self.store.metrics().jobs == {state: states.count(state) for state in states}
        for owner in OWNERS:
            own = [job.state.status for job in self.jobs if job.new.owner == owner]
            assert self.store.counts_by_owner(owner) == (
                own.count(Status.PENDING),
                own.count(Status.RUNNING),
            )


def run_machine(make_place: Callable[[], Place], *, examples: int) -> None:
    machine = type("Machine", (StoreMachine,), {"make_place": staticmethod(make_place)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_sqlite_does_as_the_model() -> None:
    run_machine(lambda: Place(Path(tempfile.mkdtemp()), None), examples=10)


def test_postgresql_does_as_the_model(postgresql: PostgresqlServer) -> None:
    run_machine(lambda: Place(Path(tempfile.mkdtemp()), postgresql.empty_database()), examples=4)
