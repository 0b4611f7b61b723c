"""Whether a runner shows life.

A heartbeat is the time at which a file was changed, but that time is never compared with a clock:
setting the clock by an hour would end all that runs. What counts is whether it changed since the
last look, and how long ago that was by the steady clock of the one who looks.
"""

from __future__ import annotations

from pathlib import Path

from adhash.clock import NS_PER_S


class Heartbeat:
    """Tells whether a runner is silent for too long.

    Parameters
    ----------
    path : Path
        The file that it touches.
    lease_s : float
        How long it may be silent, in seconds.
    """

    def __init__(self, path: Path, *, lease_s: float) -> None:
        self._path = path
        self._lease_ns = round(lease_s * NS_PER_S)
        self._mtime_ns: int | None = None
        self._changed_at_ns: int | None = None
        self._looked_at_ns = 0

    def is_silent(self, now_ns: int) -> bool:
        """Look, and return whether the last change lies further back than the lease.

        Parameters
        ----------
        now_ns : int
            The steady clock.

        Returns
        -------
        bool
            Never true at the first look, nor at one after a long pause: who was asleep itself, or
            stopped with the whole machine, cannot say that others were silent.
        """
        mtime_ns = self._read_mtime_ns()
        was_away = now_ns - self._looked_at_ns > self._lease_ns // 2
        if self._changed_at_ns is None or mtime_ns != self._mtime_ns or was_away:
            self._mtime_ns, self._changed_at_ns = mtime_ns, now_ns
        self._looked_at_ns = now_ns
        return now_ns - self._changed_at_ns > self._lease_ns

    def _read_mtime_ns(self) -> int | None:
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return None
