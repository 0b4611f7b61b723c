"""The runner: the process that owns one attempt, from its first to its last process.

It is started by an executor in a session of its own and outlives the server. It forks the work,
and while that works does nothing but look, about every 50 ms: whether the work ended, whether it
shall end, and which output came when. It imports nothing but the standard library, so that it
stands within milliseconds and holds little memory; what is heavy is imported by the work.

    executor --spawn--> runner (session leader, subreaper) --fork--> work (own process group)
                                                                       +-- its processes

How an attempt ends:

- the work ends: whatever it left behind is killed, then ``outcome.json`` is written, last of all;
- SIGINT asks for the end because the job is cancelled, SIGTERM because somebody else (a shutdown
  of the machine) wants it; ``timeout_s`` does it by itself. All three climb the same ladder;
- the fence rises above the attempt: another attempt took its place. Everything is killed at once
  and nothing is written;
- the runner is killed: the kernel kills the work (PDEATHSIG), the executor finds what is left by
  its cookie. What was written is there, because nobody stands between the work and its files.

As a subreaper the runner becomes the parent of orphans. So when the kernel says that it has no
children left, no process of the attempt is left, however often they forked.

All durations are taken from the steady clock: setting the clock of the machine changes nothing.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from resource import struct_rusage

from adhash.clock import NS_PER_S, Clock, SystemClock
from adhash.errors import AdhashError
from adhash.service.folder import AttemptFolder, JobFolder
from adhash.service.kernel import adopt_orphans
from adhash.service.log_index import LogIndex, steady_ms
from adhash.service.orders import Spec
from adhash.service.outcomes import Outcome, Usage, read_report, write_outcome
from adhash.service.processes import boot_id, start_time_of
from adhash.service.stopping import Ladder, StopReason
from adhash.service.verdict import Ending, judge

LOOK_S = 0.05
STALE_EXIT_CODE = 75
_ROOM_BYTES = 8192
NO_DISK_EXIT_CODE = 74
_WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP)
_REASONS = {
    signal.SIGINT: StopReason.CANCELLED,
    signal.SIGTERM: StopReason.ENDED_FROM_OUTSIDE,
}


class StaleFenceError(Exception):
    """Another attempt took the place of this one."""


class Runner:
    """Owns an attempt.

    Parameters
    ----------
    spec : Spec
        What to run, where, and on which cores.
    start : callable
        Starts the work in a process of its own, a child of this one, and returns its pid.
    clock : Clock
        What tells the time.
    """

    def __init__(
        self, spec: Spec, start: Callable[[Spec], int], *, clock: Clock | None = None
    ) -> None:
        self._spec = spec
        self._order = spec.order
        self._start = start
        self._clock = clock or SystemClock()
        self._folder = JobFolder(self._order.folder)
        self._attempt = self._folder.attempt(self._order.attempt)
        self._room = self._attempt.path / ".room"
        self._log_index = LogIndex(self._folder, steady_ms(self._clock))
        self._status: int | None = None
        self._cpu_s = 0.0
        self._max_rss_bytes = 0
        self._next_heartbeat_ns = 0
        self._oom_kills = count_oom_kills()

    def run(self) -> int:
        """Run the attempt to its end, and return the exit code of the runner.

        Returns
        -------
        int
            0 if an outcome was written, whatever it says; `STALE_EXIT_CODE` if another attempt took
            its place, `NO_DISK_EXIT_CODE` if it could not write its files.
        """
        try:
            self._begin()
        except StaleFenceError:
            return STALE_EXIT_CODE
        except OSError as error:
            _complain(f"the runner cannot begin: {error}")
            return NO_DISK_EXIT_CODE
        try:
            self._supervise()
            self._end()
        except StaleFenceError:
            self._kill_the_rest()
            return STALE_EXIT_CODE
        return 0

    # --- the beginning ---------------------------------------------------------------------------

    def _begin(self) -> None:
        # A server that ignores SIGCHLD would hand that down, and no child could be waited for.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
        self._require_fence()
        self._heartbeat = os.open(
            self._attempt.heartbeat, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640
        )
        os.write(self._heartbeat, b"%d\n" % self._order.attempt)
        claim(self._attempt)
        # Room on the disk for the last word, whatever the work does to it.
        self._room.write_bytes(bytes(_ROOM_BYTES))
        adopt_orphans()
        if self._spec.cores:
            os.sched_setaffinity(0, self._spec.cores)
        self._began_ns = self._clock.monotonic_ns()
        self._pid = self._start(self._spec)
        self._ladder = Ladder(
            group=self._pid, grace_s=self._order.grace_s, monotonic_ns=self._clock.monotonic_ns
        )

    def _require_fence(self) -> None:
        if read_fence(self._folder.fence) != self._order.attempt:
            raise StaleFenceError

    # --- while it works --------------------------------------------------------------------------

    def _supervise(self) -> None:
        while self._status is None:
            self._heed(signal.sigtimedwait(_WATCHED, LOOK_S))
            self._reap()
            self._log_index.look()
            self._beat()
            self._ladder.climb()

    def _heed(self, received: signal.struct_siginfo | None) -> None:
        reason = _REASONS.get(signal.Signals(received.si_signo)) if received else None
        if reason is not None:
            self._ladder.begin(reason)
        timeout_ns = self._order.limits.timeout_s * NS_PER_S
        if timeout_ns and self._clock.monotonic_ns() - self._began_ns >= timeout_ns:
            self._ladder.begin(StopReason.TIMED_OUT)

    def _beat(self) -> None:
        """Show life and look at the fence, once in a while."""
        now_ns = self._clock.monotonic_ns()
        if now_ns < self._next_heartbeat_ns:
            return
        self._next_heartbeat_ns = now_ns + round(self._order.heartbeat_s * NS_PER_S)
        os.utime(self._heartbeat)
        self._require_fence()

    def _reap(self) -> bool:
        """Take note of children that ended; return whether any child is left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            self._count(usage)
            if pid == self._pid:
                self._status = status

    def _count(self, usage: struct_rusage) -> None:
        self._cpu_s += usage.ru_utime + usage.ru_stime
        self._max_rss_bytes = max(self._max_rss_bytes, usage.ru_maxrss * 1024)

    # --- the end ---------------------------------------------------------------------------------

    def _end(self) -> None:
        self._kill_the_rest()
        self._log_index.look()
        self._require_fence()
        self._clear_temporary()
        outcome = self._outcome()
        self._room.unlink(missing_ok=True)
        while not self._try_to_write(outcome):
            # A full disk: the attempt is over, but nobody may take it for lost meanwhile.
            signal.sigtimedwait(_WATCHED, 0.5)
            self._log_index.look()
            self._beat()

    def _kill_the_rest(self) -> None:
        """Return once the kernel says that this process has no children, adopted ones included."""
        while self._reap():
            self._ladder.kill()
            signal.sigtimedwait((signal.SIGCHLD,), 0.01)
            with suppress(StaleFenceError):
                self._beat()

    def _clear_temporary(self) -> None:
        import shutil

        # Work may remove its own folder, or what is in it may not be removed: no reason to be lost.
        with suppress(OSError):
            for path in self._attempt.temporary.iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)

    def _try_to_write(self, outcome: Outcome) -> bool:
        try:
            write_outcome(self._attempt.outcome, outcome)
        except AdhashError as error:
            _complain(str(error))
            return False
        return True

    def _outcome(self) -> Outcome:
        status = self._status or 0
        report = read_report(self._attempt.report)
        ending = Ending(
            report=report,
            exit_code=os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
            signal=os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
            stop=self._ladder.reason,
            timeout_s=self._order.limits.timeout_s,
            oom_kills=count_oom_kills() - self._oom_kills,
        )
        verdict = judge(ending)
        return Outcome(
            attempt=self._order.attempt,
            phase=verdict.phase,
            result=None if report is None else report.result,
            error=verdict.error,
            is_retryable=verdict.is_retryable,
            artifacts=() if report is None else report.artifacts,
            confinement=read_confinement(self._attempt.confinement),
            exit_code=ending.exit_code,
            signal=ending.signal,
            usage=Usage(cpu_s=round(self._cpu_s, 6), max_rss_bytes=self._max_rss_bytes),
        )


