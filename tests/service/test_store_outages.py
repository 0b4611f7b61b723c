"""A database that is full, gone, read-only, someone else's or too new: said, and survived."""

from __future__ import annotations

import os
import subprocess
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from made_jobs import Place, SetClock, add
from postgresql import PostgresqlServer
from test_store_writer import Gate, later

from adhash.errors import ConfigError, PolicyError, StorageError
from adhash.service.errors import StoreUnavailableError
from adhash.service.lifecycle import Status
from adhash.service.records import JobFilter
from adhash.service.store import Store
from adhash.service.store_engines import store_url

SECRET = "hunter2-never-shown"  # noqa: S105
LARGE = {"notes": "x" * 200_000}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def execute(place: Place, *statements: str) -> None:
    engine = sa.create_engine(store_url(place.job_root, place.url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


# --- no room -------------------------------------------------------------------------------------


def fill(folder: Path) -> Path:
    """Take what room is left."""
    filler = folder / "filler"
    descriptor = os.open(filler, os.O_CREAT | os.O_WRONLY)
    try:
        while os.write(descriptor, b"x" * 4096) == 4096:
            pass
    except OSError:
        os.close(descriptor)
    return filler


def add_many(store: Store, count: int) -> None:
    for _ in range(count):
        add(store, options=LARGE)


def test_a_full_disk_is_said_and_survived(small_disk: Path, clock: SetClock) -> None:
    with Store.open(job_root=small_disk, clock=clock) as store:
        first = add(store)
        filler = fill(small_disk)
        with pytest.raises(StoreUnavailableError, match="full") as caught:
            add_many(store, 100)
        assert "Make room" in caught.value.hint
        assert store.job(first.id) == first
        known = [job.id for job in store.jobs(JobFilter())]
        filler.unlink()
        store.check()
        last = add(store)
        assert [job.id for job in store.jobs(JobFilter())] == [last.id, *known]


def test_a_write_too_large_for_the_disk_does_not_harm_its_neighbours(
    small_disk: Path, clock: SetClock
) -> None:
    with Store.open(job_root=small_disk, clock=clock) as store:
        gate = Gate(store)
        before = later(store)
        large = later(store, options={"notes": "x" * 3_000_000})
        after = later(store)
        gate.open()
        assert before.result()[1]
        assert after.result()[1]
        with pytest.raises(StoreUnavailableError, match="full"):
            large.result()
        assert len(store.queued(10)) == 2


# --- gone ----------------------------------------------------------------------------------------


def test_a_database_that_went_away_is_said_and_survived(
    postgresql: PostgresqlServer, tmp_path: Path, clock: SetClock
) -> None:
    place = Place(tmp_path, postgresql.empty_database())
    with place.open(clock) as store:
        job = add(store)
        postgresql.stop()
        try:
            with pytest.raises(StoreUnavailableError, match="cannot be used"):
                add(store)
            with pytest.raises(StoreUnavailableError):
                store.check()
            with pytest.raises(StoreUnavailableError):
                store.job(job.id)
        finally:
            postgresql.start()
        assert store.job(job.id) == job
        store.check()
        assert len(store.queued(10)) == 1
        # The lock came back with the connection.
        with pytest.raises(StorageError, match="another server"):
            Store.open(job_root=tmp_path / "other", url=place.url, clock=clock)


def test_a_connection_that_was_cut_is_replaced_without_a_word(
    postgresql: PostgresqlServer, tmp_path: Path, clock: SetClock
) -> None:
    place = Place(tmp_path, postgresql.empty_database())
    with place.open(clock) as store:
        job = add(store)
        assert store.job(job.id) == job
        execute(
            place,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'adhash' AND datname = current_database()",
        )
        add(store)
        assert store.job(job.id) == job
        assert store.metrics().jobs == {("run-csv", Status.PENDING): 2}


def test_another_server_on_the_same_database_is_refused(
    postgresql: PostgresqlServer, tmp_path: Path, clock: SetClock
) -> None:
    url = postgresql.empty_database()
    with (
        Store.open(job_root=tmp_path / "one", url=url, clock=clock),
        pytest.raises(StorageError, match="another server uses the store postgresql://"),
    ):
        Store.open(job_root=tmp_path / "two", url=url, clock=clock)
    Store.open(job_root=tmp_path / "two", url=url, clock=clock).close()


# --- read-only -----------------------------------------------------------------------------------


def test_a_database_that_became_read_only_is_said_and_survived(
    postgresql: PostgresqlServer, tmp_path: Path, clock: SetClock
) -> None:
    place = Place(tmp_path, postgresql.empty_database())
    name = sa.make_url(str(place.url)).database
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'adhash'"
    with place.open(clock) as store:
        execute(place, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        execute(place, cut)
        with pytest.raises(StoreUnavailableError, match="read-only") as caught:
            store.check()
        assert "writable" in caught.value.hint
        execute(
            place,
            "SET default_transaction_read_only = off",
            f"ALTER DATABASE {name} SET default_transaction_read_only = off",
        )
        execute(place, cut)
        store.check()


def test_a_job_root_that_cannot_be_written_is_said(small_disk: Path, clock: SetClock) -> None:
    Store.open(job_root=small_disk, clock=clock).close()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(StorageError, match="Read-only"):
        Store.open(job_root=small_disk, clock=clock)


def test_a_job_root_that_is_a_file_is_said(tmp_path: Path, clock: SetClock) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="as the job root"):
        Store.open(job_root=tmp_path / "file", clock=clock)


def test_a_file_that_is_no_store_is_said(tmp_path: Path, clock: SetClock) -> None:
    (tmp_path / "store.sqlite3").write_bytes(b"no database" * 1_000)
    with pytest.raises(StorageError, match="not a database"):
        Store.open(job_root=tmp_path, clock=clock)
    # The folder was let go again.
    (tmp_path / "store.sqlite3").unlink()
    Store.open(job_root=tmp_path, clock=clock).close()


# --- too new, and never a secret -----------------------------------------------------------------


def test_a_store_of_a_newer_version_is_refused(place: Place, clock: SetClock) -> None:
    place.open(clock).close()
    execute(place, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StorageError, match="written by a newer adhash: its schema is 9999"):
        place.open(clock)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        (f"postgresql://ann:{SECRET}@127.0.0.1:1/lab", StoreUnavailableError),
        (f"postgresql://127.0.0.1:1/lab?user=ann&password={SECRET}", StoreUnavailableError),
        (f"postgresql://ann:{SECRET}@127.0.0.1:port/lab", ConfigError),
        (f"mysql://ann:{SECRET}@127.0.0.1/lab", ConfigError),
        (f"ann:{SECRET}", ConfigError),
    ],
)
def test_no_error_shows_a_password(
    tmp_path: Path, clock: SetClock, url: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind) as caught:
        Store.open(job_root=tmp_path, url=url, clock=clock)
    told = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    assert SECRET not in told


