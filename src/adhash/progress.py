"""How far a piece of long work has come, for whoever shows it: a bar, a log or a job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class WorkProgress:
    """How far the work has come.

    `done` and `total` count the same `unit` (a plural noun such as ``"rows"`` or ``"bytes"``);
    `total` is None while nobody knows it. `note` says what is being done, in a few words.
    """

    done: int
    total: int | None
    unit: str
    note: str = ""


WorkCallback = Callable[[WorkProgress], None]


def ignore_work(progress: WorkProgress) -> None:
    """Do nothing: nobody watches."""