def _complain(text: str) -> None:
    """Write to the log of the runner, which may be what cannot be written."""
    with suppress(OSError):
        os.write(sys.stderr.fileno(), text.encode() + b"\n")


def read_fence(path: Path) -> int:
    """Return the number of the attempt that may work; -1 where there is none, as in a lost folder.

    Parameters
    ----------
    path : Path
        The fence of the job.

    Returns
    -------
    int
        Counted from 1.
    """
    try:
        return int(path.read_bytes())
    except (OSError, ValueError):
        return -1


def claim(attempt: AttemptFolder) -> None:
    """Write ``runner.json``, which names this process as the one runner of the attempt.

    Parameters
    ----------
    attempt : AttemptFolder
        Whose it is.

    Raises
    ------
    StaleFenceError
        If another runner did so before.
    """
    pid = os.getpid()
    fields = {"pid": pid, "start_time": start_time_of(pid), "boot_id": boot_id()}
    whole = attempt.path / f".runner-{pid}.json"
    whole.write_text(json.dumps(fields), encoding="utf-8")
    try:
        # A link, unlike a rename, is refused where the name is taken.
        os.link(whole, attempt.runner)
    except FileExistsError:
        raise StaleFenceError from None
    finally:
        whole.unlink()


def read_confinement(path: Path) -> dict[str, object] | None:
    """Return what the work said of its confinement; None if it said nothing yet.

    Parameters
    ----------
    path : Path
        Where it would be.

    Returns
    -------
    dict or None
        The form of `adhash.service.models.Confinement`.
    """
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def count_oom_kills() -> int:
    """Return how many processes this machine ended for want of memory so far."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text(encoding="ascii").splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0
