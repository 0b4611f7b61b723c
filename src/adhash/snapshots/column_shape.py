"""What a column is like as a whole: lengths and numbers in histograms that never grow."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import Field

from adhash.results import ResultPart
from adhash.snapshots.columns import Column, column_length

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LENGTH_BITS: Final = 64


class HistogramBin(ResultPart):
    """How many things lie in a range."""

    at_most: int = Field(description="The end of the range, which belongs to it.")
    count: int = Field(description="How many.")


class ColumnShape(ResultPart):
    """What the keys or the values of a snapshot are like."""

    type: str = Field(description="The type.")
    bytes: int = Field(description="Bytes of all of them, without offsets.")
    shortest: int | None = Field(description="Bytes of the shortest; null for numbers, or no rows.")
    longest: int | None = Field(description="Bytes of the longest; null likewise.")
    mean_length: float | None = Field(description="Bytes on average; null likewise.")
    lengths: list[HistogramBin] = Field(
        description="Lengths in bytes, by powers of two; empty for numbers."
    )
    least: str | None = Field(description="The least number; null for text, or no rows.")
    greatest: str | None = Field(description="The greatest number; null likewise.")
    magnitudes: list[HistogramBin] = Field(
        description="Integers by the powers of two of their absolute values; empty otherwise."
    )
    density: float | None = Field(
        description="The part of the range from the least to the greatest integer that is there."
    )
    is_sorted: bool = Field(description="Whether no row is less than the one before it.")


@dataclass
class ShapeCounter:
    """Counts a column batch by batch; what it holds does not depend on how many rows there are."""

    type_name: str
    rows: int = 0
    data_bytes: int = 0
    is_sorted: bool = True
    shortest: int | None = None
    longest: int = 0
    least: Any = None
    greatest: Any = None
    _bins: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros(_LENGTH_BITS + 1, dtype=np.int64)
    )
    _last: Any = None

    def add(self, column: Column) -> None:
        """Count the rows of a batch."""
        rows = column_length(column)
        if rows == 0:
            return
        self.rows += rows
        if isinstance(column, tuple):
            self._add_text(*column)
        else:
            self._add_numbers(column)

    def result(self, *, distinct: bool) -> ColumnShape:
        """Return what the column is like; `distinct` says that no row is there twice."""
        is_text = self.type_name in ("str", "bytes")
        is_integer = self.type_name in ("int64", "uint64")
        has_rows = self.rows > 0
        span = int(self.greatest) - int(self.least) + 1 if is_integer and has_rows else 0
        return ColumnShape(
            type=self.type_name,
            bytes=self.data_bytes,
            shortest=self.shortest if is_text else None,
            longest=self.longest if is_text and has_rows else None,
            mean_length=self.data_bytes / self.rows if is_text and has_rows else None,
            lengths=self._histogram() if is_text else [],
            least=None if self.least is None else str(self.least),
            greatest=None if self.greatest is None else str(self.greatest),
            magnitudes=self._histogram() if is_integer else [],
            density=self.rows / span if span and distinct else None,
            is_sorted=self.is_sorted,
        )

    def _histogram(self) -> list[HistogramBin]:
        used = np.flatnonzero(self._bins)
        return [
            HistogramBin(at_most=(1 << int(bits)) - 1, count=int(self._bins[bits])) for bits in used
        ]

    def _add_text(self, offsets: NDArray[np.int64], data: NDArray[np.uint8]) -> None:
        lengths = np.diff(offsets)
        self.data_bytes += int(lengths.sum())
        shortest = int(lengths.min())
        self.shortest = shortest if self.shortest is None else min(self.shortest, shortest)
        self.longest = max(self.longest, int(lengths.max()))
        self._bins += np.bincount(_bits_of(lengths.astype(np.uint64)), minlength=_LENGTH_BITS + 1)
        if self.is_sorted:
            self._follow_text(offsets, data)

    def _follow_text(self, offsets: NDArray[np.int64], data: NDArray[np.uint8]) -> None:
        """Compare neighbours until the first that are out of order, which mostly comes at once."""
        ends = offsets.tolist()
        for start, end in pairwise(ends):
            row = data[start:end].tobytes()
            if self._last is not None and row < self._last:
                self.is_sorted = False
                self._last = None
                return
            self._last = row

    def _add_numbers(self, numbers: NDArray[Any]) -> None:
        self.data_bytes += numbers.nbytes
        if numbers.dtype.kind == "f":
            self._add_range(numbers[~np.isnan(numbers)])
        else:
            self._add_range(numbers)
            sizes = np.abs(numbers).view(np.uint64) if numbers.dtype.kind == "i" else numbers
            self._bins += np.bincount(_bits_of(sizes), minlength=_LENGTH_BITS + 1)
        follows = self._last is None or bool(numbers[0] >= self._last)
        self.is_sorted &= follows and bool((numbers[1:] >= numbers[:-1]).all())
        self._last = numbers[-1]

    def _add_range(self, numbers: NDArray[Any]) -> None:
        if len(numbers) == 0:
            return
        least, greatest = numbers.min().item(), numbers.max().item()
        self.least = least if self.least is None else min(self.least, least)
        self.greatest = greatest if self.greatest is None else max(self.greatest, greatest)


def _bits_of(numbers: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return how many binary digits each number has: 0 for 0, 64 for 2^63 and more."""
    bits = np.zeros(len(numbers), dtype=np.int64)
    rest = numbers.astype(np.uint64)
    for step in (32, 16, 8, 4, 2, 1):
        is_large = rest >= np.uint64(1 << step)
        bits += is_large * step
        rest = np.where(is_large, rest >> np.uint64(step), rest)
    return bits + (rest > 0)
