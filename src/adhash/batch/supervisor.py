"""Runs the jobs of a plan: one loop, no threads, a process a job.

    waiting --needs completed, a place free--> running --ends--> completed | failed
       |                                          | '--too long--> timed_out
       |                                          '--batch cancelled--> cancelled
       '--a need is not completed, batch cancelled--> skipped

The loop looks at every running process, at the clock and at the cancel token once a `_POLL_S`, so
that nothing waits for anything else: not for a job that ignores SIGTERM, and not for its output.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from adhash.batch.child import Child
from adhash.batch.outcome import read_error, read_result
from adhash.batch.plan import PlannedJob
from adhash.batch.result import JobError, JobLogs, JobResult, JobStatus
from adhash.cancellation import CancelToken
from adhash.clock import NS_PER_S, Clock
from adhash.progress import WorkCallback, WorkProgress

_POLL_S = 0.02
_NAMES_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a job that was asked to end may take before it is killed, in seconds.

    A cancelled batch is to be gone within a second, so it gives its jobs less.
    """

    after_timeout_s: float = 5.0
    after_cancel_s: float = 0.5


def adhash_words(job: PlannedJob) -> list[str]:
    """Return the words of the process of a job: adhash itself, of this very Python.

    ``-P`` keeps the current folder, which may hold anything, from being searched for modules.
    """
    return [sys.executable, "-P", "-m", "adhash", job.command, "--json", *job.arguments]


class Supervisor:
    """Runs jobs and tells what became of them.

    Parameters
    ----------
    jobs : sequence of PlannedJob
        In the order in which they begin.
    max_parallel : int
        How many run at once, at most.
    clock : Clock
        Tells how long jobs run.
    cancel : CancelToken
        Ends everything.
    progress : callable
        Told how many jobs are done whenever that changes.
    patience : Patience
        How long a job may take to end.
    words_of : callable
        What starts a job; another one is for tests.
    """

    def __init__(
        self,
        jobs: Sequence[PlannedJob],
        *,
        max_parallel: int,
        clock: Clock,
        cancel: CancelToken,
        progress: WorkCallback,
        patience: Patience | None = None,
        words_of: Callable[[PlannedJob], list[str]] = adhash_words,
    ) -> None:
        self._jobs = jobs
        self._max_parallel = max_parallel
        self._clock = clock
        self._cancel = cancel
        self._progress = progress
        self._patience = patience or Patience()
        self._words_of = words_of
        self._running: list[_RunningJob] = []
        self._results: dict[str, JobResult] = {}

    def run(self) -> list[JobResult]:
        """Run every job that can run and return the results, in the order of the jobs.

        Whatever raises in here, a callback too, no process is left behind.

        Returns
        -------
        list of JobResult
            One a job.

        Raises
        ------
        Exception
            What `progress` raises.
        """
        try:
            self._tell()
            while len(self._results) < len(self._jobs):
                self._step()
                time.sleep(_POLL_S if self._running else 0)
        finally:
            for each in self._running:
                each.child.kill()
        return [self._results[job.name] for job in self._jobs]

    def _step(self) -> None:
        before = (len(self._results), len(self._running))
        self._end_what_must_end()
        self._collect()
        self._skip()
        self._begin()
        if before != (len(self._results), len(self._running)):
            self._tell()

    def _tell(self) -> None:
        names = [each.job.name for each in self._running]
        more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
        self._progress(
            WorkProgress(
                done=len(self._results),
                total=len(self._jobs),
                unit="jobs",
                note=", ".join(names[:_NAMES_SHOWN]) + more,
            )
        )

    def _end_what_must_end(self) -> None:
        now = self._clock.monotonic_ns()
        for each in self._running:
            if self._cancel.is_cancelled:
                each.end("cancelled", now, grace_s=self._patience.after_cancel_s)
            elif each.is_overdue(now):
                each.end("timed_out", now, grace_s=self._patience.after_timeout_s)
            each.kill_if_stubborn(now)

    def _collect(self) -> None:
        for each in [each for each in self._running if each.child.has_ended()]:
            self._running.remove(each)
            self._results[each.job.name] = each.result(self._clock.monotonic_ns())

    def _skip(self) -> None:
        for job in self._waiting():
            reason = self._reason_to_skip(job)
            if reason:
                self._results[job.name] = _without_process(job, "skipped", reason)

    def _waiting(self) -> list[PlannedJob]:
        running = {each.job.name for each in self._running}
        return [
            job for job in self._jobs if job.name not in self._results and job.name not in running
        ]

    def _reason_to_skip(self, job: PlannedJob) -> JobError | None:
        if self._cancel.is_cancelled:
            return JobError(error="Interrupted", detail="the batch was cancelled before it began")
        for name in job.needs:
            needed = self._results.get(name)
            if needed is not None and needed.status != "completed":
                status = needed.status.replace("_", " ")
                return JobError(error="Policy", detail=f"it needs {name}, which is {status}")
        return None

    def _begin(self) -> None:
        for job in self._waiting():
            if len(self._running) >= self._max_parallel:
                return
            if all(self._is_completed(name) for name in job.needs):
                self._start(job)

    def _is_completed(self, name: str) -> bool:
        return name in self._results and self._results[name].status == "completed"

    def _start(self, job: PlannedJob) -> None:
        try:
            job.folder.mkdir(parents=True, exist_ok=True)
            child = Child(self._words_of(job), stdout=job.stdout, stderr=job.stderr)
        except OSError as error:
            detail = f"cannot start it: {error.strerror or error}"
            self._results[job.name] = _without_process(
                job, "failed", JobError(error="IO", detail=detail)
            )
        else:
            self._running.append(_RunningJob(job, child, self._clock.monotonic_ns()))


