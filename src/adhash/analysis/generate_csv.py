"""Writing a generated trace: the function behind ``adhash generate-csv``."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Literal

from pydantic import Field

from adhash.analysis.likeness.likeness import Likeness
from adhash.analysis.likeness.run import Written, write_like
from adhash.cancellation import CancelToken
from adhash.clock import NS_PER_S, Clock, SystemClock
from adhash.errors import InterruptedRunError
from adhash.options.base import read_options
from adhash.options.generate_csv import GenerateCsvOptions
from adhash.presenters import Table
from adhash.progress import WorkCallback, WorkProgress, ignore_work
from adhash.results import Result
from adhash.units import format_rate, format_seconds
from adhash.workloads.batch_output import write_trace
from adhash.workloads.chosen_trace import chosen_trace
from adhash.workloads.generators import generate, trace_schema

SCHEMA = "adhash.generate-csv.v1"


class GenerateCsvResult(Result):
    """What was generated."""

    schema_: Literal["adhash.generate-csv.v1"] = Field(
        default="adhash.generate-csv.v1", alias="schema", description="The version of this format."
    )
    out: str = Field(description='The trace as it was named; "-" is standard output.')
    rows: int = Field(description="Operations in it.")
    keys: int = Field(
        description="The size of its key space at the beginning; with like, the keys of that trace."
    )
    seed: int = Field(description="The seed: with it and the same options, the same trace again.")
    fit: Likeness | None = Field(
        description="How far from the trace that it is like; null where there is none, or the fit "
        "was not checked."
    )
    elapsed_s: float = Field(description="How long it took, in seconds.")
    rows_per_second: float = Field(description="rows divided by elapsed_s.")

    def _highlights(self) -> dict[str, str]:
        return {
            "trace": f"{self.out}, {self.rows:,} operations, seed {self.seed}",
            "key space": f"{self.keys:,} keys",
            "time": f"{format_seconds(self.elapsed_s)}, {format_rate(self.rows_per_second)}",
            **({} if self.fit is None else {f"like {self.fit.trace}": self.fit.conclusion}),
        }

    def _tables(self) -> tuple[Table, ...]:
        return () if self.fit is None else (self.fit.as_table(),)


def generate_csv(
    out: str | os.PathLike[str],
    *,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
    **options: object,
) -> GenerateCsvResult:
    """Write a generated trace.

    Parameters
    ----------
    out : str or PathLike
        The file; its suffix chooses format and compression. ``"-"`` is CSV on standard output.
    progress : callable or None
        Told how many rows were written.
    cancel : CancelToken or None
        Ends the work early.
    **options
        By the names of the command line's options; ``delete`` is that of ``--del``.

    Returns
    -------
    GenerateCsvResult
        What was written.

    Raises
    ------
    AdhashError
        As `run_generate_csv`.
    """
    given: dict[str, object] = {**options, "out": os.fspath(out)}
    checked = read_options(GenerateCsvOptions, given)
    return run_generate_csv(checked, progress=progress, cancel=cancel)


def run_generate_csv(
    options: GenerateCsvOptions,
    *,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
    clock: Clock | None = None,
) -> GenerateCsvResult:
    """Write a generated trace.

    Parameters
    ----------
    options : GenerateCsvOptions
        What to write.
    progress : callable or None
        Told how many rows were written.
    cancel : CancelToken or None
        Ends the work early; nothing is left of the file then.
    clock : Clock or None
        The system's where None.

    Returns
    -------
    GenerateCsvResult
        What was written.

    Raises
    ------
    BadInputError
        If an option is wrong, or the suffix of the file names no format.
    PolicyError
        If the file exists and may not be replaced.
    StorageError
        If it cannot be written.
    InterruptedRunError
        If it was cancelled.
    """
    clock = clock or SystemClock()
    cancel = cancel or CancelToken()
    start_ns = clock.monotonic_ns()
    write = _write_chosen if options.like is None else write_like
    written = write(options, progress=progress or ignore_work, cancel=cancel)
    elapsed_s = (clock.monotonic_ns() - start_ns) / NS_PER_S
    return GenerateCsvResult(
        out=options.out,
        rows=written.rows,
        keys=written.keys,
        seed=options.seed,
        fit=written.fit,
        elapsed_s=elapsed_s,
        rows_per_second=written.rows / elapsed_s if elapsed_s else 0.0,
    )


def _write_chosen(
    options: GenerateCsvOptions, *, progress: WorkCallback, cancel: CancelToken
) -> Written:
    chosen = chosen_trace(options)
    with cancel.interruptible():
        rows = write_trace(
            generate(chosen.spec, chosen.key_space),
            trace_schema(chosen.spec, chosen.key_space),
            options.out,
            force=options.force,
            on_rows=_watched(chosen.spec.rows, progress, cancel),
        )
    return Written(rows=rows, keys=chosen.spec.keys, fit=None)


def _watched(total: int, progress: WorkCallback, cancel: CancelToken) -> Callable[[int], None]:
    """Return what is called with the rows so far: it tells them, and ends the work if asked to."""

    def on_rows(rows: int) -> None:
        if cancel.is_cancelled:
            raise InterruptedRunError(f"interrupted after {rows:,} rows; nothing was kept")
        progress(WorkProgress(done=rows, total=total, unit="rows", note="generating"))

    return on_rows
