"""Run by Alembic: applies migrations to the connection it is given, in its transaction."""

from __future__ import annotations

from alembic import context

from adhash.service.store_schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can roll back changes of the schema too, once Python's module lets it.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
