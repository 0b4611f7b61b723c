"""A process of its own for a job: its start, its end, and the end of all that it started.

The process leads a session and a process group, so that a signal to the group reaches whatever it
started, and Ctrl-C at the terminal reaches only the batch, which ends its jobs in order. On Linux
the kernel kills it if the batch itself dies without a chance to do so.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1


class Child:
    """A running process with its group; `wait_ended` must have said True, or `kill` be called.

    Parameters
    ----------
    words : sequence of str
        The program and its arguments; no shell reads them.
    stdout : Path
        What it prints goes to this file.
    stderr : Path
        What it complains about goes to this one.

    Raises
    ------
    OSError
        If it cannot be started.
    """

    def __init__(self, words: Sequence[str], *, stdout: Path, stderr: Path) -> None:
        with stdout.open("wb") as out, stderr.open("wb") as complaints:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, its options checked
                list(words),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=complaints,
                start_new_session=True,
                preexec_fn=_dying_with_parent(),
            )

    @property
    def exit_code(self) -> int | None:
        """Its exit code, negative for the signal that ended it; None while it runs."""
        return self._process.returncode

    def has_ended(self) -> bool:
        """Return whether the process has ended; what it left in its group is killed then."""
        if self._process.returncode is not None:
            return True
        if not self._is_exited():
            return False
        # Before it is reaped, while nobody else can get its number.
        self._signal_group(signal.SIGKILL)
        self._process.wait()
        return True

    def terminate(self) -> None:
        """Ask the process and what it started to end."""
        self._signal_group(signal.SIGTERM)

    def kill(self) -> None:
        """End the process and what it started, and wait until it is gone."""
        if self._process.returncode is None:
            self._signal_group(signal.SIGKILL)
            self._process.wait()

    def _is_exited(self) -> bool:
        if not hasattr(os, "waitid"):  # macOS before Python 3.13: the process is reaped at once
            return self._process.poll() is not None
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, flags) is not None

    def _signal_group(self, number: int) -> None:
        # Gone already; or, on macOS, nothing but a process that has ended and is not yet reaped.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def _dying_with_parent() -> Callable[[], None] | None:
    """Return what a new process does to be killed when its parent dies; None where it cannot.

    It runs between fork and exec, where only little is safe: the library is found beforehand.
    """
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def die_with_parent() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel knew
            os._exit(1)

    return die_with_parent
