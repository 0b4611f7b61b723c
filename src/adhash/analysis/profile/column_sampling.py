"""Drawing a sample from a Parquet or Arrow trace, which is read through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from adhash.analysis.profile.operations import Operations
from adhash.analysis.profile.sample import Drawing, Sample, piece_ranges, piece_weights
from adhash.clock import SystemClock
from adhash.replay.feeding import Feed
from adhash.replay.machinery import Driver
from adhash.replay.session import require_some_rows
from adhash.replay.table_types import TableTypes

if TYPE_CHECKING:
    from adhash.workloads.column_source import ColumnSource
    from adhash.workloads.imported_source import ImportedSource


def draw_from_columns(
    source: ColumnSource | ImportedSource, total_rows: int, drawing: Drawing
) -> Sample:
    """Return a sample of a trace in columns.

    Parameters
    ----------
    source : ColumnSource or ImportedSource
        The trace, not yet read.
    total_rows : int
        Its rows.
    drawing : Drawing
        How to draw.

    Returns
    -------
    Sample
        Of the whole trace where it is short enough.

    Raises
    ------
    TraceError
        If a row is wrong.
    PolicyError
        If the trace is larger than allowed.
    InterruptedRunError
        If it was stopped.
    """
    drawing.require_rows(total_rows, source.name)
    keeper = _Keeper(piece_ranges(total_rows, drawing))
    types = _work_off(source, keeper, drawing, total_rows)
    pieces = keeper.pieces()
    is_whole = sum(map(len, pieces)) == total_rows
    return Sample(
        pieces=pieces,
        weights=piece_weights(keeper.ranges, total_rows),
        types=types,
        total_rows=total_rows,
        total_bytes=source.total_bytes or 0,
        is_exact=True,
        sha256=source.sha256() if is_whole else None,
    )


def count_rows(source: ColumnSource | ImportedSource, drawing: Drawing) -> int:
    """Read a trace in columns to its end and return its rows; raises as `draw_from_columns`."""
    counter = _Keeper([])
    _work_off(source, counter, drawing, None)
    return counter.rows


class _Keeper:
    """Takes blocks of columns as a driver does, and keeps the rows of some ranges.

    Parameters
    ----------
    ranges : sequence of (int, int)
        The rows [start, stop) to keep; ascending.
    """

    def __init__(self, ranges: Sequence[tuple[int, int]]) -> None:
        self.ranges = ranges
        self.rows = 0
        self._parts: list[list[Operations]] = [[] for _ in ranges]

    def feed_columns(self, ops: Any, keys: Any, values: Any) -> None:
        """Take the next operations."""
        from adhash.workloads.columns import ColumnBlock

        block = Operations.of_block(ColumnBlock(ops=ops, keys=keys, values=values))
        for (start, stop), part in zip(self.ranges, self._parts, strict=True):
            low, high = max(start - self.rows, 0), min(stop - self.rows, len(block))
            if low < high:
                part.append(block.cut(low, high))
        self.rows += len(block)

    def pieces(self) -> list[Operations]:
        """Return what was kept, a piece a range."""
        return [Operations.joined(part) for part in self._parts]


def _work_off(
    source: ColumnSource | ImportedSource, keeper: _Keeper, drawing: Drawing, total: int | None
) -> TableTypes:
    """Give all blocks of a source to `keeper` and return the types they have."""
    feed = Feed(
        source,
        asked=drawing.asked,
        infer=drawing.machinery.infer_types,
        clock=SystemClock(),
        is_stopped=drawing.is_stopped,
    )
    for _ in feed.into_driver(cast("Driver", keeper)):
        drawing.require_going_on()
        drawing.tell("sampling the trace", keeper.rows, total, unit="rows")
    require_some_rows(keeper.rows, file=source.name)
    return feed.types
