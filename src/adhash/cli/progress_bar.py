"""The progress bar of long work: on a terminal, and none in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from adhash.units import format_bytes, format_count, format_rate

if TYPE_CHECKING:
    from adhash.progress import WorkCallback, WorkProgress
    from adhash.replay.progress import Progress, ProgressCallback


class _Draw(Protocol):
    """Draws the bar anew."""

    def __call__(self, *, description: str, done: int, total: int | None, text: str) -> None: ...


@contextmanager
def shown_progress() -> Iterator[ProgressCallback | None]:
    """Show the progress of a replay on standard error while it lasts, if that is a terminal.

    Yields
    ------
    callable or None
        What the replay tells its progress; None where nobody would see it.
    """
    with _bar() as draw:
        yield None if draw is None else _drawing_replay(draw)


@contextmanager
def shown_work() -> Iterator[WorkCallback | None]:
    """Show the progress of any work on standard error while it lasts, if that is a terminal.

    Yields
    ------
    callable or None
        What the work tells its progress; None where nobody would see it.
    """
    with _bar() as draw:
        yield None if draw is None else _drawing_work(draw)


@contextmanager
def _bar() -> Iterator[_Draw | None]:
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Bar(
        *columns, TextColumn("{task.fields[text]}"), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task("", total=None, text="")

        def draw(*, description: str, done: int, total: int | None, text: str) -> None:
            bar.update(
                task, description=escape(description), total=total, completed=done, text=text
            )

        yield draw


def _drawing_replay(draw: _Draw) -> Callable[[Progress], None]:
    def show(progress: Progress) -> None:
        draw(
            description=_description(progress),
            done=progress.bytes_read,
            total=progress.total_bytes,
            text=_operations(progress),
        )

    return show


def _drawing_work(draw: _Draw) -> Callable[[WorkProgress], None]:
    def show(progress: WorkProgress) -> None:
        draw(
            description=progress.note,
            done=progress.done,
            total=progress.total,
            text=work_done(progress),
        )

    return show


def work_done(progress: WorkProgress) -> str:
    """Return how much is done, for a person: ``"3 of 16 runs"``, ``"1.5 MiB of 2 GiB"``."""
    shown = format_bytes if progress.unit == "bytes" else format_count
    unit = "" if progress.unit == "bytes" else f" {progress.unit}"
    of_total = "" if progress.total is None else f" of {shown(progress.total)}"
    return f"{shown(progress.done)}{of_total}{unit}"


def _description(progress: Progress) -> str:
    if progress.modes == 1:
        return progress.mode
    return f"{progress.mode} ({progress.position + 1} of {progress.modes})"


def _operations(progress: Progress) -> str:
    rate = progress.rows / progress.elapsed_s if progress.elapsed_s > 0 else 0.0
    return f"{format_count(progress.rows)} operations, {format_rate(rate)}"
