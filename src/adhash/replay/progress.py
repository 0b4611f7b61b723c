"""How far a run has come, for whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the run of one mode has come.

    `bytes_read` and `total_bytes` count bytes of the trace's file, compressed ones where it is
    compressed; `total_bytes` is None for a pipe. `position` counts the modes from 0.
    """

    mode: str
    position: int
    modes: int
    rows: int
    bytes_read: int
    total_bytes: int | None
    elapsed_s: float


ProgressCallback = Callable[[Progress], None]


def ignore_progress(progress: Progress) -> None:
    """Do nothing: nobody watches."""
