"""One thread writes for many: in groups, and each write for itself."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from made_jobs import NOON, add, new_job

from adhash.errors import InvariantError
from adhash.service import store_writes
from adhash.service.errors import QuotaError, UnknownJobError
from adhash.service.lifecycle import AttemptStarted, AttemptSucceeded, Status
from adhash.service.models import EventType
from adhash.service.records import JobFilter, JobRecord, NewEvent
from adhash.service.store import Store
from adhash.service.store_writer import Transaction


class Gate:
    """Holds the writer, so that what is queued meanwhile is one group."""

    def __init__(self, store: Store) -> None:
        self._open = threading.Event()
        self._is_held = threading.Event()
        self._future = store.later(self._wait)
        assert self._is_held.wait(30)

    def _wait(self, _transaction: Transaction) -> None:
        self._is_held.set()
        assert self._open.wait(30)

    def open(self) -> None:
        self._open.set()
        self._future.result()


@pytest.fixture
def gate(store: Store) -> Iterator[Gate]:
    gate = Gate(store)
    yield gate
    gate.open()


def later(store: Store, **changes: object) -> Future[tuple[JobRecord, bool]]:
    max_queued = 1_000
    return store.later(
        store_writes.add_job,
        new_job(**changes),
        max_queued=max_queued,
        owner_quota=None,
        idempotency=None,
    )


def test_a_refused_write_does_not_harm_its_neighbours(store: Store, gate: Gate) -> None:
    twin = new_job()

    def add_twin() -> Future[tuple[JobRecord, bool]]:
        return store.later(
            store_writes.add_job, twin, max_queued=9, owner_quota=None, idempotency=None
        )

    def stumble(transaction: Transaction) -> None:
        transaction.connection.execute(sa.text("INSERT INTO probes VALUES (9, NULL)"))

    def fall(transaction: Transaction) -> None:
        store_writes.probe(transaction)
        raise KeyError("a mistake in a write")

    before = later(store)
    first = add_twin()
    second = add_twin()
    unknown = store.later(store_writes.expire_job, "0" * 26)
    full = store.later(
        store_writes.add_job, new_job(), max_queued=1, owner_quota=None, idempotency=None
    )
    failures = [store.later(stumble), store.later(fall)]
    after = later(store)
    gate.open()
    assert [future.result()[1] for future in (before, first, after)] == [True] * 3
    with pytest.raises(InvariantError, match="refused"):
        second.result()
    with pytest.raises(UnknownJobError):
        unknown.result()
    with pytest.raises(QuotaError):
        full.result()
    for failed, kind in zip(failures, (InvariantError, KeyError), strict=True):
        with pytest.raises(kind):
            failed.result()
    assert len(store.queued(10)) == 3


def test_writes_are_done_in_the_order_they_came(store: Store, gate: Gate) -> None:
    futures = [later(store, owner=f"owner {number}") for number in range(300)]
    gate.open()
    made = [future.result()[0].id for future in futures]
    assert [job.id for job in store.queued(1_000)] == made
    numbers = [store.events(job_id)[0].id for job_id in made]
    assert numbers == sorted(numbers)


def test_readers_do_not_wait_for_the_writer(store: Store) -> None:
    job = add(store)
    gate = Gate(store)
    waiting = later(store)
    assert store.jobs(JobFilter()) != []
    assert store.job(job.id) == job
    assert not waiting.done()
    gate.open()
    waiting.result()


def test_code_that_must_not_wait_awaits_its_write(store: Store) -> None:
    async def submit() -> JobRecord:
        record, _ = await asyncio.wrap_future(later(store))
        return record

    record = asyncio.run(submit())
    assert store.job(record.id) == record


def test_a_write_is_done_even_if_nobody_waits_for_it_any_more(store: Store, gate: Gate) -> None:
    future = later(store)
    assert not future.cancel()
    gate.open()
    assert future.result()[1]


def test_a_follower_must_not_write(store: Store) -> None:
    raised: list[Exception] = []

    def write(_changed: Collection[str]) -> None:
        try:
            store.check()
        except InvariantError as error:
            raised.append(error)

    store.on_commit(write)
    add(store)
    store.check()
    assert len(raised) == 1


def test_a_follower_that_fails_stops_nobody(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Collection[str]] = []

    def fail(_changed: Collection[str]) -> None:
        raise RuntimeError("a mistake in a follower")

    store.on_commit(fail)
    store.on_commit(heard.append)
    with caplog.at_level(logging.ERROR):
        job = add(store)
        store.check()
    assert heard == [{job.id}]
    assert "a follower of the store failed" in caplog.text


def test_what_is_queued_is_written_before_the_store_closes(store: Store, gate: Gate) -> None:
    futures = [later(store) for _ in range(10)]
    closing = threading.Thread(target=store.close)
    closing.start()
    gate.open()
    closing.join()
    assert all(future.result()[1] for future in futures)


def test_sixteen_threads_lose_nothing_and_are_never_told_that_the_store_is_locked(
    store: Store,
) -> None:
    count = 15

    def live(number: int) -> list[str]:
        made = []
        for turn in range(count):
            job = add(store, owner=f"owner {number}", labels={"thread": str(number)})
            store.apply(job.id, AttemptStarted(attempt=1))
            told = [NewEvent(type=EventType.PROGRESS, at=NOON, data={"done": turn})]
            store.append_events(job.id, told, consumed=turn + 1)
            assert store.counts_by_owner(f"owner {number}") == (0, 1)
            store.apply(job.id, AttemptSucceeded(attempt=1))
            made.append(job.id)
        return made

    made = _in_threads(16, live)
    for number, own in enumerate(made):
        listed = store.jobs(JobFilter(labels=(("thread", str(number)),)), limit=500)
        assert [job.id for job in listed] == sorted(own, reverse=True)
        assert {job.status for job in listed} == {Status.COMPLETED}
    for own in made:
        for job_id in own:
            types = [event.type.value for event in store.events(job_id)]
            assert types == ["status", "status", "progress", "status"]
    assert store.metrics().jobs == {("run-csv", Status.COMPLETED): 16 * count}


def _in_threads(count: int, run: Callable[[int], list[str]]) -> list[list[str]]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))
