"""One mode's run: a trace, a table, and the loop that brings them together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adhash.cancellation import CancelToken
from adhash.clock import NS_PER_S, Clock
from adhash.errors import InterruptedRunError, PolicyError, StorageError, TraceError
from adhash.replay.feeding import Feed
from adhash.replay.machinery import Driver, Machinery, Table
from adhash.replay.noise import NoiseMeter
from adhash.replay.outputs import TickOutputs
from adhash.replay.plan import Mode, Plan
from adhash.replay.progress import Progress, ProgressCallback
from adhash.replay.recorder import Recorder
from adhash.replay.table_types import (
    Fault,
    MisfitError,
    TableTypes,
    as_trace_error,
    widen,
)
from adhash.units import format_ns

if TYPE_CHECKING:
    from adhash.workloads.known_digest import KnownDigest
    from adhash.workloads.sources import TraceSource

_NS_PER_MS = 1_000_000
# The longest that native code runs before Python looks at signals, the token and the clock.
_MAX_BUDGET_NS = 50 * _NS_PER_MS
_PROGRESS_INTERVAL_NS = 100 * _NS_PER_MS


@dataclass(frozen=True, kw_only=True)
class Run:
    """What all modes of a call have in common."""

    plan: Plan
    seed: int
    machinery: Machinery
    outputs: TickOutputs
    clock: Clock
    cancel: CancelToken
    progress: ProgressCallback
    ends_with_process: bool
    known_digest: KnownDigest | None
    # What failed after the last operation, to be raised once the measurements are written.
    late_errors: list[StorageError] = field(default_factory=list)

    def asked_types(self) -> TableTypes:
        """Return the types that the settings ask for."""
        replay = self.plan.settings.replay
        return TableTypes(key=replay.key_type, value=replay.value_type)

    def open_source(self) -> TraceSource:
        """Open the trace.

        Returns
        -------
        CsvSource, ColumnSource or ImportedSource
            Not yet read.

        Raises
        ------
        AdhashError
            If it cannot be opened or is no trace.
        InterruptedRunError
            If the run was cancelled while a pipe was silent.
        """
        from adhash.workloads.importing import Importing
        from adhash.workloads.sources import open_trace

        replay = self.plan.settings.replay
        return open_trace(
            self.plan.csv,
            block_bytes=replay.block_bytes,
            max_bytes=replay.csv_max_bytes,
            should_stop=self.is_cancelled,
            known_digest=self.known_digest,
            importing=Importing.of(replay),
        )

    def look_into(self, source: TraceSource, asked: TableTypes) -> Feed:
        """Return the trace with its types, once its beginning has been looked at.

        Parameters
        ----------
        source : CsvSource or ColumnSource
            The trace, not yet read.
        asked : TableTypes
            The types asked for.

        Returns
        -------
        Feed
            Ready to be given to a driver or a checker.

        Raises
        ------
        AdhashError
            If it is no trace, or not of the types asked for.
        """
        return Feed(
            source,
            asked=asked,
            infer=self.machinery.infer_types,
            clock=self.clock,
            is_stopped=self.is_cancelled,
        )

    def is_cancelled(self) -> bool:
        """Return whether the run shall stop."""
        return self.cancel.is_cancelled


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """What stands before the first operation: a table, and how long it took to have it."""

    table: Table
    load_s: float


class Session:
    """A run of one mode over one opened trace.

    Parameters
    ----------
    run : Run
        What is common to all modes.
    mode : Mode
        The mode, and its place among the modes of the call.
    feed : Feed
        The trace.
    prepared : Preparation
        The table.
    notes : sequence of pairs
        Kind and message of what happened before, for the first tick.
    """

    def __init__(
        self,
        run: Run,
        mode: Mode,
        *,
        feed: Feed,
        prepared: Preparation,
        notes: list[tuple[str, str]],
    ) -> None:
        self.run = run
        self.mode = mode
        self.feed = feed
        self.prepared = prepared
        settings = run.plan.settings
        self.driver: Driver = run.machinery.new_driver(
            prepared.table,
            sample_every=settings.replay.latency_sample_every,
            rate=settings.replay.rate,
            verify=settings.replay.verify,
            max_line_bytes=settings.replay.max_line_bytes,
            should_stop=run.is_cancelled,
            leaves_work=run.ends_with_process,
        )
        self.recorder = Recorder(
            mode=mode,
            table=prepared.table,
            driver=self.driver,
            settings=settings,
            outputs=run.outputs,
            clock=run.clock,
        )
        for kind, message in notes:
            self.recorder.note(kind, message)
        self.noise = NoiseMeter(run.clock)
        self.started_at = run.clock.now()
        self.native_start_ns = run.machinery.steady_now_ns()
        self.elapsed_s = 0.0
        self._is_executed = False
        self._interval_ns = settings.metrics.interval_ms * _NS_PER_MS
        self._compact_interval_ns = round(settings.replay.compact_interval_s * NS_PER_S)
        self._budget_ns = min(self._interval_ns, _MAX_BUDGET_NS)
        self._next_tick_ns = self._interval_ns
        self._next_compaction_ns = self._compact_interval_ns
        self._next_progress_ns = 0

    @property
    def table(self) -> Table:
        """The table."""
        return self.prepared.table

    def execute(self) -> bool:
        """Run the trace to its end, or until the run is cancelled.

        Returns
        -------
        bool
            Whether the trace was run to its end.

        Raises
        ------
        TraceError
            If a row is wrong.
        PolicyError
            If the trace is longer than allowed.
        StorageError
            If the trace cannot be read or a tick cannot be written.
        MisfitError
            If a row does not fit types that were inferred.
        """
        is_complete = self._work_off()
        if is_complete:
            require_some_rows(self.driver.counters()["rows"], file=self.feed.source.name)
        self.elapsed_s = self.recorder.elapsed_ns / NS_PER_S
        self.recorder.tick()
        self._report_progress()
        self._is_executed = True
        return is_complete

    def close(self) -> None:
        """Free the table, which takes seconds where it has a node for each entry.

        Where the process ends with the run, nobody waits for that: the table of the last mode, or
        of a cancelled one, is left to the system, which takes memory back at once.
        """
        is_last = self._is_executed and self.mode is self.run.plan.modes[-1]
        may_leave_it = self.run.ends_with_process
        is_freed = not (may_leave_it and is_last) and self.driver.release()
        if may_leave_it and not is_freed:
            self.driver.abandon()

    def _work_off(self) -> bool:
        try:
            for _ in self.feed.into_driver(self.driver):
                if not self._consume():
                    return False
        except InterruptedRunError:
            return False
        return True

    def _consume(self) -> bool:
        """Run what the driver was fed; return False once the run is cancelled."""
        while not self.run.cancel.is_cancelled:
            is_done = self._advance()
            self._look_around()
            if is_done:
                return True
        return False

    def _advance(self) -> bool:
        try:
            with self.noise.executing():
                return self.driver.advance(self._budget_ns)
        except self.run.machinery.fault_type as native:
            raise self._explain(Fault.of(native)) from None

    def _explain(self, fault: Fault) -> TraceError | MisfitError:
        """Return what a fault means: a wrong row, or types that were inferred too narrow."""
        return explain_fault(
            fault,
            source=self.feed.source,
            asked=self.run.asked_types(),
            used=self.feed.types,
            is_bound=self.run.plan.snapshot_in is not None,
        )

    def _look_around(self) -> None:
        self._require_rows()
        elapsed_ns = self.recorder.elapsed_ns
        if self._compact_interval_ns and elapsed_ns >= self._next_compaction_ns:
            self._compact()
        if elapsed_ns >= self._next_tick_ns:
            self.recorder.tick()
            # A tick that comes late does not bring the next ones in a bunch.
            missed = (elapsed_ns - self._next_tick_ns) // self._interval_ns
            self._next_tick_ns += (missed + 1) * self._interval_ns
        if elapsed_ns >= self._next_progress_ns:
            self._report_progress()

    def _require_rows(self) -> None:
        limit = self.run.plan.settings.replay.csv_max_rows
        if limit:
            require_rows(self.driver.counters()["rows"], limit=limit, file=self.feed.source.name)

    def _compact(self) -> None:
        began_ns = self.recorder.elapsed_ns
        if not self.driver.compact():
            return
        now_ns = self.recorder.elapsed_ns
        self.recorder.note(
            "compacted", f"the table was compacted in {format_ns(now_ns - began_ns)}"
        )
        self._next_compaction_ns = now_ns + self._compact_interval_ns

    def _report_progress(self) -> None:
        elapsed_ns = self.recorder.elapsed_ns
        self._next_progress_ns = elapsed_ns + _PROGRESS_INTERVAL_NS
        source = self.feed.source
        self.run.progress(
            Progress(
                mode=self.mode.name,
                position=self.run.plan.modes.index(self.mode),
                modes=len(self.run.plan.modes),
                rows=self.driver.counters()["rows"],
                bytes_read=source.bytes_read,
                total_bytes=source.total_bytes,
                elapsed_s=elapsed_ns / NS_PER_S,
            )
        )


def explain_fault(
    fault: Fault, *, source: TraceSource, asked: TableTypes, used: TableTypes, is_bound: bool
) -> TraceError | MisfitError:
    """Return what a fault means: a wrong row, or inferred types that were too narrow.

    Parameters
    ----------
    fault : Fault
        What the parser found.
    source : CsvSource or ColumnSource
        The trace.
    asked : TableTypes
        The types that the caller asked for.
    used : TableTypes
        The types that the row did not fit.
    is_bound : bool
        Whether the types are those of a snapshot, which cannot be widened.

    Returns
    -------
    TraceError or MisfitError
        To be raised.
    """
    wider = widen(fault, asked=asked, used=used)
    if wider is None:
        return as_trace_error(fault, source.name)
    option = f"--key-type {wider.key}" if wider.key != used.key else f"--value-type {wider.value}"
    if is_bound:
        return as_trace_error(fault, source.name, hint=f"the snapshot holds {used} only")
    if source.reopenable:
        return MisfitError(fault, wider)
    return as_trace_error(
        fault, source.name, hint=f"use {option}: a pipe cannot be read a second time"
    )


def require_some_rows(rows: int, *, file: str) -> None:
    """Refuse a trace without operations: it tells nothing of any engine, and is a mistake.

    Parameters
    ----------
    rows : int
        Rows of the whole trace.
    file : str
        The trace as the user named it.

    Raises
    ------
    TraceError
        If there are none.
    """
    if not rows:
        raise TraceError(
            f"the trace {file} has no rows", hint="a trace has one row an operation", file=file
        )


def require_rows(rows: int, *, limit: int, file: str) -> None:
    """Refuse a trace that has more rows than allowed.

    Parameters
    ----------
    rows : int
        Rows so far.
    limit : int
        Rows allowed; 0 for any number.
    file : str
        The trace as the user named it.

    Raises
    ------
    PolicyError
        If there are more.
    """
    if limit and rows > limit:
        raise PolicyError(
            f"the trace {file} has more than csv_max_rows = {limit} rows",
            hint="raise --csv-max-rows, or cut the trace",
        )
