"""Looking at jobs: what is known of them, what they write, what happens to them."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from adhash.clock import NS_PER_S, Clock
from adhash.service.changes import ChangeBoard
from adhash.service.describe import describe_artifact, describe_job, summarise_job
from adhash.service.errors import InvalidRequestError, UnknownJobError
from adhash.service.folder import JobFolder, job_folder
from adhash.service.ids import is_job_id
from adhash.service.job_methods import JobMethods
from adhash.service.lifecycle import Status
from adhash.service.logs import LogReader, position_of
from adhash.service.models import ArtifactInfo, Event, EventType, JobDetail, JobList, LogLine
from adhash.service.records import ArtifactRecord, JobFilter, JobRecord
from adhash.service.store import Store

_EVENTS_AT_ONCE = 500
# What is left to wait when a follower's thread was not woken: a change may go unannounced only if
# this process did not make it.
_LOOK_AGAIN_S = 1.0
# How often output is looked at, which grows without anybody announcing it.
_LOG_INTERVAL_S = 0.1


class JobLibrary(JobMethods):
    """The reading half of a job manager: everything that changes nothing, from the store.

    `detail` takes in `since` what a change is measured against, and `list` an `owner`, which a
    server knows by the token.

    Parameters
    ----------
    store : Store
        The record of truth.
    job_root : Path
        The folder of all jobs.
    clock : Clock
        Tells how long somebody has waited.
    waiting_reason : callable
        Returns why a job waits, in words.
    """

    def __init__(
        self,
        store: Store,
        *,
        job_root: Path,
        clock: Clock,
        waiting_reason: Callable[[JobRecord], str],
    ) -> None:
        self.store = store
        self.job_root = job_root
        self._clock = clock
        self._why_waiting = waiting_reason
        self._changes = ChangeBoard()
        store.on_commit(self._changes.announce)

    def record(self, job_id: str) -> JobRecord:
        """Return a job as it is kept; UnknownJobError if there is none of that name."""
        record = self.store.job(job_id) if is_job_id(job_id) else None
        if record is None:
            raise UnknownJobError(f"there is no job {job_id[:60]!r}")
        return record

    def detail(
        self, job_id: str, *, wait_s: float = 0.0, since: JobDetail | None = None
    ) -> JobDetail:
        seen = self._changes.mark()
        detail = self._describe(self.record(job_id))
        if wait_s <= 0 or detail.status.is_terminal or (since is not None and since != detail):
            return detail
        self._changes.wait(job_id, seen, timeout_s=wait_s)
        return self._describe(self.record(job_id))

    def list(
        self,
        *,
        status: Sequence[Status] = (),
        kind: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        owner: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> JobList:
        if not 1 <= limit <= 500:
            raise InvalidRequestError(f"limit must be 1 to 500; got {limit}")
        if cursor is not None and not is_job_id(cursor):
            raise InvalidRequestError("cursor is not one of a listing", hint="leave it out")
        wanted = JobFilter(
            statuses=tuple(status),
            kinds=tuple(kind),
            labels=tuple((labels or {}).items()),
            owner=owner,
        )
        # One more than asked for tells whether there is another page.
        records = self.store.jobs(wanted, before=cursor, limit=limit + 1)
        page = records[:limit]
        return JobList(
            jobs=[summarise_job(record) for record in page],
            next_cursor=page[-1].id if len(records) > limit else None,
        )

    def wait(self, job_id: str, timeout_s: float | None = None) -> JobDetail:
        deadline = None if timeout_s is None else self._now_s() + timeout_s
        while True:
            seen = self._changes.mark()
            record = self.record(job_id)
            left = _LOOK_AGAIN_S if deadline is None else deadline - self._now_s()
            if record.status.is_terminal or left <= 0:
                return self._describe(record)
            self._changes.wait(job_id, seen, timeout_s=min(left, _LOOK_AGAIN_S))

    def logs(
        self, job_id: str, *, since: str | None = None, follow: bool = False
    ) -> Iterator[LogLine]:
        reader = self.log_reader(job_id, since)
        while True:
            seen = self._changes.mark()
            is_ended = self.record(job_id).status.is_terminal
            lines = reader.read(is_complete=is_ended)
            yield from lines
            if not lines and (is_ended or not follow):
                return
            if not lines:
                self._changes.wait(job_id, seen, timeout_s=_LOG_INTERVAL_S)

    def log_reader(self, job_id: str, since: str | None) -> LogReader:
        """Return a reader of a job's output from a token on; raises as `logs`."""
        position = position_of(since)
        record = self.record(job_id)
        folder = self.folder(job_id)
        if not record.status.is_terminal:
            # Its runner may not have come to make the folder yet.
            folder.path.mkdir(exist_ok=True)
        return LogReader(folder, position)

    def events(
        self,
        job_id: str,
        *,
        after: int = 0,
        follow: bool = False,
        types: Sequence[EventType] | None = None,
    ) -> Iterator[Event]:
        while True:
            seen = self._changes.mark()
            is_ended = self.record(job_id).status.is_terminal
            found = self.store.events(job_id, after=after, limit=_EVENTS_AT_ONCE, types=types)
            for event in found:
                after = event.id
                yield event
            if not found and (is_ended or not follow):
                return
            if not found:
                self._changes.wait(job_id, seen, timeout_s=_LOOK_AGAIN_S)

    def artifacts(self, job_id: str) -> builtins.list[ArtifactInfo]:
        return [describe_artifact(each) for each in self._artifacts(self.record(job_id))]

    def folder(self, job_id: str) -> JobFolder:
        """Return the folder of a job."""
        return job_folder(self.job_root, job_id)

    def on_change(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Have `callback` called with the name of each job that changed; return how to stop it."""
        return self._changes.listen(callback)

    def _describe(self, record: JobRecord) -> JobDetail:
        reason = self._why_waiting(record) if record.status is Status.PENDING else None
        return describe_job(
            record,
            timeline=self.store.timeline(record.id),
            artifacts=self._artifacts(record),
            queue_reason=reason,
            folder=self.folder(record.id),
        )

    def _artifacts(self, record: JobRecord) -> builtins.list[ArtifactRecord]:
        """Return what can still be read; the store remembers what was deleted, too."""
        return [] if record.is_expired else self.store.artifacts(record.id)

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / NS_PER_S
