"""Connections to the store: which database, how it is set up, and that one server alone writes.

Writes and reads never share a connection. The writing engine keeps none of its own: the writer
holds one and makes a new one after a fault, and each new one proves again that no other server has
taken the store. SQLite allows one writer at a time anyway; begun with BEGIN IMMEDIATE, a
transaction waits at its start and never fails half way with "database is locked".
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.pool import NullPool

from adhash.errors import ConfigError, StorageError
from adhash.service.errors import StoreUnavailableError
from adhash.service.store_faults import shown

FILE_NAME = "store.sqlite3"
LOCK_NAME = "store.lock"
# A number of our own among the advisory locks of a PostgreSQL database ("adhash" in ASCII).
_ADVISORY_LOCK = 0x616468617368
_LOCK_NOT_AVAILABLE = "55P03"
_WAIT_FOR_LOCK_MS = 3_000
_BUSY_MS = 10_000
_READERS = 16
_WAIT_FOR_READER_S = 10.0
# A server that is gone without a word is noticed within about ten seconds.
_POSTGRESQL_OPTIONS = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "application_name": "adhash",
}
_SQLITE_WRITER = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    f"PRAGMA busy_timeout = {_BUSY_MS}",
    "PRAGMA foreign_keys = ON",
    f"PRAGMA journal_size_limit = {64 << 20}",
)
_SQLITE_READER = (f"PRAGMA busy_timeout = {_BUSY_MS}", "PRAGMA query_only = ON")
# The server, too, shall notice soon that we are gone, and let go of the lock.
_POSTGRESQL_WRITER = (
    "SET synchronous_commit = on",
    "SET statement_timeout = 0",
    "SET tcp_keepalives_idle = 5",
    "SET tcp_keepalives_interval = 2",
    "SET tcp_keepalives_count = 3",
)
_POSTGRESQL_READER = ("SET default_transaction_read_only = on",)


def store_url(job_root: Path, url: str | None) -> sa.URL:
    """Return where the store is.

    Parameters
    ----------
    job_root : Path
        The folder of the SQLite file.
    url : str or None
        A PostgreSQL database; None for SQLite.

    Returns
    -------
    URL
        With the driver that is used.

    Raises
    ------
    ConfigError
        If `url` is not one, or of another database. It is not shown: it may hold a password.
    """
    if url is None:
        return sa.URL.create("sqlite", database=str(job_root.absolute() / FILE_NAME))
    try:
        parsed = sa.make_url(url)
    except (exc.ArgumentError, ValueError):
        raise _bad_url("a value that is no URL") from None
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise _bad_url(repr(parsed.drivername))
    return parsed.set(drivername="postgresql+psycopg")


def writing_engine(url: sa.URL) -> sa.Engine:
    """Return the engine of the one writer; each connection is made anew and set up durable."""
    engine = _engine(url, poolclass=NullPool)
    if _is_sqlite(url):
        _on_connect(engine, partial(_set_up_sqlite, statements=_SQLITE_WRITER))
        event.listen(engine, "begin", _begin_immediate)
        return engine
    _on_connect(engine, partial(_set_up_postgresql, statements=_POSTGRESQL_WRITER))
    _on_connect(engine, partial(_take_database, place=shown(url)))
    return engine


def reading_engine(url: sa.URL) -> sa.Engine:
    """Return the engine of the readers, which can change nothing and wait for no writer."""
    engine = _engine(
        url, pool_size=_READERS, max_overflow=_READERS, pool_timeout=_WAIT_FOR_READER_S
    )
    if _is_sqlite(url):
        _on_connect(engine, partial(_set_up_sqlite, statements=_SQLITE_READER))
        return engine
    _on_connect(engine, partial(_set_up_postgresql, statements=_POSTGRESQL_READER))
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def take_folder(job_root: Path) -> int:
    """Take the job root for this process and return the open lock.

    Parameters
    ----------
    job_root : Path
        Made if it is not there.

    Returns
    -------
    int
        The descriptor that holds the lock. The system drops it however the process ends; no
        process started from this one inherits it.

    Raises
    ------
    StorageError
        If another server has it, or the folder cannot be made.
    """
    try:
        job_root.mkdir(parents=True, exist_ok=True)
        lock = os.open(job_root / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise StorageError(
            f"cannot use {job_root} as the job root: {error.strerror}",
            hint="name a folder that can be written",
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise _taken(str(job_root)) from None
    return lock


def _engine(url: sa.URL, **options: Any) -> sa.Engine:
    arguments: dict[str, Any] = dict(_POSTGRESQL_OPTIONS)
    if _is_sqlite(url):
        arguments = {"check_same_thread": False}
    try:
        return sa.create_engine(
            url,
            connect_args=arguments,
            hide_parameters=True,
            json_serializer=_to_json,
            **options,
        )
    except ModuleNotFoundError as error:
        raise StorageError(
            f"a PostgreSQL store needs the package {error.name}",
            hint="install adhash[cluster]",
        ) from None


# NaN is not JSON, and PostgreSQL would refuse it where SQLite would not.
_to_json: Callable[[object], str] = partial(json.dumps, allow_nan=False, separators=(",", ":"))


def _is_sqlite(url: sa.URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _on_connect(engine: sa.Engine, set_up: Callable[[Any], None]) -> None:
    """Set up each new connection; one that cannot be is closed, and its error wrapped as usual."""
    driver_error: type[Exception] = engine.dialect.loaded_dbapi.Error

    def run(connection: Any, _record: object) -> None:
        try:
            set_up(connection)
        except driver_error as error:
            connection.close()
            raise exc.OperationalError("connect", None, error) from error
        except StoreUnavailableError:
            connection.close()
            raise

    event.listen(engine, "connect", run)


def _set_up_sqlite(connection: Any, *, statements: tuple[str, ...]) -> None:
    # Without this, Python's module begins transactions by itself, and later than asked.
    connection.isolation_level = None
    for statement in statements:
        connection.execute(statement).close()


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _set_up_postgresql(connection: Any, *, statements: tuple[str, ...]) -> None:
    for statement in statements:
        connection.execute(statement)
    connection.commit()


def _take_database(connection: Any, *, place: str) -> None:
    """Hold the store for as long as the connection lives: what writes is what holds the lock.

    A server that was killed a moment ago may still be dying, so this waits a little.
    """
    try:
        connection.execute(f"SET lock_timeout = {_WAIT_FOR_LOCK_MS}")
        connection.execute(f"SELECT pg_advisory_lock({_ADVISORY_LOCK})")
        connection.execute("SET lock_timeout = 0")
        connection.commit()
    except Exception as error:
        if getattr(error, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise _taken(place) from None
        raise


def _taken(place: str) -> StoreUnavailableError:
    return StoreUnavailableError(
        f"another server uses the store {place}",
        hint="stop that server, or give this one a job root or database of its own",
    )


def _bad_url(value: str) -> ConfigError:
    allowed = "a URL such as postgresql+psycopg://user@host/name"
    return ConfigError(
        f"ADHASH_DATABASE_URL: must be {allowed}; got {value}", key="database_url", allowed=allowed
    )
