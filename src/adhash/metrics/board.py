"""The latest ticks of a run, shared between the run and whoever watches it."""

from __future__ import annotations

from collections import deque
from threading import Lock

from adhash.metrics.ticks import Tick

DEFAULT_CAPACITY = 1000


class TickBoard:
    """The last ticks of a run, and the last of each backend; safe to share between threads.

    Parameters
    ----------
    capacity : int
        How many ticks are kept; older ones are forgotten, so that a long run stays small.
    """

    def __init__(self, capacity: int = DEFAULT_CAPACITY) -> None:
        self._ticks: deque[Tick] = deque(maxlen=capacity)
        self._latest: dict[str, Tick] = {}
        self._lock = Lock()

    def post(self, tick: Tick) -> None:
        """Add the newest tick."""
        with self._lock:
            self._ticks.append(tick)
            self._latest[tick.backend] = tick

    def forget(self, backend: str) -> None:
        """Forget the ticks of a backend, because its run starts over."""
        with self._lock:
            kept = [tick for tick in self._ticks if tick.backend != backend]
            self._ticks = deque(kept, maxlen=self._ticks.maxlen)
            self._latest.pop(backend, None)

    def latest(self) -> Tick | None:
        """Return the newest tick, or None before the first."""
        with self._lock:
            return self._ticks[-1] if self._ticks else None

    def last(self, count: int) -> list[Tick]:
        """Return up to `count` of the newest ticks, oldest first."""
        with self._lock:
            ticks = list(self._ticks)
        return ticks[-count:] if count > 0 else []

    def latest_of_each_backend(self) -> list[Tick]:
        """Return the newest tick of each backend, in the order in which they first ran."""
        with self._lock:
            return list(self._latest.values())
