"""A store in PostgreSQL is backed up and restored by PostgreSQL's tools, as the runbook says."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import sqlalchemy as sa
from made_jobs import Place, SetClock, add
from postgresql import PostgresqlServer, find_programs

from adhash.service.lifecycle import AttemptStarted, AttemptSucceeded, Status
from adhash.service.records import JobChanges


def _tool(name: str, database: str, *words: str) -> None:
    programs = find_programs()
    assert programs is not None
    done = subprocess.run(
        [programs / name, f"--dbname={database}", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_dump_of_a_store_in_use_restores_it_with_its_promises(
    postgresql: PostgresqlServer, tmp_path: Path
) -> None:
    url = postgresql.empty_database()
    database = url.replace("+psycopg", "")
    place = Place(tmp_path / "jobs", url)
    dump = tmp_path / "adhash.dump"
    with place.open(SetClock()) as store:
        ended, waiting = add(store), add(store)
        store.apply(ended.id, AttemptStarted(attempt=1))
        store.apply(ended.id, AttemptSucceeded(attempt=1), JobChanges(result={"ops": 1}))
        before = store.job(ended.id)
        events = store.events(ended.id, after=0, limit=100, types=None)
        _tool("pg_dump", database, "--format=custom", f"--file={dump}")
    postgresql.empty_database()
    _tool("pg_restore", database, "--clean", "--if-exists", "--no-owner", str(dump))
    with place.open(SetClock()) as store:
        assert store.job(ended.id) == before
        assert store.events(ended.id, after=0, limit=100, types=None) == events
        add(store)  # numbers go on where they were
        following, _ = store.apply(waiting.id, AttemptStarted(attempt=1))
        assert following.status is Status.RUNNING
    engine = sa.create_engine(url)
    with engine.begin() as connection, pytest.raises(sa.exc.IntegrityError, match="has ended"):
        connection.execute(sa.text("UPDATE jobs SET attempt = 9 WHERE status = 'completed'"))
    engine.dispose()
