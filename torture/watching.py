"""Watching a server while it is tortured: the most memory it held."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from torture.server import Server

_LOOK_S = 0.05
MEGABYTE = 1_000_000


class MemoryWatch:
    """Looks at the memory of a server all the time, as a context manager.

    Parameters
    ----------
    server : Server
        That runs.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self.before_bytes = server.rss_bytes()
        self.peak_bytes = self.before_bytes
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._thread.join()

    @property
    def growth_mb(self) -> float:
        """Return by how much it grew at most, in megabytes."""
        return (self.peak_bytes - self.before_bytes) / MEGABYTE

    def _look(self) -> None:
        while not self._is_over.wait(_LOOK_S):
            self.peak_bytes = max(self.peak_bytes, self._server.rss_bytes())
