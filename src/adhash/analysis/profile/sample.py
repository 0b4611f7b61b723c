"""A sample of a trace, and what a drawing of one was asked for."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adhash.analysis.profile.operations import Operations
from adhash.errors import InterruptedRunError
from adhash.progress import WorkCallback, WorkProgress
from adhash.replay.machinery import Machinery
from adhash.replay.session import require_rows
from adhash.replay.table_types import TableTypes

if TYPE_CHECKING:
    from adhash.config_models import ReplaySettings

# A trace that is a little longer than the sample is taken whole: an estimate is worse than that.
NEARLY = 1.05


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Pieces of a trace, in order.

    Parameters
    ----------
    pieces : sequence of Operations
        Each with at least one row.
    weights : sequence of float
        How many rows of the trace a row of each piece stands for, at least 1.
    types : TableTypes
        The types of keys and values.
    total_rows : int
        Rows of the trace.
    total_bytes : int
        Bytes of its file; of the unpacked one, where it had to be unpacked.
    is_exact : bool
        Whether `total_rows` was counted and not estimated.
    sha256 : str or None
        The digest of the file, where all of it was read.
    is_seekable : bool
        Whether another sample could be drawn without reading the trace through.
    """

    pieces: Sequence[Operations]
    weights: Sequence[float]
    types: TableTypes
    total_rows: int
    total_bytes: int
    is_exact: bool
    sha256: str | None = None
    is_seekable: bool = False

    @property
    def rows(self) -> int:
        """The rows of all pieces."""
        return sum(len(piece) for piece in self.pieces)

    @property
    def is_whole(self) -> bool:
        """Whether the sample is the trace."""
        return self.is_exact and self.rows == self.total_rows


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How to draw a sample.

    Parameters
    ----------
    settings : ReplaySettings
        Types, and limits on rows, bytes and the length of lines.
    most_rows : int
        Of the sample.
    most_pieces : int
        How many places to draw them from.
    machinery : Machinery
        Checks and infers.
    is_stopped : callable
        Whether to stop.
    progress : callable
        Told of the reading.
    """

    settings: ReplaySettings
    most_rows: int
    most_pieces: int
    machinery: Machinery
    is_stopped: Callable[[], bool]
    progress: WorkCallback

    @property
    def asked(self) -> TableTypes:
        """The types that the settings ask for."""
        return TableTypes(key=self.settings.key_type, value=self.settings.value_type)

    def require_rows(self, rows: int, name: str) -> None:
        """Refuse a trace with more rows than allowed.

        Parameters
        ----------
        rows : int
            Of the trace, counted or estimated.
        name : str
            The trace as the user named it.

        Raises
        ------
        PolicyError
            If it has.
        """
        require_rows(rows, limit=self.settings.csv_max_rows, file=name)

    def require_going_on(self) -> None:
        """Go on, or end the work.

        Raises
        ------
        InterruptedRunError
            If it was stopped.
        """
        if self.is_stopped():
            raise InterruptedRunError("interrupted before the trace was sampled")

    def tell(self, note: str, done: int, total: int | None, *, unit: str) -> None:
        """Tell how far the reading has come."""
        self.progress(WorkProgress(done=done, total=total, unit=unit, note=note))


def piece_ranges(total: int, drawing: Drawing) -> list[tuple[int, int]]:
    """Return the rows [start, stop) of each piece of a trace with `total` rows."""
    if total <= drawing.most_rows * NEARLY:
        return [(0, total)]
    pieces = min(drawing.most_pieces, drawing.most_rows)
    size = drawing.most_rows // pieces
    if pieces == 1:
        return [(0, size)]
    starts = [round(number * (total - size) / (pieces - 1)) for number in range(pieces)]
    return [(start, start + size) for start in starts]


def piece_weights(spans: Sequence[tuple[float, float]], total: float) -> list[float]:
    """Return how much of a trace each piece stands for: what is nearer to it than to others.

    Parameters
    ----------
    spans : sequence of (float, float)
        Where each piece begins and ends, in rows or in bytes; ascending.
    total : float
        Where the trace ends, in the same unit.

    Returns
    -------
    list of float
        As multiples of the piece, at least 1 each.
    """
    middles = [(start + stop) / 2 for start, stop in spans]
    borders = [0.0, *((a + b) / 2 for a, b in itertools.pairwise(middles)), float(total)]
    return [
        max(1.0, (high - low) / (stop - start))
        for (low, high), (start, stop) in zip(itertools.pairwise(borders), spans, strict=True)
    ]
