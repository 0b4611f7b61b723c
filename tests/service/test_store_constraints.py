"""What the database itself refuses, whoever asks: raw SQL against a store that is closed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from made_jobs import NOON, Place, SetClock, add

from adhash.service.lifecycle import AttemptStarted, AttemptSucceeded
from adhash.service.models import EventType
from adhash.service.records import JobChanges, NewEvent
from adhash.service.store_engines import store_url


@pytest.fixture
def database(place: Place, clock: SetClock) -> Iterator[sa.Connection]:
    """A store with one job that has ended and one that runs."""
    with place.open(clock) as store:
        for _ in range(2):
            job = add(store)
            store.apply(job.id, AttemptStarted(attempt=1))
            tick = NewEvent(type=EventType.METRICS, at=NOON, data={})
            store.append_events(job.id, [tick], consumed=1)
        (ended, _running) = store.active()
        store.apply(ended.id, AttemptSucceeded(attempt=1), JobChanges(result={"rows": 7}))
    engine = sa.create_engine(store_url(place.job_root, place.url))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def run(database: sa.Connection, statement: str) -> int:
    with database.begin():
        return database.exec_driver_sql(statement).rowcount


def refused(database: sa.Connection, statement: str) -> str:
    with pytest.raises(sa.exc.IntegrityError) as caught, database.begin():
        database.exec_driver_sql(statement)
    return str(caught.value.orig)


@pytest.mark.parametrize(
    "change",
    [
        "status = 'running'",
        "status = 'failed'",
        "attempt = 2",
        "started_at = NULL",
        "finished_at = NULL",
        "error = '{}'",
        "result = NULL",
        "result = '{\"rows\":8}'",
    ],
)
def test_a_job_that_has_ended_cannot_change(database: sa.Connection, change: str) -> None:
    changed = f"UPDATE jobs SET {change} WHERE status = 'completed'"  # noqa: S608
    assert "has ended" in refused(database, changed)
    assert run(database, "UPDATE jobs SET attempt = 2 WHERE status = 'running'") == 1


def test_a_job_that_has_ended_can_still_expire(database: sa.Connection) -> None:
    change = "UPDATE jobs SET is_expired = (1 = 1) WHERE status = 'completed'"
    assert run(database, change) == 1


def test_a_status_is_one_of_five(database: sa.Connection) -> None:
    refused(database, "UPDATE jobs SET status = 'paused' WHERE status = 'running'")


def test_no_job_is_deleted(database: sa.Connection) -> None:
    assert "never deleted" in refused(database, "DELETE FROM jobs")


def test_an_event_cannot_change(database: sa.Connection) -> None:
    assert "cannot change" in refused(database, "UPDATE events SET data = '{}' WHERE id = 1")


def test_no_event_is_deleted_while_its_job_is_kept(database: sa.Connection) -> None:
    assert "only progress" in refused(database, "DELETE FROM events WHERE type = 'status'")
    assert "only progress" in refused(database, "DELETE FROM events WHERE type = 'metrics'")


def test_ticks_of_an_expired_job_can_be_deleted_but_not_its_statuses(
    database: sa.Connection,
) -> None:
    run(database, "UPDATE jobs SET is_expired = (1 = 1) WHERE status = 'completed'")
    ticks = """
        DELETE FROM events WHERE type = 'metrics'
        AND job_id IN (SELECT id FROM jobs WHERE is_expired)
    """
    assert run(database, ticks) == 1
    refused(database, ticks.replace("metrics", "status"))


@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
def test_nothing_is_truncated(database: sa.Connection) -> None:
    refused(database, "TRUNCATE events")
    refused(database, "TRUNCATE jobs CASCADE")
