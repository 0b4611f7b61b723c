"""What one executor sees of one attempt, and what that means."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from adhash.atomic_files import replace_text
from adhash.errors import StorageError
from adhash.service.attempts import AttemptPhase, AttemptRef, AttemptReport
from adhash.service.executors.children import exit_code_of
from adhash.service.executors.heartbeats import Heartbeat
from adhash.service.executors.runner_names import attempt_folder, named_runner
from adhash.service.folder import JobFolder
from adhash.service.lifecycle import JobError
from adhash.service.log_index import index_rest
from adhash.service.outcomes import Outcome, read_outcome
from adhash.service.processes import (
    Process,
    all_processes,
    cookie_of,
    descendants,
    kill_all,
    with_cookies,
)
from adhash.service.runner import NO_DISK_EXIT_CODE, read_confinement, read_fence

# How long one call may wait for processes that were killed.
_WAIT_S = 0.02
_TAIL_BYTES = 500


class AttemptWatch:
    """Watches one attempt.

    Parameters
    ----------
    ref : AttemptRef
        Which.
    boot : str
        The present boot of the machine.
    lease_s : float
        How long its runner may be silent, in seconds.
    now_ms : callable
        Tells the milliseconds since 1970.
    """

    def __init__(
        self, ref: AttemptRef, *, boot: str, lease_s: float, now_ms: Callable[[], int]
    ) -> None:
        self.ref = ref
        self.cookie = cookie_of(ref.job_id, ref.attempt)
        self._boot = boot
        self._now_ms = now_ms
        self._folder = attempt_folder(ref)
        self._heartbeat = Heartbeat(self._folder.heartbeat, lease_s=lease_s)
        self._lease_s = lease_s
        self._session: int | None = None
        self._is_silent = False
        self._is_over = False
        self._confinement: dict[str, Any] | None = None

    # --- looking ---------------------------------------------------------------------------------

    def seems_over(self, now_ns: int) -> bool:
        """Look, and return whether a closer look is needed: it ended, is silent, or is unknown.

        Parameters
        ----------
        now_ns : int
            The steady clock.

        Returns
        -------
        bool
            False for an attempt whose runner lives and beats.
        """
        self._is_silent = self._heartbeat.is_silent(now_ns)
        runner = self._find_runner()
        if runner is not None:
            # Seen alive, so whatever has its session from now on belongs to it.
            self._session = runner.pid
        self._is_over = runner is None or self._is_silent or self._folder.outcome.exists()
        return self._is_over

    def belongs(self, processes: Sequence[Process]) -> set[Process]:
        """Return the processes that belong to the attempt by session or by descent."""
        if self._session is None:
            return set()
        mates = {each for each in processes if each.session == self._session}
        return mates | descendants([self._session], processes)

    def _find_runner(self) -> Process | None:
        name = named_runner(self.ref)
        return None if name is None else name.find(self._boot)

    # --- telling ---------------------------------------------------------------------------------

    def report(self, sweep: Sweep) -> AttemptReport:
        """Return what has become of the attempt.

        Parameters
        ----------
        sweep : Sweep
            The processes of all attempts that seem over.

        Returns
        -------
        AttemptReport
            With another phase than running only if no process of it is left.
        """
        if not self._is_over or self._is_starting(sweep):
            return self._running()
        # Whether it lives was asked first: a runner that is gone writes no outcome afterwards.
        outcome = read_outcome(self._folder.outcome)
        if outcome is None:
            self._raise_fence()
        if not sweep.clear(self):
            return self._running()
        return self._lost() if outcome is None else self._ended(outcome)

    def _is_starting(self, sweep: Sweep) -> bool:
        """Return whether there is a process that had no time yet to say who it is."""
        is_known = named_runner(self.ref) is not None
        return not is_known and not self._is_silent and bool(sweep.found(self))

    def _raise_fence(self) -> None:
        """Stop a runner that comes to life late; without a fence none may work either."""
        fence = JobFolder(self.ref.folder).fence
        if read_fence(fence) <= self.ref.attempt:
            try:
                replace_text(fence, f"{self.ref.attempt + 1}\n")
            except StorageError:
                with suppress(OSError):
                    fence.unlink(missing_ok=True)

    def _running(self) -> AttemptReport:
        if self._confinement is None:
            self._confinement = read_confinement(self._folder.confinement)
        return AttemptReport(
            ref=self.ref, phase=AttemptPhase.RUNNING, confinement=self._confinement
        )

    def _ended(self, outcome: Outcome) -> AttemptReport:
        return AttemptReport(
            ref=self.ref,
            phase=outcome.phase,
            result=outcome.result,
            error=outcome.error,
            is_retryable=outcome.is_retryable,
            confinement=outcome.confinement,
        )

    def _lost(self) -> AttemptReport:
        name = named_runner(self.ref)
        if name is None:
            error = JobError(code="runner_lost", detail="no runner was started")
            return AttemptReport(
                ref=self.ref, phase=AttemptPhase.NEVER_STARTED, error=error, is_retryable=True
            )
        with suppress(OSError):
            index_rest(JobFolder(self.ref.folder), self._now_ms)
        error = JobError(code="runner_lost", detail=self._why(name.boot_id), hint=self._tail())
        if exit_code_of(name.pid) == NO_DISK_EXIT_CODE:
            detail = "the runner could not write its files: the disk of the job root may be full"
            error = JobError(code="io", detail=detail, hint=self._tail())
        return AttemptReport(
            ref=self.ref,
            phase=AttemptPhase.LOST,
            error=error,
            is_retryable=True,
            confinement=read_confinement(self._folder.confinement),
        )

    def _why(self, boot: str) -> str:
        if boot != self._boot:
            return "the machine was restarted while the job ran"
        if self._is_silent:
            return f"the runner showed no life for {self._lease_s:g} s and was ended"
        return "the runner vanished and left no outcome"

    def _tail(self) -> str:
        """Return the last words of the runner, which has none as a rule."""
        with suppress(OSError), self._folder.runner_log.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(size - _TAIL_BYTES, 0))
            return file.read(_TAIL_BYTES).decode(errors="replace")
        return ""


class Sweep:
    """Finds and ends what is left of attempts, with few looks at the processes of the machine.

    Parameters
    ----------
    watches : sequence of AttemptWatch
        Of attempts that seem over.
    """

    def __init__(self, watches: Sequence[AttemptWatch]) -> None:
        self._found = _find(watches) if watches else {}

    def found(self, watch: AttemptWatch) -> set[Process]:
        """Return the processes of an attempt that were there at the first look."""
        return self._found.get(watch.cookie, set())

    def clear(self, watch: AttemptWatch) -> bool:
        """Kill what is left of an attempt.

        Parameters
        ----------
        watch : AttemptWatch
            The attempt.

        Returns
        -------
        bool
            Whether a look found nothing of it; if not, the next call goes on.
        """
        left = self.found(watch)
        if left:
            kill_all(left, wait_s=_WAIT_S)
            # What was killed may have forked before it died.
            left = _find([watch])[watch.cookie]
        return not left


def _find(watches: Sequence[AttemptWatch]) -> dict[str, set[Process]]:
    processes = all_processes()
    by_cookie = with_cookies(processes, [watch.cookie for watch in watches])
    return {watch.cookie: by_cookie[watch.cookie] | watch.belongs(processes) for watch in watches}
