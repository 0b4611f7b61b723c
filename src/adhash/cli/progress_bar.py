"""The progress bar of long work: on a terminal, and none in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from adhash.units import format_count, format_rate

if TYPE_CHECKING:
    from adhash.replay.progress import Progress, ProgressCallback


@contextmanager
def shown_progress() -> Iterator[ProgressCallback | None]:
    """Show progress on standard error while the work lasts, if that is a terminal.

    Yields
    ------
    callable or None
        What the work tells its progress; None where nobody would see it.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Bar(
        *columns, TextColumn("{task.fields[done]}"), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task("", total=None, done="")

        def show(progress: Progress) -> None:
            bar.update(
                task,
                description=_description(progress),
                total=progress.total_bytes,
                completed=progress.bytes_read,
                done=_done(progress),
            )

        yield show


def _description(progress: Progress) -> str:
    if progress.modes == 1:
        return progress.mode
    return f"{progress.mode} ({progress.position + 1} of {progress.modes})"


def _done(progress: Progress) -> str:
    rate = progress.rows / progress.elapsed_s if progress.elapsed_s > 0 else 0.0
    return f"{format_count(progress.rows)} operations, {format_rate(rate)}"
