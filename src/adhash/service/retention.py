"""What is deleted when it is old: artifacts and logs of jobs that ended, and uploads."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from adhash.clock import NS_PER_S, Clock
from adhash.service.artifacts import remove_files
from adhash.service.event_log import event_logger
from adhash.service.folder import job_folder
from adhash.service.store import Store
from adhash.service.uploads import UploadShelf

_JOBS_INTERVAL_NS = 60 * NS_PER_S
# To find what no job names, every request that is kept is read: a tenth of a second for 100,000.
_UPLOADS_INTERVAL_NS = 600 * NS_PER_S
_AT_ONCE = 100

_log = event_logger("adhash.service")


class Retention:
    """Deletes what is old, a few at a time, whenever it is looked at and due.

    Parameters
    ----------
    store : Store
        The record of truth.
    shelf : UploadShelf
        The uploads.
    job_root : Path
        The folder of all jobs.
    clock : Clock
        Tells the time.
    job_days : float
        How long artifacts and logs are kept; 0 keeps them.
    upload_days : float
        How long uploads are kept that no job needs; 0 keeps them.
    """

    def __init__(
        self,
        store: Store,
        shelf: UploadShelf,
        *,
        job_root: Path,
        clock: Clock,
        job_days: float,
        upload_days: float,
    ) -> None:
        self._store = store
        self._shelf = shelf
        self._job_root = job_root
        self._clock = clock
        self._job_days = job_days
        self._upload_days = upload_days
        self._jobs_due_ns = clock.monotonic_ns()
        self._uploads_due_ns = clock.monotonic_ns()

    def look(self) -> None:
        """Delete what is due."""
        now = self._clock.monotonic_ns()
        if self._job_days > 0 and now >= self._jobs_due_ns:
            self._jobs_due_ns = now + _JOBS_INTERVAL_NS
            self._expire_jobs()
        if self._upload_days > 0 and now >= self._uploads_due_ns:
            self._uploads_due_ns = now + _UPLOADS_INTERVAL_NS
            self._sweep_uploads()

    def _expire_jobs(self) -> None:
        horizon = self._clock.now() - timedelta(days=self._job_days)
        for job_id in self._store.ended_before(horizon, limit=_AT_ONCE):
            remove_files(job_folder(self._job_root, job_id))
            self._store.expire_job(job_id)
            self._store.prune_events([job_id])
            _log.info("job_expired", job=job_id)

    def _sweep_uploads(self) -> None:
        horizon = self._clock.now() - timedelta(days=self._upload_days)
        for sha256 in self._shelf.sweep(horizon, limit=_AT_ONCE):
            _log.info("upload_expired", sha256=sha256)
