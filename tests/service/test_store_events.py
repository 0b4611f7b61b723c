"""What happened to jobs: in order, once, for good; and who is told."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import pytest
from made_jobs import NOON, Place, SetClock, add

from adhash.service.lifecycle import (
    AttemptStarted,
    AttemptSucceeded,
    CancelRequested,
    IllegalTransitionError,
)
from adhash.service.models import EventType
from adhash.service.records import ArtifactRecord, JobChanges, NewEvent
from adhash.service.store import Store

REPORT = ArtifactRecord(name="report.html", size=7, media_type="text/html", sha256="a" * 64)


def event(kind: EventType, **data: object) -> NewEvent:
    return NewEvent(type=kind, at=NOON, data=data)


def running(store: Store) -> str:
    job = add(store)
    store.apply(job.id, AttemptStarted(attempt=1))
    return job.id


def ended_with_ticks(store: Store) -> str:
    job_id = running(store)
    ticks = [event(EventType.METRICS, t=t) for t in range(3)]
    store.append_events(job_id, [*ticks, event(EventType.ALERT, what="slow")], consumed=10)
    store.apply(job_id, AttemptSucceeded(attempt=1))
    return job_id


def test_events_come_back_in_the_order_they_were_told(store: Store) -> None:
    job_id = running(store)
    other = running(store)
    store.append_events(job_id, [event(EventType.PROGRESS, done=1)], consumed=10)
    store.append_events(other, [event(EventType.PROGRESS, done=9)], consumed=10)
    store.append_events(
        job_id, [event(EventType.METRICS, t=1), event(EventType.PROGRESS, done=2)], consumed=30
    )
    found = store.events(job_id)
    assert [(each.type, each.data.get("done")) for each in found] == [
        ("status", None),
        ("status", None),
        ("progress", 1),
        ("metrics", None),
        ("progress", 2),
    ]
    numbers = [each.id for each in found]
    assert numbers == sorted(set(numbers))
    assert {each.job_id for each in found} == {job_id}
    assert store.events(job_id, after=numbers[2]) == found[3:]
    assert store.events(job_id, after=numbers[0], limit=2) == found[1:3]
    assert store.events(job_id, types={EventType.PROGRESS}) == [found[2], found[4]]
    assert store.event_bounds(job_id) == (numbers[0], numbers[-1])


def test_the_last_progress_is_kept_with_the_job(store: Store) -> None:
    job_id = running(store)
    told = [event(EventType.PROGRESS, done=1), event(EventType.PROGRESS, done=2)]
    store.append_events(job_id, [*told, event(EventType.METRICS, t=1)], consumed=10)
    found = store.job(job_id)
    assert found is not None
    assert (found.progress, found.events_consumed) == ({"done": 2}, 10)


def test_the_same_part_of_a_file_is_kept_once(store: Store) -> None:
    job_id = running(store)
    for consumed in (10, 10, 5):
        store.append_events(job_id, [event(EventType.PROGRESS, done=1)], consumed=consumed)
    assert len(store.events(job_id, types=[EventType.PROGRESS])) == 1
    late = JobChanges(events=(event(EventType.PROGRESS, done=1),), events_consumed=10)
    store.apply(job_id, AttemptSucceeded(attempt=1), late)
    assert len(store.events(job_id, types=[EventType.PROGRESS])) == 1


def test_the_final_status_is_the_last_event(store: Store) -> None:
    job_id = running(store)
    last = JobChanges(
        events=(event(EventType.METRICS, t=9),), events_consumed=10, artifacts=(REPORT,)
    )
    store.apply(job_id, AttemptSucceeded(attempt=1), last)
    found = store.events(job_id)
    assert [each.type for each in found[-3:]] == ["metrics", "artifact", "status"]
    assert found[-1].data == {"status": "completed", "reason": "the work is done", "attempt": 1}
    assert found[-2].data["name"] == "report.html"
    with pytest.raises(IllegalTransitionError, match="has ended"):
        store.append_events(job_id, [event(EventType.PROGRESS, done=1)], consumed=20)
    store.append_events(job_id, [event(EventType.PROGRESS, done=1)], consumed=10)
    assert store.events(job_id) == found


def test_ticks_are_read_from_the_end(store: Store) -> None:
    job_id = ended_with_ticks(store)
    assert [tick.data["t"] for tick in store.last_ticks(job_id, 2)] == [1, 2]
    assert [tick.data["t"] for tick in store.last_ticks(job_id, None)] == [0, 1, 2]


def test_a_clock_that_is_set_back_does_not_change_the_order(store: Store, clock: SetClock) -> None:
    job = add(store)
    clock.move(-3600)
    store.apply(job.id, AttemptStarted(attempt=1))
    assert [entry.status for entry in store.timeline(job.id)] == ["pending", "running"]
    times = [each.at for each in store.events(job.id)]
    assert times == [NOON, NOON - timedelta(hours=1)]


def test_only_ticks_and_progress_of_expired_jobs_are_pruned(store: Store) -> None:
    job_id = ended_with_ticks(store)
    kept = ended_with_ticks(store)
    before = store.events(job_id)
    assert store.prune_events([job_id, kept]) == 0
    store.expire_job(job_id)
    assert store.prune_events([job_id, kept]) == 3
    found = store.events(job_id)
    assert [each.type for each in found] == ["status", "status", "alert", "status"]
    assert len(store.events(kept)) == len(before)
    # A follower that knows nothing after the first event has missed some.
    assert store.event_bounds(job_id) == (before[4].id + 1, before[-1].id)


def test_an_expired_job_keeps_its_record(store: Store, clock: SetClock) -> None:
    job_id = ended_with_ticks(store)
    with pytest.raises(IllegalTransitionError):
        store.expire_job(running(store))
    clock.move(10)
    assert store.ended_before(clock.now(), 10) == [job_id]
    assert store.ended_before(NOON, 10) == []
    store.expire_job(job_id)
    store.expire_job(job_id)
    assert store.ended_before(clock.now(), 10) == []
    found = store.job(job_id)
    assert found is not None
    assert (found.is_expired, found.status) == (True, "completed")


def test_the_audit_is_read_apart_from_the_events_of_jobs(store: Store) -> None:
    job = add(store)
    store.append_audit("root", "token.reload", {"count": 2})
    store.append_audit("ann", "job.cancel", {}, job_id=job.id)
    first, second = store.audit()
    assert (first.owner, first.action, first.job_id, first.data) == (
        "root",
        "token.reload",
        None,
        {"count": 2},
    )
    assert (second.owner, second.job_id) == ("ann", job.id)
    assert store.audit(after=first.id) == [second]
    assert [each.type for each in store.events(job.id)] == ["status"]


def test_followers_hear_of_what_was_committed(store: Store) -> None:
    heard: list[Collection[str]] = []
    seen = []
    job = add(store)

    def follow(changed: Collection[str]) -> None:
        heard.append(changed)
        seen.append([each.type for each in store.events(job.id)])

    store.on_commit(follow)
    store.apply(job.id, AttemptStarted(attempt=1))
    with pytest.raises(IllegalTransitionError):
        store.apply(job.id, AttemptStarted(attempt=1))
    store.append_audit("ann", "nothing", {})
    store.apply(job.id, CancelRequested())
    # The writer tells before it takes the next write.
    store.check()
    assert heard == [{job.id}, {job.id}]
    assert seen == [["status", "status"]] * 2


def test_numbers_are_never_given_twice(place: Place, clock: SetClock) -> None:
    with place.open(clock) as store:
        job_id = ended_with_ticks(store)
        newest = store.event_bounds(job_id)[1]
    with place.open(clock) as store:
        assert store.events(add(store).id)[0].id > newest
