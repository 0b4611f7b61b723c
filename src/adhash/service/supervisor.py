"""The one thread that moves jobs: it looks what became of attempts, and starts the next ones.

A round reads the store, asks the executor, and writes facts back; it keeps nothing in memory that
the next round, or the next server, could not find out again. So a crash between any two steps is
mended by doing the round once more:

    attempts that run   -> reconcile -> new events into the store
                                     -> ended: move artifacts into place, then record the fact
    jobs that wait      -> a free slot -> record the start (with its fence), then start the runner

Moving artifacts and hashing them may take long, so attempts that ended are finished by a pool of
threads; a job is in it at most once. The store being away is no reason to end: the round is tried
again after a pause, and runners do not depend on it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from adhash.clock import Clock
from adhash.errors import AdhashError, StorageError
from adhash.service.artifacts import publish, scan
from adhash.service.attempts import (
    AttemptPhase,
    AttemptRef,
    AttemptReport,
    Executor,
)
from adhash.service.errors import StoreUnavailableError
from adhash.service.event_log import event_logger
from adhash.service.folder import JobFolder, job_folder
from adhash.service.ingestion import read_events
from adhash.service.lifecycle import (
    AttemptFailed,
    AttemptLost,
    AttemptNeverStarted,
    AttemptStarted,
    AttemptStopped,
    AttemptSucceeded,
    Fact,
    IllegalTransitionError,
    JobError,
    step,
)
from adhash.service.log_index import index_rest, steady_ms
from adhash.service.order_book import OrderBook
from adhash.service.outcomes import Outcome, read_outcome
from adhash.service.records import JobChanges, JobRecord
from adhash.service.retention import Retention
from adhash.service.scheduling import Start, choose_starts
from adhash.service.store import Store

_ACTIVE_INTERVAL_S = 0.05
_IDLE_INTERVAL_S = 0.5
_RETRY_INTERVAL_S = 1.0
_QUEUE_WINDOW = 256
_FINISHERS = 2

_log = event_logger("adhash.service")


class Supervisor:
    """Moves jobs from the queue to slots and from slots to their end.

    Parameters
    ----------
    store : Store
        The record of truth.
    executor : Executor
        Places attempts.
    orders : OrderBook
        Makes the order of an attempt from a job.
    job_root : Path
        The folder of all jobs.
    clock : Clock
        Tells the time.
    running_quotas : callable
        Returns how many jobs each owner may have running.
    retention : Retention
        Deletes what is old.
    """

    def __init__(
        self,
        *,
        store: Store,
        executor: Executor,
        orders: OrderBook,
        job_root: Path,
        clock: Clock,
        running_quotas: Callable[[], Mapping[str, int]],
        retention: Retention,
    ) -> None:
        self._store = store
        self._executor = executor
        self._orders = orders
        self._job_root = job_root
        self._clock = clock
        self._running_quotas = running_quotas
        self._retention = retention
        self._wake = threading.Event()
        self._is_ending = threading.Event()
        self._finishing: set[str] = set()
        self._finishing_lock = threading.Lock()
        self._finishers = ThreadPoolExecutor(_FINISHERS, thread_name_prefix="adhash-finish")
        self._thread = threading.Thread(target=self._run, name="adhash-supervisor", daemon=True)
        self.is_draining = False

    def start(self) -> None:
        """Begin; attempts of an earlier server are found again in the first round."""
        self._thread.start()

    def wake(self) -> None:
        """Make the next round come now: a job was added or is to end."""
        self._wake.set()

    def close(self) -> None:
        """End the thread; what runs goes on running and is found again."""
        self._is_ending.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._finishers.shutdown(wait=True)

    # --- the rounds ------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._is_ending.is_set():
            self._wake.clear()
            self._wake.wait(timeout=self._guarded_round())

    def _guarded_round(self) -> float:
        """Carry out a round and return how long to wait for the next, in seconds."""
        try:
            return self._round()
        except StoreUnavailableError as error:
            _log.error("store_unavailable", detail=error.detail)
        except Exception:
            # The supervisor's last handler: one bad round must not end all others.
            _log.exception("round_failed")
        return _RETRY_INTERVAL_S

    def _round(self) -> float:
        running = self._store.active()
        self._look_after(running)
        if not self.is_draining:
            self._start_next()
        self._retention.look()
        return _ACTIVE_INTERVAL_S if running else _IDLE_INTERVAL_S

    # --- attempts that run -----------------------------------------------------------------------

    def _look_after(self, running: list[JobRecord]) -> None:
        with self._finishing_lock:
            followed = [job for job in running if job.id not in self._finishing]
        reports = self._executor.reconcile([self._ref(job) for job in followed])
        for job, report in zip(followed, reports, strict=True):
            if report.phase is AttemptPhase.RUNNING:
                self._follow(job, report)
            else:
                self._begin_finishing(job, report)

    def _follow(self, job: JobRecord, report: AttemptReport) -> None:
        self._ingest(job)
        if report.confinement is not None and job.confinement is None:
            self._store.keep(
                job.id,
                attempt=job.state.attempt,
                changes=JobChanges(confinement=report.confinement),
            )
        if job.state.is_cancel_requested:
            # In every round: a runner that is just starting may not have heard the last time.
            self._executor.cancel(report.ref)

    def _ingest(self, job: JobRecord) -> bool:
        """Take what the work has told since, and return whether there was anything."""
        path = self._folder(job).events
        events, consumed = read_events(path, job.events_consumed, self._clock)
        if consumed > job.events_consumed:
            self._store.append_events(job.id, events, consumed=consumed)
        return consumed > job.events_consumed

    def _begin_finishing(self, job: JobRecord, report: AttemptReport) -> None:
        with self._finishing_lock:
            self._finishing.add(job.id)
        self._finishers.submit(self._guarded_finish, job, report)

    def _guarded_finish(self, job: JobRecord, report: AttemptReport) -> None:
        try:
            self._finish(job, report)
        except (AdhashError, OSError) as error:
            # The disk is full or the store away: the next round finds the attempt again.
            _log.error("finish_failed", job=job.id, detail=str(error))
            self._is_ending.wait(_RETRY_INTERVAL_S)
        except Exception:
            _log.exception("finish_failed", job=job.id)
            self._is_ending.wait(_RETRY_INTERVAL_S)
        finally:
            with self._finishing_lock:
                self._finishing.discard(job.id)
            self.wake()

    def _finish(self, job: JobRecord, report: AttemptReport) -> None:
        folder = self._folder(job)
        index_rest(folder, steady_ms(self._clock))
        self._ingest_all(job)
        fact = _fact_of(job, report)
        following = step(job.state, fact).state
        changes = JobChanges(result=report.result, confinement=report.confinement)
        if following.status.is_terminal:
            publish(folder, job.state.attempt, report.result)
            changes = JobChanges(
                result=report.result, confinement=report.confinement, artifacts=scan(folder)
            )
        record, _ = self._store.apply(job.id, fact, changes)
        _log_end(record, report, read_outcome(folder.attempt(job.state.attempt).outcome))

    def _ingest_all(self, job: JobRecord) -> None:
        """Take all that the work has told: nothing may follow the terminal status."""
        current: JobRecord | None = job
        while current is not None and self._ingest(current):
            current = self._store.job(job.id)

    # --- jobs that wait --------------------------------------------------------------------------

    def _start_next(self) -> None:
        capacity = self._executor.capacity()
        if capacity.free <= 0:
            return
        queued = self._store.queued(_QUEUE_WINDOW)
        if not queued:
            return
        running = self._store.active()
        quotas = self._running_quotas()
        for start in choose_starts(queued, running, capacity, running_quotas=quotas):
            self._start(start)

    def _start(self, start: Start) -> None:
        try:
            record, _ = self._store.apply(
                start.job.id, AttemptStarted(attempt=start.job.state.attempt + 1)
            )
        except IllegalTransitionError:
            # It was cancelled between the look at the queue and now.
            return
        try:
            placement = self._executor.submit(self._orders.order(record), slots=start.slots)
        except (AdhashError, OSError) as error:
            self._give_back(record, error)
            return
        _log.info("job_started", job=record.id, kind=record.kind, attempt=record.state.attempt)
        self._store.keep(
            record.id, attempt=record.state.attempt, changes=JobChanges(placement=placement)
        )

    def _give_back(self, record: JobRecord, error: Exception) -> None:
        detail = error.detail if isinstance(error, AdhashError) else str(error)
        _log.error("start_failed", job=record.id, detail=detail)
        if isinstance(error, StorageError | OSError):
            failure = JobError(code="io", detail=f"the runner could not be started: {detail}")
        else:
            failure = JobError(code="policy", detail=detail)
        fact = AttemptFailed(attempt=record.state.attempt, error=failure, is_retryable=True)
        self._store.apply(record.id, fact)

    # --- places ----------------------------------------------------------------------------------

    def _folder(self, job: JobRecord) -> JobFolder:
        return job_folder(self._job_root, job.id)

    def _ref(self, job: JobRecord) -> AttemptRef:
        return AttemptRef(
            job_id=job.id,
            attempt=job.state.attempt,
            folder=self._folder(job).path,
            placement=job.placement,
        )


def _fact_of(job: JobRecord, report: AttemptReport) -> Fact:
    attempt = job.state.attempt
    error = report.error or JobError(code="runner_lost", detail="the runner vanished")
    if report.phase is AttemptPhase.SUCCEEDED:
        return AttemptSucceeded(attempt=attempt)
    if report.phase is AttemptPhase.NEVER_STARTED:
        return AttemptNeverStarted(
            attempt=attempt, reason="its runner never started; it waits again"
        )
    if report.phase is AttemptPhase.LOST:
        return AttemptLost(attempt=attempt, error=error)
    if report.phase is AttemptPhase.STOPPED and job.state.is_cancel_requested:
        return AttemptStopped(attempt=attempt)
    if report.phase is AttemptPhase.STOPPED:
        # Nobody asked the service for it: the machine is being shut down, or someone used kill.
        stopped = JobError(code="killed", detail="the runner was told to end from outside")
        return AttemptFailed(attempt=attempt, error=stopped, is_retryable=True)
    return AttemptFailed(attempt=attempt, error=error, is_retryable=report.is_retryable)


def _log_end(record: JobRecord, report: AttemptReport, outcome: Outcome | None) -> None:
    begun, ended = record.started_at, record.finished_at
    duration = None if begun is None or ended is None else (ended - begun).total_seconds()
    _log.info(
        "job_ended",
        job=record.id,
        kind=record.kind,
        attempt=record.state.attempt,
        status=record.status.value,
        phase=report.phase.value,
        duration_s=duration,
        code=None if record.error is None else record.error.code,
        exit_code=None if outcome is None else outcome.exit_code,
        signal=None if outcome is None else outcome.signal,
        cpu_s=None if outcome is None else outcome.usage.cpu_s,
        max_rss_bytes=None if outcome is None else outcome.usage.max_rss_bytes,
    )
