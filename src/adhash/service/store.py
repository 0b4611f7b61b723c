"""The record of truth: every job, what happened to it, and what it made.

SQLite in the job root by default, PostgreSQL by URL. One thread writes, see
`adhash.service.store_writer`; readers have connections of their own. The life cycle of a job is
run inside the transaction that records a fact, so what the store says is always a state that
`adhash.service.lifecycle` allows.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import sqlalchemy as sa

from adhash.clock import Clock
from adhash.service import store_idempotency, store_writes
from adhash.service.lifecycle import Fact, Step
from adhash.service.records import (
    IdempotencyKey,
    InputRecord,
    JobChanges,
    JobRecord,
    NewEvent,
    NewJob,
    RememberedResponse,
)
from adhash.service.store_backup import back_up
from adhash.service.store_engines import reading_engine, store_url, take_folder, writing_engine
from adhash.service.store_migration import migrate
from adhash.service.store_reads import StoreReads
from adhash.service.store_writer import CommitCallback, Transaction, Writer

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Store(StoreReads):
    """Keeps jobs, events, artifacts and uploads; safe to use from any thread.

    A write is durable when its method returns. One that raises has changed nothing; if the
    connection to a PostgreSQL server broke in the moment of the commit, nobody can know that, and
    the write is to be repeated: `add_job` by its idempotency key, `apply` and `append_events`
    because they refuse what has happened already.

    Every write raises `StoreUnavailableError` if the database is out of reach, read-only or out
    of room. The next one tries anew, so nothing has to be restarted once the cause is gone.

    Parameters
    ----------
    url : URL
        The database; migrated.
    writing : Engine
        Of the writer.
    lock : int
        The descriptor that holds the job root for this process.
    clock : Clock
        Dates what is written.
    """

    def __init__(self, url: sa.URL, *, writing: sa.Engine, lock: int, clock: Clock) -> None:
        super().__init__(reading_engine(url), clock)
        self._url = url
        self._lock: int | None = lock
        self._writer = Writer(writing, clock)

    @classmethod
    def open(cls, *, job_root: Path, url: str | None = None, clock: Clock) -> Self:
        """Open the store of a job root, made or brought up to date as needed.

        Parameters
        ----------
        job_root : Path
            The folder of jobs; also of the SQLite file.
        url : str or None
            A PostgreSQL database, such as ``postgresql+psycopg://user@host/name``; None for SQLite.
        clock : Clock
            Dates what is written.

        Returns
        -------
        Store
            Close it when done, or use it as a context manager.

        Raises
        ------
        ConfigError
            If `url` is not one of a PostgreSQL database.
        StorageError
            If another server uses the store, a newer version wrote it, or it cannot be reached.
        """
        location = store_url(job_root, url)
        lock = take_folder(job_root)
        try:
            writing = writing_engine(location)
            migrate(writing)
            store = cls(location, writing=writing, lock=lock, clock=clock)
        except BaseException:
            os.close(lock)
            raise
        try:
            store.later(store_idempotency.drop_in_flight).result()
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Finish the writes that wait, and let the store go."""
        self._writer.close()
        self._reading.dispose()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def on_commit(self, callback: CommitCallback) -> None:
        """Call `callback` after each commit with the names of the jobs that changed.

        Parameters
        ----------
        callback : callable
            Runs in the writer's thread, so it must be quick and may not write.
        """
        self._writer.on_commit(callback)

    def later(
        self,
        write: Callable[Concatenate[Transaction, Arguments], Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Future[Result]:
        """Queue a write and return at once, for callers that must not wait.

        Parameters
        ----------
        write : callable
            A function of `adhash.service.store_writes` or `adhash.service.store_idempotency`;
            those have the names of the methods here.
        *args
            As for the method.
        **kwargs
            As for the method.

        Returns
        -------
        Future
            Set once the write is durable or refused; `asyncio.wrap_future` makes it awaitable.
        """

        def work(transaction: Transaction) -> Result:
            return write(transaction, *args, **kwargs)

        return self._writer.submit(work)

    # --- jobs ------------------------------------------------------------------------------------

    def add_job(
        self,
        new: NewJob,
        *,
        max_queued: int,
        owner_quota: int | None = None,
        idempotency: IdempotencyKey | None = None,
    ) -> tuple[JobRecord, bool]:
        """Keep a new job, or find the one that the same request made before.

        Parameters
        ----------
        new : NewJob
            The job; its name must be new.
        max_queued : int
            How many jobs may wait.
        owner_quota : int or None
            How many jobs of its owner may wait; None for no limit but the first.
        idempotency : IdempotencyKey or None
            The caller's name for the request, good for a day.

        Returns
        -------
        tuple of JobRecord and bool
            The job, and whether it was made now.

        Raises
        ------
        QuotaError
            If too many jobs wait.
        IdempotencyConflictError
            If the key was used for another request.
        """
        return self.later(
            store_writes.add_job,
            new,
            max_queued=max_queued,
            owner_quota=owner_quota,
            idempotency=idempotency,
        ).result()

    def apply(
        self, job_id: str, fact: Fact, changes: JobChanges | None = None
    ) -> tuple[JobRecord, Step]:
        """Move a job by a fact, and keep what goes with it, in one transaction.

        A change of status writes its `status` event, the last of the events of the transaction.

        Parameters
        ----------
        job_id : str
            Which job.
        fact : Fact
            What happened.
        changes : JobChanges or None
            What is kept with it. Of a fact that changes nothing, it is not kept either.

        Returns
        -------
        tuple of JobRecord and Step
            The job as it is now, and what is to be done.

        Raises
        ------
        IllegalTransitionError
            If the fact cannot be true of the job.
        UnknownJobError
            If there is no such job.
        """
        return self.later(store_writes.apply, job_id, fact, changes).result()

    def keep(self, job_id: str, *, attempt: int, changes: JobChanges) -> JobRecord:
        """Keep what is learned of a running attempt without a move: placement, confinement.

        Parameters
        ----------
        job_id : str
            Which job.
        attempt : int
            The attempt that it is true of.
        changes : JobChanges
            What is kept.

        Returns
        -------
        JobRecord
            The job as it is now.

        Raises
        ------
        IllegalTransitionError
            If the job does not run, or another attempt of it does.
        UnknownJobError
            If there is no such job.
        """
        return self.later(store_writes.keep, job_id, attempt=attempt, changes=changes).result()

    def append_events(self, job_id: str, events: Sequence[NewEvent], *, consumed: int) -> None:
        """Keep events that the work told, and up to where its file was read.

        Parameters
        ----------
        job_id : str
            Which job.
        events : sequence of NewEvent
            In the order they are told to followers.
        consumed : int
            How many bytes of ``events.ndjson`` are kept with these. If that is no more than
            before, they are known already and nothing is done.

        Raises
        ------
        IllegalTransitionError
            If the job has ended.
        UnknownJobError
            If there is no such job.
        """
        self.later(store_writes.append_events, job_id, events, consumed=consumed).result()

    def append_audit(
        self, owner: str, action: str, data: dict[str, Any], *, job_id: str | None = None
    ) -> None:
        """Keep that `owner` did something, to a job or not."""
        self.later(store_writes.append_audit, owner, action, data, job_id=job_id).result()

    # --- retention -------------------------------------------------------------------------------

    def expire_job(self, job_id: str) -> None:
        """Keep that the artifacts and logs of a job were deleted; its record stays.

        Parameters
        ----------
        job_id : str
            A job that has ended.

        Raises
        ------
        IllegalTransitionError
            If the job has not ended.
        UnknownJobError
            If there is no such job.
        """
        self.later(store_writes.expire_job, job_id).result()

    def prune_events(self, job_ids: Collection[str]) -> int:
        """Delete the progress and the ticks of those of the jobs that are expired.

        Statuses, alerts, artifacts and the audit stay for good.

        Parameters
        ----------
        job_ids : collection of str
            Which jobs.

        Returns
        -------
        int
            How many events were deleted.
        """
        return self.later(store_writes.prune_events, job_ids).result()

    def back_up(self, target: Path) -> None:
        """Write a copy of an SQLite store as it is at this moment, while it is in use.

        Parameters
        ----------
        target : Path
            A file; replaced as a whole.

        Raises
        ------
        StorageError
            If the copy cannot be written.
        PolicyError
            If the store is in PostgreSQL, which has pg_dump for that.
        """
        back_up(self._url, target)

    # --- uploads and answers ---------------------------------------------------------------------

    def add_input(self, record: InputRecord) -> None:
        """Keep an upload; one with the same digest keeps its name and owner and becomes as new."""
        self.later(store_writes.add_input, record).result()

    def begin_response(self, key: IdempotencyKey) -> RememberedResponse | None:
        """Return what was answered to this request before, or None and take its key.

        Whoever gets None answers and then calls `finish_response`, or `abandon_response` if it
        cannot. Submissions need neither: `add_job` does it all.

        Parameters
        ----------
        key : IdempotencyKey
            Whose request, and which.

        Returns
        -------
        RememberedResponse or None
            The answer, if there was one in the last day.

        Raises
        ------
        IdempotencyConflictError
            If the key was used for another request.
        IdempotencyInFlightError
            If somebody has taken the key and not answered yet.
        """
        return self.later(store_idempotency.begin_response, key).result()

    def finish_response(self, key: IdempotencyKey, response: RememberedResponse) -> None:
        """Keep what was answered to a request whose key was taken."""
        self.later(store_idempotency.finish_response, key, response).result()

    def abandon_response(self, key: IdempotencyKey) -> None:
        """Give a key back that was taken, so that the request can be sent again."""
        self.later(store_idempotency.abandon_response, key).result()

    def check(self) -> None:
        """Write one durable row, which shows that the store takes jobs.

        Raises
        ------
        StoreUnavailableError
            If it does not.
        """
        self.later(store_writes.probe).result()
