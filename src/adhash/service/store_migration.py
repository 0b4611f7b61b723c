"""Bring a store to the schema of this version, all of the way or not at all."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from adhash.errors import StorageError
from adhash.service.store_faults import DATABASE_FAULTS, fault_of, shown


def migrate(engine: sa.Engine) -> None:
    """Apply the migrations that the store has not seen, in one transaction.

    Parameters
    ----------
    engine : Engine
        Of the writer.

    Raises
    ------
    StorageError
        If a newer version wrote the store, which this one would not understand, or the database
        cannot be used.
    """
    try:
        _migrate(engine)
    except DATABASE_FAULTS as error:
        raise fault_of(error, engine.url) from None


def _migrate(engine: sa.Engine) -> None:
    config = migration_config()
    script = ScriptDirectory.from_config(config)
    with engine.begin() as connection:
        present = MigrationContext.configure(connection).get_current_heads()
        if list(present) == script.get_heads():
            return
        _require_known(present, script, engine.url)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def migration_config() -> Config:
    """Return the settings of Alembic: the folder of migrations within the package."""
    config = Config()
    folder = Path(str(resources.files("adhash.service").joinpath("migrations")))
    # A percent sign begins a reference in this file format.
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _require_known(present: tuple[str, ...], script: ScriptDirectory, url: sa.URL) -> None:
    known = {revision.revision for revision in script.walk_revisions()}
    unknown = sorted(set(present) - known)
    if unknown:
        raise StorageError(
            f"the store {shown(url)} was written by a newer adhash: its schema is {unknown[0]}, "
            f"and this version knows none after {script.get_current_head()}",
            hint="install the newer adhash again, or restore a backup from before it",
        )
