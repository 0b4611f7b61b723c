r"""The one thread that writes: what arrives while the disk syncs shares the next sync.

    callers    add_job   apply   append_events   apply ...      each waits for its own future
                  \        |        |             /
                   v       v        v            v
    queue      [ ........................................ ]
                              |  all that is there
                              v
    BEGIN  SAVEPOINT work RELEASE  SAVEPOINT work ROLLBACK TO  ...  COMMIT (one fsync)
                                                  `- a write that was refused fails alone
                              |
                              v
    futures are set, then those who follow jobs are told which changed

A fault of the database itself (no room, a lost connection) ends the whole transaction. Nothing of
it was acknowledged, so its writes are tried once more, each alone: one that is too large for the
disk does not take its neighbours with it. Only when the database is out of reach they all fail at
once, since each try would wait in vain. The connection is dropped after any such fault, and the
next write makes a new one: that is all there is to recovery. A connection that had died unnoticed
is replaced without a word, unless it died in the commit: then nobody knows what was kept.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc

from adhash.clock import Clock
from adhash.errors import InvariantError
from adhash.service.errors import StoreUnavailableError
from adhash.service.store_faults import (
    DATABASE_FAULTS,
    STATEMENT_FAULTS,
    fault_of,
    is_out_of_reach,
    shown,
)

Result = TypeVar("Result")
CommitCallback = Callable[[Collection[str]], None]

# Large enough for one sync a group at any load seen, small enough that no write waits long.
_GROUP_LIMIT = 256
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """What a write works with; it adds the jobs it changed to `changed`."""

    connection: sa.Connection
    now: datetime
    changed: set[str] = field(default_factory=set)


@dataclass(kw_only=True)
class _Write:
    """A write on its way: what to do, and who waits for what came of it."""

    work: Callable[[Transaction], Any]
    future: Future[Any] = field(default_factory=Future)
    result: Any = None
    error: Exception | None = None
    changed: Collection[str] = ()

    def settle(self) -> None:
        """Tell the one who waits."""
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Writer:
    """Runs writes in the order they came, in groups that are durable before anyone hears of them.

    Parameters
    ----------
    engine : Engine
        Makes the one connection, as `adhash.service.store_engines.writing_engine` does.
    clock : Clock
        Dates what is written.
    """

    def __init__(self, engine: sa.Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._connection: sa.Connection | None = None
        self._is_committing = False
        self._queue: SimpleQueue[_Write | None] = SimpleQueue()
        self._callbacks: list[CommitCallback] = []
        # Held while a write is queued, so that none is queued behind the end.
        self._gate = threading.Lock()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="adhash-store-writer", daemon=True)
        self._thread.start()

    def on_commit(self, callback: CommitCallback) -> None:
        """Call `callback` in the writer's thread after each commit, with the jobs that changed."""
        self._callbacks.append(callback)

    def submit(self, work: Callable[[Transaction], Result]) -> Future[Result]:
        """Queue a write.

        Parameters
        ----------
        work : callable
            Takes a `Transaction`. It may run twice, so it does nothing but read and write there.

        Returns
        -------
        Future
            Set once the write is durable, or nothing of it was kept.

        Raises
        ------
        InvariantError
            If called in the writer's own thread, which would wait for itself.
        """
        if threading.current_thread() is self._thread:
            raise InvariantError("a callback of the store's writer must not write")
        write = _Write(work=work)
        # Whoever waits may leave; the write is done all the same.
        write.future.set_running_or_notify_cancel()
        with self._gate:
            if self._is_closed:
                write.error = StoreUnavailableError("the store is closed")
                write.settle()
            else:
                self._queue.put(write)
        return write.future

    def close(self) -> None:
        """Finish what was queued, then give the connection back."""
        with self._gate:
            if not self._is_closed:
                self._is_closed = True
                self._queue.put(None)
        self._thread.join()

    # --- the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        is_last = False
        while not is_last:
            group, is_last = self._next_group()
            if group:
                self._write(group)
        self._drop_connection()
        self._engine.dispose()

    def _next_group(self) -> tuple[list[_Write], bool]:
        """Wait for a write, and take with it whatever else is there."""
        group: list[_Write] = []
        found = self._queue.get()
        while found is not None:
            group.append(found)
            if len(group) == _GROUP_LIMIT:
                return group, False
            try:
                found = self._queue.get_nowait()
            except Empty:
                return group, False
        return group, True

    def _write(self, group: list[_Write], *, may_retry: bool = True) -> None:
        try:
            self._commit(group)
        except Exception as error:
            # Whatever it is, nothing of the group is kept and the thread goes on for the others.
            self._drop_connection()
            if may_retry and self._is_stale(error):
                self._write(group, may_retry=False)
            elif len(group) > 1 and not is_out_of_reach(error):
                for write in group:
                    self._write([write])
            else:
                self._settle_all(group, fault_of(error, self._engine.url))
        else:
            self._settle_all(group)
            self._tell({job_id for write in group for job_id in write.changed})

    def _commit(self, group: list[_Write]) -> None:
        self._is_committing = False
        connection = self._connected()
        with connection.begin():
            for write in group:
                self._try(write, connection)
            self._is_committing = True

    def _is_stale(self, error: Exception) -> bool:
        """Return whether the connection was lost before anything could have been kept."""
        is_lost = isinstance(error, exc.DBAPIError) and error.connection_invalidated
        return is_lost and not self._is_committing

    def _try(self, write: _Write, connection: sa.Connection) -> None:
        """Run one write; what refuses it is kept for its caller, a broken database is raised."""
        transaction = Transaction(connection=connection, now=self._clock.now())
        savepoint = connection.begin_nested()
        write.error = None
        write.changed = ()
        try:
            write.result = write.work(transaction)
        except STATEMENT_FAULTS as error:
            savepoint.rollback()
            write.error = fault_of(error, self._engine.url)
        except exc.DBAPIError:
            # SQLite has given up the whole transaction by now, savepoints and all.
            raise
        except (exc.StatementError, ValueError, TypeError) as error:
            # A value that is not JSON, such as NaN; each driver says it in its own way.
            savepoint.rollback()
            write.error = InvariantError(f"the store cannot keep a value: {error}")
        except Exception as error:
            # Whatever it is, it belongs to the caller: the thread serves the others.
            savepoint.rollback()
            write.error = error
        else:
            savepoint.commit()
            write.changed = transaction.changed

    def _connected(self) -> sa.Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.invalidate()
            connection.close()
        except DATABASE_FAULTS:
            _log.warning("a broken connection to %s did not close", shown(self._engine.url))

    def _settle_all(self, group: list[_Write], error: Exception | None = None) -> None:
        for write in group:
            # One that was refused for its own sake says so even if the rest failed later.
            write.error = write.error or error
            write.settle()

    def _tell(self, changed: Collection[str]) -> None:
        if not changed:
            return
        for callback in self._callbacks:
            try:
                callback(changed)
            except Exception:
                # The write is kept and told; who follows it badly must not stop the writer.
                _log.exception("a follower of the store failed")
