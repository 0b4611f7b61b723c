"""The ladder that ends work: SIGTERM, a time of grace, SIGKILL until nothing is left."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum

from adhash.clock import NS_PER_S
from adhash.service.processes import all_processes, descendants, send_signal


class StopReason(StrEnum):
    """Why the work is ended before it is done."""

    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    ENDED_FROM_OUTSIDE = "ended_from_outside"


class Ladder:
    """Ends the work of one runner, one step at a time; nothing here waits.

    The first reason counts: a job that is cancelled while it is being ended for its time has timed
    out.

    Parameters
    ----------
    group : int
        The process group of the work.
    grace_s : float
        How long it may take to end after SIGTERM, in seconds.
    monotonic_ns : callable
        The steady clock.
    """

    def __init__(self, *, group: int, grace_s: float, monotonic_ns: Callable[[], int]) -> None:
        self.reason: StopReason | None = None
        self._group = group
        self._grace_ns = round(grace_s * NS_PER_S)
        self._monotonic_ns = monotonic_ns
        self._kill_at_ns = 0

    def begin(self, reason: StopReason) -> None:
        """Ask the work to end; asking again changes nothing."""
        if self.reason is not None:
            return
        self.reason = reason
        self._kill_at_ns = self._monotonic_ns() + self._grace_ns
        self._signal_group(signal.SIGTERM)

    def climb(self) -> None:
        """Kill the work if its time of grace is over."""
        if self.reason is not None and self._monotonic_ns() >= self._kill_at_ns:
            self.kill()

    def kill(self) -> None:
        """Kill the group and every descendant of this process, wherever it went."""
        self._signal_group(signal.SIGKILL)
        for process in descendants([os.getpid()], all_processes()):
            send_signal(process, signal.SIGKILL)

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._group, number)
