"""A copy of an SQLite store, taken while it is in use."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from adhash.atomic_files import replacing
from adhash.errors import PolicyError, StorageError


def back_up(url: sa.URL, target: Path) -> None:
    """Write a copy of the store as it is at this moment.

    Parameters
    ----------
    url : URL
        Where the store is.
    target : Path
        A file; replaced as a whole, so that a broken copy never takes the place of a good one.

    Raises
    ------
    PolicyError
        If the store is in PostgreSQL.
    StorageError
        If the copy cannot be written.
    """
    if url.get_backend_name() != "sqlite":
        raise PolicyError(
            "a store in PostgreSQL is not copied from here", hint="use pg_dump on its database"
        )
    with replacing(target) as copy, closing(sqlite3.connect(str(url.database))) as connection:
        try:
            # SQLite writes into a file that is there as long as it is empty.
            connection.execute("VACUUM INTO ?", (copy.name,))
        except sqlite3.Error as error:
            raise StorageError(
                f"cannot copy the store to {target}: {error}",
                hint="check the folder and the room on its disk; what was there is unchanged",
            ) from error