def test_a_wrong_password_is_not_shown(
    postgresql: PostgresqlServer, tmp_path: Path, clock: SetClock
) -> None:
    url = sa.make_url(postgresql.empty_database()).set(username="nobody", password=SECRET)
    with pytest.raises(StoreUnavailableError, match="nobody") as caught:
        Store.open(job_root=tmp_path, url=url.render_as_string(hide_password=False), clock=clock)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


# --- backup --------------------------------------------------------------------------------------


def test_a_copy_taken_in_use_is_a_whole_store(tmp_path: Path, clock: SetClock) -> None:
    with Store.open(job_root=tmp_path / "jobs", clock=clock) as store:
        job = add(store)
        (tmp_path / "copy").mkdir()
        store.back_up(tmp_path / "copy" / "store.sqlite3")
        add(store)
    with Store.open(job_root=tmp_path / "copy", clock=clock) as copy:
        assert copy.queued(10) == [job]


def test_a_copy_that_fails_leaves_the_older_one(tmp_path: Path, small_disk: Path) -> None:
    older = small_disk / "copy.sqlite3"
    older.write_text("older")
    with Store.open(job_root=tmp_path / "jobs", clock=SetClock()) as store:
        add_many(store, 15)
        with pytest.raises(StorageError, match="cannot copy"):
            store.back_up(older)
    assert older.read_text() == "older"
    assert sorted(path.name for path in small_disk.iterdir()) == ["copy.sqlite3"]


def test_a_copy_of_postgresql_is_left_to_its_own_tools(
    postgresql: PostgresqlServer, tmp_path: Path, clock: SetClock
) -> None:
    with (
        Place(tmp_path, postgresql.empty_database()).open(clock) as store,
        pytest.raises(PolicyError, match="PostgreSQL"),
    ):
        store.back_up(tmp_path / "copy")
