"""Reading a trace of any format and writing it in another, in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import numpy as np
import pyarrow as pa

from adhash.analysis.conversion.batches import batch_maker
from adhash.analysis.conversion.result import ConvertResult
from adhash.cancellation import CancelToken
from adhash.clock import NS_PER_S, Clock, SystemClock
from adhash.config_sources import load_settings
from adhash.errors import BadInputError
from adhash.metrics.ticks import OPERATIONS
from adhash.options.base import read_options
from adhash.options.convert import ConvertOptions
from adhash.options.traces import SHARED_SETTINGS
from adhash.progress import WorkCallback, WorkProgress, ignore_work
from adhash.replay.checked_columns import CheckedColumns, open_checked_columns
from adhash.replay.folders import prepared_folders
from adhash.replay.summary import OperationCounts
from adhash.replay.table_types import MisfitError, TableTypes
from adhash.workloads.batch_output import write_trace
from adhash.workloads.trace_output import OutputFormat, output_format

if TYPE_CHECKING:
    from typing import Unpack

    from adhash.config_models import ReplaySettings
    from adhash.workloads.sources import TraceSource

_STDOUT = "-"


class ConvertKeywords(TypedDict, total=False):
    """The options of `convert` by name; each that is missing keeps its default."""

    format: str | None
    fill: str | None
    value_cap: int | str | None
    key_type: str | None
    value_type: str | None
    csv_max_rows: int | str | None
    csv_max_bytes: int | str | None
    to: str | None
    codec: str | None
    force: bool


def convert(
    trace: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
    **options: Unpack[ConvertKeywords],
) -> ConvertResult:
    """Write a trace again in another format.

    Parameters
    ----------
    trace : str or PathLike
        The trace, of any format that adhash reads; ``"-"`` for standard input.
    out : str or PathLike
        The new trace. It appears when it is whole.
    progress : callable or None
        Called with a `WorkProgress` after each block.
    cancel : CancelToken or None
        Ends the work early; nothing is then left of the new trace.
    **options
        By the names of the command line's options: ``format``, ``fill``, ``value_cap``,
        ``key_type``, ``value_type``, ``csv_max_rows``, ``csv_max_bytes``, ``to``, ``codec``,
        ``force``.

    Returns
    -------
    ConvertResult
        What was read and written.

    Raises
    ------
    BadInputError
        If an option is wrong; TraceError if the trace is.
    PolicyError
        If the trace is larger than allowed, or the new one exists and ``force`` is False.
    StorageError
        If it cannot be read or the new one not be written.
    InterruptedRunError
        If it was cancelled.
    """
    given = {**options, "trace": os.fspath(trace), "out": os.fspath(out)}
    return run_convert(read_options(ConvertOptions, given), progress=progress, cancel=cancel)


def run_convert(
    options: ConvertOptions,
    *,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
    environ: Mapping[str, str] | None = None,
    clock: Clock | None = None,
) -> ConvertResult:
    """Write a trace again in another format.

    Parameters
    ----------
    options : ConvertOptions
        Which trace, and where to. Limits and types that are left out are those of the settings.
    progress : callable or None
        See `convert`.
    cancel : CancelToken or None
        See `convert`.
    environ : mapping or None
        The environment to read settings from; None is that of the process.
    clock : Clock or None
        The system's where None.

    Returns
    -------
    ConvertResult
        What was read and written.

    Raises
    ------
    AdhashError
        As `convert`.
    """
    _require_two_files(options)
    given = {f"replay.{name}": getattr(options, name) for name in SHARED_SETTINGS}
    environ = os.environ if environ is None else environ
    work = _Conversion(
        options=options,
        settings=load_settings(overrides=given, environ=environ).replay,
        # Known to be one before the trace is opened.
        out_format=output_format(options.out, to=options.to)[0],
        progress=progress or ignore_work,
        cancel=cancel or CancelToken(),
        clock=clock or SystemClock(),
    )
    folders = [] if options.out == _STDOUT else [Path(options.out).parent]
    with prepared_folders(folders):
        return work.result()


def _require_two_files(options: ConvertOptions) -> None:
    named = (options.trace, options.out)
    if "-" not in named and Path(options.trace).resolve() == Path(options.out).resolve():
        raise BadInputError(
            f"the trace and the new one are the same file: {options.out}",
            hint="give the new one another name",
        )


@dataclass
class _Tally:
    """What was written so far."""

    ops: np.ndarray = field(default_factory=lambda: np.zeros(len(OPERATIONS), dtype=np.int64))

    def counts(self) -> OperationCounts:
        total = int(self.ops.sum())
        by_type = {name: int(count) for name, count in zip(OPERATIONS, self.ops, strict=True)}
        return OperationCounts.model_validate({"total": total, **by_type})


@dataclass(frozen=True, kw_only=True)
class _Conversion:
    """A conversion with all that it needs."""

    options: ConvertOptions
    settings: ReplaySettings
    out_format: OutputFormat
    progress: WorkCallback
    cancel: CancelToken
    clock: Clock

    def result(self) -> ConvertResult:
        """Convert, again with other types if those inferred do not fit."""
        start_ns = self.clock.monotonic_ns()
        types = self._asked
        while True:
            try:
                return self._convert(types, start_ns)
            except MisfitError as misfit:
                types = misfit.wider

    @property
    def _asked(self) -> TableTypes:
        return TableTypes(key=self.settings.key_type, value=self.settings.value_type)

    def _convert(self, types: TableTypes, start_ns: int) -> ConvertResult:
        with open_checked_columns(
            self.options.trace,
            settings=self.settings,
            types=types,
            asked=self._asked,
            is_stopped=lambda: self.cancel.is_cancelled,
            clock=self.clock,
        ) as columns:
            tally = self._write(columns)
            elapsed_s = (self.clock.monotonic_ns() - start_ns) / NS_PER_S
            counts = tally.counts()
            return ConvertResult(
                trace=columns.source.name,
                trace_format=columns.source.format_name,
                trace_sha256=columns.source.sha256(),
                out=self.options.out,
                out_format=self.out_format.removesuffix("-file"),
                out_bytes=_size(self.options.out),
                key_type=columns.types.key,
                value_type=columns.types.value,
                ops=counts,
                elapsed_s=elapsed_s,
                rows_per_second=counts.total / elapsed_s if elapsed_s else 0.0,
            )

    def _write(self, columns: CheckedColumns) -> _Tally:
        maker = batch_maker(columns.source, columns.types, as_text=self.out_format == "csv")
        tally = _Tally()

        def batches() -> Generator[pa.RecordBatch, None, None]:
            for block in columns.blocks():
                tally.ops += np.bincount(block.ops, minlength=len(OPERATIONS))
                yield maker.batch(block)
                self._report(columns.source)

        with closing(batches()) as ready:
            write_trace(
                ready,
                maker.schema,
                self.options.out,
                force=self.options.force,
                to=self.options.to,
                codec=self.options.codec,
            )
        return tally

    def _report(self, source: TraceSource) -> None:
        done, total = source.bytes_read, source.total_bytes
        self.progress(WorkProgress(done=done, total=total, unit="bytes", note="converting"))


def _size(out: str) -> int | None:
    return None if out == _STDOUT else Path(out).stat().st_size
