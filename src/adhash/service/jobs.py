"""The one layer of orchestration: REST, the command line and Python all call `JobManager`.

    from pathlib import Path
    from adhash.service.jobs import JobManager

    manager = JobManager(base_dir=Path("runs/jobs"))
    job = manager.run_csv(csv="data/demo.csv", mode="swiss")
    while not job.is_finished:
        job.poll()
    summary = job.read_summary()

A manager owns the store of its folder and a thread that moves the jobs (`Supervisor`). Closing it,
or losing it to a SIGKILL, ends no job: the next manager of the folder finds them again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from adhash.clock import Clock, SystemClock
from adhash.service import store_writes
from adhash.service.artifacts import remove_files
from adhash.service.attempts import Capacity, Executor
from adhash.service.calls.kind_methods import KindMethods
from adhash.service.errors import (
    DrainingError,
    NotFinishedError,
)
from adhash.service.executors.local import LocalExecutor
from adhash.service.intake import Caller, Intake, named
from adhash.service.job import Job
from adhash.service.library import JobLibrary
from adhash.service.lifecycle import CancelRequested, Status
from adhash.service.models import (
    JobDetail,
)
from adhash.service.order_book import OrderBook
from adhash.service.records import JobFilter, JobRecord
from adhash.service.retention import Retention
from adhash.service.scheduling import waiting_reason
from adhash.service.settings import ServiceSettings, load_service_settings
from adhash.service.store import Store
from adhash.service.supervisor import Supervisor
from adhash.service.uploads import UploadShelf

LOCAL = Caller(owner="local")


class JobManager(JobLibrary, KindMethods[Job]):
    """Takes jobs, runs them in processes of their own, and keeps what became of them.

    Safe to use from several threads. Use it as a context manager, or call `close`.

    Parameters
    ----------
    base_dir : Path or None
        The folder of jobs; None takes that of the settings.
    settings : ServiceSettings or None
        None reads the environment.
    executor : Executor or None
        What places attempts; None runs them on this machine.
    clock : Clock or None
        None is the system's.
    keeps_spare : bool
        Whether a process waits with everything imported, so that the next job starts at once: for
        managers that live long.

    Raises
    ------
    StorageError
        If the folder cannot be used, or another manager is using it.
    ConfigError
        If a setting is out of its range.
    """

    def __init__(
        self,
        base_dir: Path | str | None = None,
        *,
        settings: ServiceSettings | None = None,
        executor: Executor | None = None,
        clock: Clock | None = None,
        keeps_spare: bool = False,
    ) -> None:
        self.settings = settings or load_service_settings(os.environ)
        job_root = Path(base_dir or self.settings.job_root).absolute()
        job_root.mkdir(parents=True, exist_ok=True)
        clock = clock or SystemClock()
        store = Store.open(job_root=job_root, url=_url_of(self.settings), clock=clock)
        super().__init__(store, job_root=job_root, clock=clock, waiting_reason=self._waiting_reason)
        self._executor = executor or LocalExecutor(
            self.settings, environ=os.environ, keeps_spare=keeps_spare
        )
        self.uploads = UploadShelf(self.store, job_root=job_root, clock=clock)
        self._intake = Intake(self.settings, clock, self.uploads.find)
        self._quotas: Callable[[], Mapping[str, int]] = dict
        self._supervisor = Supervisor(
            store=self.store,
            executor=self._executor,
            orders=OrderBook(settings=self.settings, job_root=job_root),
            job_root=job_root,
            clock=clock,
            running_quotas=lambda: self._quotas(),
            retention=Retention(
                self.store,
                self.uploads,
                job_root=job_root,
                clock=clock,
                job_days=self.settings.retention_days,
                upload_days=self.settings.upload_retention_days,
            ),
        )
        self._supervisor.start()
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # --- submitting ------------------------------------------------------------------------------

    def submit(
        self,
        kind: str,
        request: Mapping[str, object],
        *,
        caller: Caller = LOCAL,
        is_trusted: bool = True,
    ) -> Job:
        """Take a job; once this returns, it is not lost.

        Parameters
        ----------
        kind : str
            Such as ``"run-csv"``.
        request : mapping
            The options of the command with underscores, and the fields of a job: ``labels``,
            ``priority``, ``timeout_s``, ``isolation``, ``retries``.
        caller : Caller
            Who asks. With an idempotency key, asking again returns the same job.
        is_trusted : bool
            Whether paths are taken as given. Otherwise inputs lie beneath the allowed roots or are
            uploads, and outputs are names of artifacts.

        Returns
        -------
        Job
            A handle on it.

        Raises
        ------
        InvalidRequestError
            If the request is not valid.
        PathRefusedError
            If it names a file it may not.
        QuotaError
            If too many jobs wait.
        IdempotencyConflictError
            If the key was used for another request.
        DrainingError
            If the service takes no jobs any more.
        StoreUnavailableError
            If the store cannot be written; the job was then not taken.
        """
        later = self.submit_later(kind, request, caller=caller, is_trusted=is_trusted)
        record, _ = later.result()
        return Job(self, self._describe(record))

    def submit_later(
        self, kind: str, request: Mapping[str, object], *, caller: Caller, is_trusted: bool
    ) -> Future[tuple[JobRecord, bool]]:
        """Check a request at once and return the future of its record, see `submit`.

        The future's second value is False where the idempotency key named a job that was there.
        """
        if self._supervisor.is_draining:
            raise DrainingError(
                "the service is draining and takes no jobs", hint="try again when it is back"
            )
        checked = self._intake.check(kind, request, is_trusted=is_trusted)
        later = self.store.later(
            store_writes.add_job,
            self._intake.new_job(checked, caller),
            max_queued=self.settings.max_queued_jobs,
            owner_quota=caller.queued_quota,
            idempotency=named(checked, caller),
        )
        later.add_done_callback(lambda _: self._supervisor.wake())
        return later

    def validate(
        self, kind: str, request: Mapping[str, object], *, is_trusted: bool = True
    ) -> dict[str, Any]:
        """Check a request without running it, and return what would be asked.

        Parameters
        ----------
        kind : str
            See `submit`.
        request : mapping
            See `submit`.
        is_trusted : bool
            See `submit`.

        Returns
        -------
        dict
            The request with the fields of a job.

        Raises
        ------
        ServiceError
            As `submit`.
        """
        return self._intake.check(kind, request, is_trusted=is_trusted).asked

    # --- looking ---------------------------------------------------------------------------------

    def get(self, job_id: str) -> Job:
        """Return a handle on a job.

        Parameters
        ----------
        job_id : str
            Its name.

        Returns
        -------
        Job
            As it is now.

        Raises
        ------
        UnknownJobError
            If there is none of that name.
        """
        return Job(self, self.detail(job_id))

    def capacity(self) -> Capacity:
        """Return how many jobs fit at once, and how many more fit now."""
        return self._executor.capacity()

    # --- ending ----------------------------------------------------------------------------------

    def cancel(
        self, job_id: str, *, timeout_s: float | None = None, reason: str = "cancelled by request"
    ) -> JobDetail:
        """End a job, see `JobMethods.cancel`; `reason` is for the timeline."""
        self.request_cancel(job_id, reason=reason)
        return self.wait(job_id, timeout_s)

    def request_cancel(self, job_id: str, *, reason: str = "cancelled by request") -> None:
        """Ask for the end of a job without waiting for it, see `cancel`."""
        self.record(job_id)
        self.store.apply(job_id, CancelRequested(reason=reason))
        self._supervisor.wake()

    def delete(self, job_id: str) -> JobDetail:
        record = self.record(job_id)
        if not record.status.is_terminal:
            raise NotFinishedError(f"job {job_id} is {record.status}", hint="cancel it first")
        remove_files(self.folder(job_id))
        self.store.expire_job(job_id)
        return self.detail(job_id)

    def drain(self) -> None:
        """Take no more jobs and start none; what runs goes on."""
        self._supervisor.is_draining = True

    @property
    def is_draining(self) -> bool:
        """Return whether the manager takes no more jobs."""
        return self._supervisor.is_draining

    def limit_running(self, quotas: Callable[[], Mapping[str, int]]) -> None:
        """Set what tells how many jobs each owner may have running."""
        self._quotas = quotas

    def close(self, *, cancel: bool = False) -> None:
        """Stop managing; jobs go on and are found again by the next manager of the folder.

        Parameters
        ----------
        cancel : bool
            End all jobs first, those that wait and those that run.
        """
        if self._is_closed:
            return
        self._is_closed = True
        if cancel:
            self.drain()
            self._cancel_all()
        self._supervisor.close()
        self._executor.close()
        self.store.close()
        self._changes.close()

    def _cancel_all(self) -> None:
        wanted = JobFilter(statuses=(Status.PENDING, Status.RUNNING))
        while found := self.store.jobs(wanted, before=None, limit=500):
            for record in found:
                self.request_cancel(record.id, reason="the manager was closed")
            for record in found:
                self.wait(record.id)

    # --- within ----------------------------------------------------------------------------------

    def _waiting_reason(self, record: JobRecord) -> str:
        return waiting_reason(
            record,
            self.store.queued(1),
            self.store.active(),
            self._executor.capacity(),
            running_quotas=self._quotas(),
            position=max(self.store.position_in_queue(record.id) - 1, 0),
            is_draining=self.is_draining,
        )


def _url_of(settings: ServiceSettings) -> str | None:
    return None if settings.database_url is None else settings.database_url.get_secret_value()
