"""Stores for tests: every test that takes `place` or `store` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from made_jobs import Place, SetClock
from postgresql import PostgresqlServer, find_programs

from adhash.service.store import Store


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (on Debian: apt-get install postgresql)")
    server = PostgresqlServer(programs)
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        return Place(tmp_path / "jobs", None)
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    return Place(tmp_path / "jobs", server.empty_database())


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def store(place: Place, clock: SetClock) -> Iterator[Store]:
    with place.open(clock) as store:
        yield store
