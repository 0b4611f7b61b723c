"""Jobs in the store: accepted, moved, found again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta, timezone

import pytest
from made_jobs import CRASH, NOON, Place, SetClock, add, new_job

from adhash.errors import InvariantError, StorageError
from adhash.service.errors import (
    QuotaError,
    StoreUnavailableError,
    UnknownJobError,
)
from adhash.service.lifecycle import (
    AttemptFailed,
    AttemptLost,
    AttemptNeverStarted,
    AttemptStarted,
    AttemptSucceeded,
    CancelRequested,
    IllegalTransitionError,
    PublishAttempt,
    StartAttempt,
    Status,
)
from adhash.service.models import Isolation
from adhash.service.records import (
    ArtifactRecord,
    InputRecord,
    JobChanges,
    JobFilter,
)
from adhash.service.store import Store

REPORT = ArtifactRecord(name="report.html", size=7, media_type="text/html", sha256="a" * 64)


# --- accepted ------------------------------------------------------------------------------------


def test_a_job_is_kept_as_it_was_given(store: Store) -> None:
    new = new_job(
        labels={"team": "Käse", "a/b": ""},
        request={"csv": "ü\ud800\u0000", "n": [1, 2.5, None, True]},
        priority=-7,
        isolation=Isolation.EXCLUSIVE_HOST,
        timeout_s=0.25,
        retries=3,
        is_trusted=True,
        traceparent="00-abc",
    )
    record, is_new = store.add_job(new, max_queued=10)
    assert is_new
    assert store.job(new.id) == record
    for name in ("id", "kind", "owner", "request", "options", "labels", "priority", "isolation"):
        assert getattr(record, name) == getattr(new, name)
    assert (record.timeout_s, record.is_trusted, record.traceparent) == (0.25, True, "00-abc")
    assert (record.status, record.state.attempt, record.state.retries_left) == ("pending", 0, 3)
    assert (record.created_at, record.started_at, record.finished_at) == (NOON, None, None)


def test_an_unknown_job_is_none_to_reads_and_an_error_to_writes(store: Store) -> None:
    missing = new_job().id
    assert store.job(missing) is None
    assert store.timeline(missing) == []
    with pytest.raises(UnknownJobError, match=missing):
        store.apply(missing, CancelRequested())


def test_a_name_is_given_once(store: Store) -> None:
    new = new_job()
    store.add_job(new, max_queued=10)
    with pytest.raises(InvariantError, match="refused"):
        store.add_job(new, max_queued=10)
    assert len(store.queued(10)) == 1


def test_a_value_that_is_not_json_is_refused(store: Store) -> None:
    with pytest.raises(InvariantError, match="cannot keep"):
        add(store, options={"rate": float("nan")})
    assert store.queued(10) == []


def test_times_keep_their_microseconds_and_come_back_in_utc(store: Store, clock: SetClock) -> None:
    clock.time = NOON.astimezone(timezone(timedelta(hours=-9)))
    found = store.job(add(store).id)
    assert found is not None
    assert found.created_at == NOON
    assert found.created_at.tzinfo is UTC
    assert found.created_at.microsecond == 123456


def test_a_full_queue_takes_no_more(store: Store) -> None:
    first = add(store, owner="bob")
    store.add_job(new_job(), max_queued=2)
    with pytest.raises(QuotaError, match="2 jobs are waiting"):
        store.add_job(new_job(), max_queued=2)
    store.apply(first.id, AttemptStarted(attempt=1))
    store.add_job(new_job(), max_queued=2)


def test_a_quota_counts_the_jobs_of_its_owner_that_wait(store: Store) -> None:
    first = add(store)
    add(store, owner="bob")
    with pytest.raises(QuotaError, match="1 of your jobs"):
        store.add_job(new_job(), max_queued=10, owner_quota=1)
    store.apply(first.id, AttemptStarted(attempt=1))
    store.add_job(new_job(), max_queued=10, owner_quota=1)
    assert store.counts_by_owner("ann") == (1, 1)
    assert store.counts_by_owner("bob") == (1, 0)
    assert store.counts_by_owner("nobody") == (0, 0)


def test_the_counts_of_owners_survive_a_restart(place: Place, clock: SetClock) -> None:
    with place.open(clock) as store:
        running = add(store)
        add(store)
        store.apply(running.id, AttemptStarted(attempt=1))
        store.apply(add(store).id, CancelRequested())
    with place.open(clock) as store:
        assert store.counts_by_owner("ann") == (1, 1)


# --- moved ---------------------------------------------------------------------------------------


def test_a_job_is_started_and_completed(store: Store, clock: SetClock) -> None:
    job = add(store)
    clock.move(2)
    started, step = store.apply(job.id, AttemptStarted(attempt=1, reason="a slot is free"))
    assert step.instructions == (StartAttempt(attempt=1),)
    assert (started.status, started.started_at) == ("running", NOON + timedelta(seconds=2))
    clock.move(3)
    changes = JobChanges(result={"rows": 7}, artifacts=(REPORT,), confinement={"seccomp": "on"})
    ended, step = store.apply(job.id, AttemptSucceeded(attempt=1), changes)
    assert step.instructions == (PublishAttempt(attempt=1),)
    assert (ended.status, ended.finished_at) == ("completed", NOON + timedelta(seconds=5))
    assert (ended.result, ended.confinement) == ({"rows": 7}, {"seccomp": "on"})
    assert store.job(job.id) == ended
    assert store.artifacts(job.id) == [REPORT]
    assert [(entry.status, entry.at, entry.reason) for entry in store.timeline(job.id)] == [
        ("pending", NOON, "submitted"),
        ("running", NOON + timedelta(seconds=2), "a slot is free"),
        ("completed", NOON + timedelta(seconds=5), "the work is done"),
    ]


def test_a_failure_keeps_why(store: Store) -> None:
    job = add(store)
    store.apply(job.id, AttemptStarted(attempt=1))
    record, _ = store.apply(job.id, AttemptFailed(attempt=1, error=CRASH))
    assert record.error == CRASH
    assert store.jobs(JobFilter())[0].error == CRASH


def test_a_lost_attempt_is_retried_with_nothing_left_of_it(store: Store) -> None:
    job = add(store, retries=1)
    store.apply(job.id, AttemptStarted(attempt=1), JobChanges(placement={"pid": 7}))
    waiting, _ = store.apply(job.id, AttemptLost(attempt=1, error=CRASH))
    assert (waiting.status, waiting.placement, waiting.started_at) == ("pending", {}, None)
    assert waiting.state.retries_left == 0
    store.apply(job.id, AttemptStarted(attempt=2))
    with pytest.raises(IllegalTransitionError):
        store.apply(job.id, AttemptSucceeded(attempt=1))
    lost, _ = store.apply(job.id, AttemptLost(attempt=2, error=CRASH))
    assert (lost.status, store.metrics().attempts_lost) == ("failed", 2)


def test_an_illegal_fact_changes_nothing(store: Store) -> None:
    job = add(store)
    changes = JobChanges(result={"rows": 7}, artifacts=(REPORT,))
    with pytest.raises(IllegalTransitionError):
        store.apply(job.id, AttemptSucceeded(attempt=1), changes)
    assert store.job(job.id) == job
    assert store.artifacts(job.id) == []
    assert len(store.timeline(job.id)) == 1


def test_a_wish_to_cancel_is_kept_while_the_job_runs(store: Store) -> None:
    job = add(store)
    store.apply(job.id, AttemptStarted(attempt=1))
    record, _ = store.apply(job.id, CancelRequested())
    assert (record.status, record.state.is_cancel_requested) == ("running", True)
    assert len(store.timeline(job.id)) == 2


def test_what_is_learned_of_the_present_attempt_is_kept(store: Store) -> None:
    job = add(store)
    with pytest.raises(IllegalTransitionError):
        store.keep(job.id, attempt=1, changes=JobChanges(placement={"pid": 7}))
    store.apply(job.id, AttemptStarted(attempt=1))
    assert store.keep(job.id, attempt=1, changes=JobChanges(placement={"pid": 7})).placement == {
        "pid": 7
    }
    with pytest.raises(IllegalTransitionError):
        store.keep(job.id, attempt=2, changes=JobChanges(placement={"pid": 8}))
    found = store.job(job.id)
    assert found is not None
    assert found.placement == {"pid": 7}


def test_an_attempt_that_never_started_waits_again_in_its_old_place(store: Store) -> None:
    first = add(store)
    second = add(store)
    store.apply(first.id, AttemptStarted(attempt=1))
    store.apply(first.id, AttemptNeverStarted(attempt=1, reason="no memory"))
    assert [job.id for job in store.queued(10)] == [first.id, second.id]


# --- found again ---------------------------------------------------------------------------------


def test_the_queue_goes_by_priority_and_then_by_arrival(store: Store, clock: SetClock) -> None:
    low = add(store, priority=-1)
    old = add(store)
    clock.move(-3600)
    # Its name sorts before all others, as after a clock was set back.
    new = add(store, id="0" * 26)
    high = add(store, priority=5)
    assert [job.id for job in store.queued(10)] == [high.id, old.id, new.id, low.id]
    assert [job.id for job in store.queued(2)] == [high.id, old.id]
    assert [store.position_in_queue(job.id) for job in (high, old, new, low)] == [1, 2, 3, 4]
    store.apply(high.id, AttemptStarted(attempt=1))
    assert store.position_in_queue(high.id) == 0
    assert store.position_in_queue(low.id) == 3
    assert [job.id for job in store.active()] == [high.id]


def test_jobs_are_listed_newest_first_in_pages(store: Store) -> None:
    made = [add(store).id for _ in range(5)]
    first = [job.id for job in store.jobs(JobFilter(), limit=2)]
    rest = [job.id for job in store.jobs(JobFilter(), before=first[-1], limit=10)]
    assert first + rest == made[::-1]


def test_a_listing_reads_documents_on_request_only(store: Store) -> None:
    add(store)
    assert store.jobs(JobFilter())[0].options == {}
    assert store.jobs(JobFilter(), with_documents=True)[0] == store.queued(1)[0]


def test_every_filter_selects(store: Store) -> None:
    labels = {"team": "lab", "run": "7"}
    wanted = add(store, kind="profile", owner="bob", labels=labels)
    store.apply(wanted.id, AttemptStarted(attempt=1))
    add(store, labels={"team": "lab", "run": "8"})
    add(store, labels={"team": "7"})
    for which in (
        JobFilter(statuses=(Status.RUNNING, Status.FAILED)),
        JobFilter(kinds=("profile", "batch")),
        JobFilter(owner="bob"),
        JobFilter(labels=(("run", "7"),)),
        JobFilter(labels=(("team", "lab"), ("run", "7"))),
        JobFilter(
            statuses=(Status.RUNNING,),
            kinds=("profile",),
            owner="bob",
            labels=tuple(labels.items()),
        ),
    ):
        assert [job.id for job in store.jobs(which)] == [wanted.id], which
    assert store.jobs(JobFilter(owner="bob", kinds=("batch",))) == []
    assert store.jobs(JobFilter(labels=(("team", "lab"), ("run", "9")))) == []
    assert len(store.jobs(JobFilter(labels=(("team", "lab"),)))) == 2


def test_an_upload_is_kept_once_and_is_as_new_as_its_last_upload(store: Store) -> None:
    record = InputRecord(sha256="b" * 64, name="a.csv", size=3, owner="ann", created_at=NOON)
    later = NOON + timedelta(hours=1)
    store.add_input(record)
    store.add_input(
        InputRecord(sha256="b" * 64, name="b.csv", size=3, owner="bob", created_at=later)
    )
    assert store.input("b" * 64) == replace(record, created_at=later)
    assert store.input("c" * 64) is None
    store.add_input(replace(record, sha256="a" * 64))
    assert store.inputs_before(later) == ["a" * 64]
    assert store.inputs_before(later + timedelta(seconds=1)) == ["a" * 64, "b" * 64]


def test_figures_are_of_all_jobs_there_ever_were(store: Store, clock: SetClock) -> None:
    job = add(store)
    clock.move(3)
    store.apply(job.id, AttemptStarted(attempt=1))
    clock.move(100)
    store.apply(job.id, AttemptSucceeded(attempt=1))
    add(store, kind="profile")
    clock.move(10)
    found = store.metrics()
    assert found.jobs == {("run-csv", Status.COMPLETED): 1, ("profile", Status.PENDING): 1}
    assert found.oldest_queued_s == 10
    (wait,) = found.queue_wait.values()
    assert wait.total_s == 3
    assert [count for bound, count in zip(wait.bounds, wait.counts, strict=True) if bound < 5] == [
        0
    ] * 3
    assert wait.counts[-1] == 1
    assert found.run_time["run-csv"].total_s == 100


def test_no_time_is_below_nothing_when_the_clock_is_set_back(store: Store, clock: SetClock) -> None:
    job = add(store)
    clock.move(-3600)
    store.apply(job.id, AttemptStarted(attempt=1))
    clock.move(-3600)
    store.apply(job.id, AttemptSucceeded(attempt=1))
    found = store.metrics()
    assert found.queue_wait["run-csv"].total_s == 0
    assert found.run_time["run-csv"].counts[0] == 1
    add(store)
    clock.move(-1)
    assert store.metrics().oldest_queued_s == 0


# --- the store itself ----------------------------------------------------------------------------


def test_everything_is_there_after_a_restart(place: Place, clock: SetClock) -> None:
    with place.open(clock) as store:
        job = add(store)
        record, _ = store.apply(job.id, AttemptStarted(attempt=1))
    with place.open(clock) as store:
        assert store.job(job.id) == record
        store.check()


def test_a_second_server_on_the_same_folder_is_refused(place: Place, clock: SetClock) -> None:
    with place.open(clock) as store:
        with pytest.raises(StorageError, match="another server uses the store"):
            place.open(clock)
        store.check()


def test_a_closed_store_says_so(place: Place, clock: SetClock) -> None:
    store = place.open(clock)
    store.close()
    store.close()
    with pytest.raises(StoreUnavailableError, match="closed"):
        add(store)
