"""Telling what a trace is like: the functions behind ``adhash workload-dna``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from adhash.analysis.dna.figures import figures_of
from adhash.analysis.dna.result import WorkloadDnaResult
from adhash.analysis.dna.trace_analysis import TraceAnalysis
from adhash.atomic_files import replace_text
from adhash.cancellation import CancelToken
from adhash.clock import NS_PER_S, Clock, SystemClock
from adhash.config_sources import load_settings
from adhash.errors import BadInputError, InterruptedRunError
from adhash.options.base import read_options
from adhash.options.traces import SHARED_SETTINGS
from adhash.options.workload_dna import WorkloadDnaOptions
from adhash.progress import WorkCallback, WorkProgress, ignore_work
from adhash.replay.folders import prepared_folders
from adhash.replay.plan import require_place
from adhash.replay.table_types import MisfitError, TableTypes
from adhash.replay.trace_counts import CountedTrace, KeyLimits, open_counted_trace
from adhash.workloads.samples import sample_path

if TYPE_CHECKING:
    from typing import Unpack

    from adhash.config_models import ReplaySettings

_PROGRESS_INTERVAL_NS = NS_PER_S // 10


class DnaKeywords(TypedDict, total=False):
    """The options of `workload_dna` by name; each that is missing keeps its default."""

    sample: str | None
    key_type: str | None
    value_type: str | None
    format: str | None
    fill: str | None
    value_cap: int | str | None
    csv_max_rows: int | str | None
    csv_max_bytes: int | str | None
    hot_keys: int | str | None
    max_tracked_keys: int | str | None
    max_key_bytes: int | str | None
    json_out: str | os.PathLike[str] | None


def workload_dna(
    csv: str | os.PathLike[str] | None = None,
    *,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
    **options: Unpack[DnaKeywords],
) -> WorkloadDnaResult:
    """Read a trace and return what it is like.

    Parameters
    ----------
    csv : str, PathLike or None
        The trace: CSV, Parquet or Arrow IPC, plain or as gz, zst or xz; ``"-"`` for standard input.
        None where the option ``sample`` names one that comes with adhash.
    progress : callable or None
        Called with a `WorkProgress` about ten times a second.
    cancel : CancelToken or None
        Ends the work early.
    **options
        By the names of the command line's options: ``sample``, ``key_type``, ``value_type``,
        ``format``, ``fill``, ``value_cap``, ``csv_max_rows``, ``csv_max_bytes``, ``hot_keys``,
        ``max_tracked_keys``, ``max_key_bytes``, ``json_out``.

    Returns
    -------
    WorkloadDnaResult
        Of the whole trace.

    Raises
    ------
    BadInputError
        If an option is wrong; TraceError if the trace is.
    PolicyError
        If the trace is larger than allowed.
    StorageError
        If it cannot be read, or the result not be written.
    InterruptedRunError
        If it was cancelled.
    """
    given: dict[str, object] = {**options, "csv": csv}
    for name in ("csv", "json_out"):
        if isinstance(given.get(name), os.PathLike):
            given[name] = os.fspath(given[name])  # type: ignore[call-overload]
    checked = read_options(WorkloadDnaOptions, given)
    return run_workload_dna(checked, progress=progress, cancel=cancel)


def run_workload_dna(
    options: WorkloadDnaOptions,
    *,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
    environ: Mapping[str, str] | None = None,
    clock: Clock | None = None,
) -> WorkloadDnaResult:
    """Read a trace and return what it is like.

    Parameters
    ----------
    options : WorkloadDnaOptions
        What is asked for. Limits and types that are left out are those of the settings.
    progress : callable or None
        See `workload_dna`.
    cancel : CancelToken or None
        See `workload_dna`.
    environ : mapping or None
        The environment to read settings from; None is that of the process.
    clock : Clock or None
        The system's where None.

    Returns
    -------
    WorkloadDnaResult
        Of the whole trace; also in the file that `options` names.

    Raises
    ------
    AdhashError
        As `workload_dna`.
    """
    settings = _settings(options, os.environ if environ is None else environ)
    reading = _Reading(
        trace=_trace(options),
        options=options,
        settings=settings,
        progress=progress or ignore_work,
        cancel=cancel or CancelToken(),
        clock=clock or SystemClock(),
    )
    with _written(options) as out:
        result = reading.result()
        if out is not None:
            replace_text(out, result.to_json(indent=2) + "\n")
    return result


def _settings(options: WorkloadDnaOptions, environ: Mapping[str, str]) -> ReplaySettings:
    given = {f"replay.{name}": getattr(options, name) for name in SHARED_SETTINGS}
    return load_settings(overrides=given, environ=environ).replay


def _trace(options: WorkloadDnaOptions) -> str:
    return options.csv if options.csv is not None else str(sample_path(str(options.sample)))


@contextmanager
def _written(options: WorkloadDnaOptions) -> Iterator[Path | None]:
    """Check before the work that its result can be written, and give the place."""
    if options.json_out is None:
        yield None
        return
    out = Path(options.json_out)
    if options.csv is not None and out.resolve() == Path(options.csv).resolve():
        raise BadInputError(f"the trace and --json-out are the same file: {out}")
    require_place("--json-out", out)
    with prepared_folders([out.parent]):
        yield out


class _Reading:
    """A trace that is being read, again with other types if those inferred do not fit."""

    def __init__(
        self,
        *,
        trace: str,
        options: WorkloadDnaOptions,
        settings: ReplaySettings,
        progress: WorkCallback,
        cancel: CancelToken,
        clock: Clock,
    ) -> None:
        self._trace = trace
        self._options = options
        self._settings = settings
        self._progress = progress
        self._cancel = cancel
        self._clock = clock
        self._next_progress_ns = 0

    def result(self) -> WorkloadDnaResult:
        """Read the trace to its end and return what it is like."""
        start_ns = self._clock.monotonic_ns()
        types = self._asked
        while True:
            try:
                found = self._read(types)
                break
            except MisfitError as misfit:
                types = misfit.wider
        elapsed_s = (self._clock.monotonic_ns() - start_ns) / NS_PER_S
        return WorkloadDnaResult(
            csv=self._trace,
            elapsed_s=elapsed_s,
            rows_per_second=found["rows"] / elapsed_s if elapsed_s else 0.0,
            **found,
        )

    @property
    def _asked(self) -> TableTypes:
        return TableTypes(key=self._settings.key_type, value=self._settings.value_type)

    def _read(self, types: TableTypes) -> dict[str, Any]:
        with open_counted_trace(
            self._trace,
            settings=self._settings,
            types=types,
            asked=self._asked,
            limits=KeyLimits(
                max_keys=self._options.max_tracked_keys, max_key_bytes=self._options.max_key_bytes
            ),
            is_stopped=lambda: self._cancel.is_cancelled,
            clock=self._clock,
        ) as trace:
            counter = trace.count(lambda: self._report(trace, note="reading"))
            self._next_progress_ns = 0
            self._report(trace, note="computing")
            with self._cancel.interruptible():
                figures = figures_of(
                    TraceAnalysis(counter, trace.types.key),
                    count_of_hot_keys=self._options.hot_keys,
                    before_each=self._require_going_on,
                )
            return {
                "key_type": trace.types.key,
                "value_type": trace.types.value,
                "trace_sha256": trace.source.sha256(),
                **figures,
            }

    def _require_going_on(self) -> None:
        if self._cancel.is_cancelled:
            raise InterruptedRunError("interrupted before all figures were computed")

    def _report(self, trace: CountedTrace, *, note: str) -> None:
        now_ns = self._clock.monotonic_ns()
        if now_ns < self._next_progress_ns:
            return
        self._next_progress_ns = now_ns + _PROGRESS_INTERVAL_NS
        source = trace.source
        self._progress(
            WorkProgress(done=source.bytes_read, total=source.total_bytes, unit="bytes", note=note)
        )
