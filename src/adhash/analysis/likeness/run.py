"""Generating a trace like another one, and telling how like it is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adhash.analysis.dna.run import run_workload_dna
from adhash.analysis.likeness.fit import fit_trace
from adhash.analysis.likeness.likeness import Likeness, likeness
from adhash.analysis.likeness.reading import read_rows
from adhash.errors import BadInputError, InterruptedRunError
from adhash.options.workload_dna import WorkloadDnaOptions
from adhash.progress import WorkProgress
from adhash.workloads.batch_output import write_trace
from adhash.workloads.fitted_generator import LikeTrace
from adhash.workloads.trace_output import output_format

if TYPE_CHECKING:
    from adhash.cancellation import CancelToken
    from adhash.options.generate_csv import GenerateCsvOptions
    from adhash.progress import WorkCallback
    from adhash.workloads.fitted_trace import FittedTrace

_STDOUT = "-"
# Everything else describes a trace, which the other trace does here.
_GOES_WITH_LIKE = frozenset(
    {"out", "like", "like_rows", "check_fit", "rows", "seed", "key_type", "force"}
)


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was written: rows, the keys there are, and how like another trace it is."""

    rows: int
    keys: int
    fit: Likeness | None


def write_like(
    options: GenerateCsvOptions, *, progress: WorkCallback, cancel: CancelToken
) -> Written:
    """Fit a generator to a trace and write a trace of it.

    Parameters
    ----------
    options : GenerateCsvOptions
        Of which `like` names the trace.
    progress : callable
        Told what is done.
    cancel : CancelToken
        Ends it early.

    Returns
    -------
    Written
        With the error of the fit, if that was asked for.

    Raises
    ------
    AdhashError
        If options do not go together, the trace cannot be read, or the other not be written.
    """
    trace = _checked(options)
    work = _Work(progress, cancel)
    rows = read_rows(
        trace,
        key_type=options.key_type,
        most_rows=options.like_rows,
        cancel=cancel,
        watch=work.reading,
        environ=os.environ,
    )
    with cancel.interruptible():
        fitted = fit_trace(rows, seed=options.seed)
    wanted = options.rows or fitted.rows
    with cancel.interruptible():
        made = LikeTrace(fitted, seed=options.seed)
        written = write_trace(
            made.batches(wanted),
            made.schema,
            options.out,
            force=options.force,
            on_rows=work.writing(wanted, "generating"),
        )
    fit = _fit(options, trace, fitted, written, work) if options.check_fit else None
    return Written(rows=written, keys=int(fitted.sizes.sum()), fit=fit)


def _checked(options: GenerateCsvOptions) -> str:
    trace = str(options.like)
    given = {name for name in options.model_fields_set if getattr(options, name) is not None}
    off = {name for name in given if getattr(options, name) in (False, ())}
    for name in sorted(given - off - _GOES_WITH_LIKE):
        raise BadInputError(
            f"{name} does not go with like: the other trace says what this one is to be",
            hint="leave one of them out",
        )
    if trace == _STDOUT and options.check_fit:
        raise BadInputError(
            "the fit of a trace from standard input cannot be checked: it is read once",
            hint="name a file, or give --no-check-fit",
        )
    # What the suffix says is wrong with it is better said before the trace is read.
    output_format(options.out)
    if options.out != _STDOUT and Path(options.out).resolve() == Path(trace).resolve():
        raise BadInputError(f"the trace and the one to be like it are the same file: {trace}")
    return trace


class _Work:
    """Tells progress, and ends the work if asked to."""

    def __init__(self, progress: WorkCallback, cancel: CancelToken) -> None:
        self.progress = progress
        self.cancel = cancel

    def reading(self, done: int, total: int | None) -> None:
        self.progress(WorkProgress(done=done, total=total, unit="bytes", note="fitting"))

    def writing(self, total: int, note: str) -> Callable[[int], None]:
        def on_rows(rows: int) -> None:
            if self.cancel.is_cancelled:
                raise InterruptedRunError(f"interrupted after {rows:,} rows; nothing was kept")
            self.progress(WorkProgress(done=rows, total=total, unit="rows", note=note))

        return on_rows


def _fit(
    options: GenerateCsvOptions, trace: str, fitted: FittedTrace, written: int, work: _Work
) -> Likeness:
    """Return how like the trace a generated one of the same length is."""
    of_trace = run_workload_dna(
        WorkloadDnaOptions(csv=trace, key_type=options.key_type, hot_keys=0),
        progress=work.progress,
        cancel=work.cancel,
    )
    with _as_long(options, of_trace.rows, fitted, written, work) as generated:
        of_generated = run_workload_dna(
            WorkloadDnaOptions(csv=generated, hot_keys=0),
            progress=work.progress,
            cancel=work.cancel,
        )
    return likeness(of_trace, of_generated, fitted_rows=fitted.rows)


@contextmanager
def _as_long(
    options: GenerateCsvOptions, rows: int, fitted: FittedTrace, written: int, work: _Work
) -> Iterator[str]:
    """Give a generated trace of so many rows: the one that was written, or another for a while."""
    if written == rows and options.out != _STDOUT and Path(options.out).is_file():
        yield options.out
        return
    with tempfile.TemporaryDirectory(prefix="adhash-") as folder:
        path = str(Path(folder) / "generated.arrow")
        made = LikeTrace(fitted, seed=options.seed)
        on_rows = work.writing(rows, "generating for comparison")
        with work.cancel.interruptible():
            write_trace(made.batches(rows), made.schema, path, on_rows=on_rows)
        yield path
