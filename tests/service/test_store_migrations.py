"""One history of the schema, which ends where the code says, in both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from made_jobs import Place, SetClock, add

from adhash.service.store_engines import store_url
from adhash.service.store_migration import migrate, migration_config
from adhash.service.store_schema import metadata


@pytest.fixture
def engine(place: Place) -> Iterator[sa.Engine]:
    place.job_root.mkdir(exist_ok=True)
    engine = sa.create_engine(store_url(place.job_root, place.url))
    yield engine
    engine.dispose()


def test_the_migrations_make_the_schema_of_the_code(engine: sa.Engine) -> None:
    migrate(engine)
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
        found = sa.inspect(connection)
        assert set(found.get_table_names()) == {*metadata.tables, "alembic_version"}


def test_constraints_have_the_names_of_the_code(engine: sa.Engine) -> None:
    """Alembic does not compare these."""
    migrate(engine)
    found = sa.inspect(engine)
    for table in metadata.tables.values():
        checks = {check["name"] for check in found.get_check_constraints(table.name)}
        named = {
            str(sa.schema.conv(constraint.name))
            for constraint in table.constraints
            if isinstance(constraint, sa.CheckConstraint)
        }
        assert checks == named
        keys = {key["name"] for key in found.get_foreign_keys(table.name)}
        assert keys == {key.name for key in table.foreign_key_constraints}


def test_migrating_twice_changes_nothing(engine: sa.Engine) -> None:
    migrate(engine)
    migrate(engine)
    with engine.connect() as connection:
        heads = MigrationContext.configure(connection).get_current_heads()
    assert list(heads) == ScriptDirectory.from_config(migration_config()).get_heads()


def test_the_history_is_one_line() -> None:
    script = ScriptDirectory.from_config(migration_config())
    assert len(script.get_heads()) == 1
    assert len(script.get_bases()) == 1


def test_a_job_root_may_have_any_name(place: Place, clock: SetClock) -> None:
    odd = Place(place.job_root / "100 % of ünïcode?x=y#z", place.url)
    with odd.open(clock) as store:
        job = add(store)
    with odd.open(clock) as store:
        assert store.job(job.id) == job