class _RunningJob:
    """A job with its process, and why the process is being ended, if it is."""

    def __init__(self, job: PlannedJob, child: Child, started_ns: int) -> None:
        self.job = job
        self.child = child
        self._started_ns = started_ns
        self._ending: JobStatus | None = None
        self._kill_at_ns = 0

    def is_overdue(self, now_ns: int) -> bool:
        limit = self.job.timeout_s
        return limit is not None and now_ns - self._started_ns > limit * NS_PER_S

    def end(self, status: JobStatus, now_ns: int, *, grace_s: float) -> None:
        """Ask the process to end; a second reason only shortens what the first one granted."""
        kill_at_ns = now_ns + round(grace_s * NS_PER_S)
        if self._ending is None:
            self._ending, self._kill_at_ns = status, kill_at_ns
            self.child.terminate()
        self._kill_at_ns = min(self._kill_at_ns, kill_at_ns)

    def kill_if_stubborn(self, now_ns: int) -> None:
        if self._ending is not None and now_ns >= self._kill_at_ns:
            self.child.kill()

    def result(self, now_ns: int) -> JobResult:
        answer = read_result(self.job.stdout)
        exit_code = self.child.exit_code
        status = self._status(has_answer=answer is not None)
        return JobResult(
            name=self.job.name,
            command=self.job.command,
            options=dict(self.job.given),
            status=status,
            exit_code=exit_code,
            elapsed_s=(now_ns - self._started_ns) / NS_PER_S,
            result=answer,
            error=self._error(status),
            logs=JobLogs(stdout=str(self.job.stdout), stderr=str(self.job.stderr)),
            artifacts=_artifacts(self.job),
        )

    def _status(self, *, has_answer: bool) -> JobStatus:
        """Return how it ended; one that was done before it could be ended is completed."""
        if self.child.exit_code == 0 and has_answer:
            return "completed"
        return self._ending or "failed"

    def _error(self, status: JobStatus) -> JobError | None:
        if status == "timed_out":
            detail = f"it ran longer than {self.job.timeout_s:g} s"
            return JobError(error="Policy", detail=detail, hint="timeout_s gives it more time")
        if status == "cancelled":
            return JobError(error="Interrupted", detail="the batch was cancelled")
        return read_error(self.job.stderr, self.child.exit_code) if status == "failed" else None


def _artifacts(job: PlannedJob) -> dict[str, str]:
    """Return the files that are there, of those that the job was to write."""
    found = {}
    for name, path in job.writes.items():
        with suppress(OSError):
            path.stat()
            found[name] = str(path)
    return found


def _without_process(job: PlannedJob, status: JobStatus, reason: JobError) -> JobResult:
    return JobResult(
        name=job.name,
        command=job.command,
        options=dict(job.given),
        status=status,
        exit_code=None,
        elapsed_s=0.0,
        result=None,
        error=reason,
        logs=None,
        artifacts={},
    )
