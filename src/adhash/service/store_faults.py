"""What goes wrong in a database, in the words of the service and without its secrets."""

from __future__ import annotations

import sqlite3

import sqlalchemy as sa
from sqlalchemy import exc

from adhash.errors import InvariantError
from adhash.service.errors import StoreUnavailableError

# The statement was wrong, or a constraint spoke: the transaction may go on without it.
STATEMENT_FAULTS = (exc.IntegrityError, exc.DataError, exc.ProgrammingError)
# The last is of the pool, when all connections are busy for too long.
DATABASE_FAULTS = (exc.DBAPIError, exc.TimeoutError)
# SQLite's codes for a disk or a memory that is too small.
_ROOM_FAULTS = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM)
_HINTS = (
    ("full", "Make room on the disk of the store; nothing has to be restarted."),
    ("read-only", "Make the store writable again."),
    ("readonly", "Make the store writable again."),
    ("malformed", "Stop the service and restore the store from a backup."),
)


def fault_of(error: Exception, url: sa.URL) -> Exception:
    """Return the error of the service that stands for a database's.

    Parameters
    ----------
    error : Exception
        What the database, its driver or the pool of connections said. Any other is returned as it
        is.
    url : URL
        Where the store is; its secrets are cut out of the message.

    Returns
    -------
    Exception
        `InvariantError` for a statement that the database refused, `StoreUnavailableError` for
        every other fault of it.
    """
    if not isinstance(error, exc.SQLAlchemyError):
        return error
    reason = without_secrets(_reason(error), url)
    if isinstance(error, STATEMENT_FAULTS) or not isinstance(error, DATABASE_FAULTS):
        return InvariantError(f"the store refused a write, and kept nothing of it: {reason}")
    hint = next((hint for sign, hint in _HINTS if sign in reason), "")
    return StoreUnavailableError(f"the store {shown(url)} cannot be used: {reason}", hint=hint)


def is_out_of_reach(error: Exception) -> bool:
    """Return whether to try the same again at once is in vain.

    It is not where the disk has no room for a large write, but may have for a smaller one.
    """
    if not isinstance(error, exc.DBAPIError):
        return True
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF not in _ROOM_FAULTS
    return error.connection_invalidated or error.statement in (None, "connect")


def shown(url: sa.URL) -> str:
    """Return where the store is, without user, password and options."""
    if url.host is None and url.get_backend_name() == "sqlite":
        return str(url.database)
    return f"{url.get_backend_name()}://{url.host or ''}/{url.database or ''}"


def without_secrets(text: str, url: sa.URL) -> str:
    """Return `text` without the passwords that a URL carries."""
    options = (str(value) for name, value in url.query.items() if "pass" in name)
    for secret in (str(url.password or ""), *options):
        if secret:
            text = text.replace(secret, "***")
    return text


def _reason(error: exc.SQLAlchemyError) -> str:
    """Return the first line of the driver's own words; the rest shows statements and values."""
    source = error.orig if isinstance(error, exc.StatementError) and error.orig else error
    lines = str(source).strip().splitlines()
    return lines[0] if lines else type(source).__name__
