"""How long keys and values are, in bytes of the text that a trace in CSV has for them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from adhash.analysis.dna.scale import BUCKETS, buckets_of, lower_bounds, octaves
from adhash.workloads.columns import Column

# Lengths below are counted one by one, longer ones in buckets of a quarter of an octave.
EXACT_BELOW = 1024
_POWERS = np.array([10**exponent for exponent in range(1, 20)], dtype=np.uint64)


def lengths_of(column: Column) -> NDArray[np.int64]:
    """Return how many bytes each key or value has as text.

    Parameters
    ----------
    column : ndarray of int64 or uint64, or (offsets, data)
        Integers are written in decimal, with a sign if negative.

    Returns
    -------
    ndarray of int64, shape (n,)
        At least 1 for integers.
    """
    if isinstance(column, tuple):
        return np.diff(column[0])
    is_negative = column < 0
    # The negative of the least int64 is its own two's complement, which read as unsigned is right.
    size = np.where(is_negative, 0 - column.view(np.uint64), column.view(np.uint64))
    return np.asarray(1 + np.searchsorted(_POWERS, size, side="right") + is_negative)


class LengthCounter:
    """Counts lengths; exact in sum, least and greatest, and in distribution up to 1,023 bytes."""

    def __init__(self) -> None:
        self._counts = np.zeros(EXACT_BELOW + BUCKETS, dtype=np.int64)
        self._bounds = np.concatenate([np.arange(EXACT_BELOW), lower_bounds()[:-1]])
        self.count = 0
        self.total_bytes = 0
        self.least = 0
        self.greatest = 0

    def add(self, lengths: NDArray[np.int64], weights: NDArray[np.int64] | None = None) -> None:
        """Count lengths.

        Parameters
        ----------
        lengths : ndarray of int64, shape (n,)
            In bytes.
        weights : ndarray of int64, shape (n,), or None
            How often each occurs; once where None.
        """
        if not len(lengths):
            return
        times = np.ones(len(lengths), dtype=np.int64) if weights is None else weights
        bins = np.where(lengths < EXACT_BELOW, lengths, EXACT_BELOW + buckets_of(lengths))
        # Sums of weights below 2**53 are whole numbers in floating point as well.
        counted = np.bincount(bins, times, minlength=len(self._counts))
        self._counts += counted.astype(np.int64)
        self.least = min(int(lengths.min()), self.least if self.count else int(lengths.min()))
        self.greatest = max(int(lengths.max()), self.greatest)
        self.count += int(times.sum())
        self.total_bytes += int((lengths * times).sum())

    def quantile(self, share: float) -> int:
        """Return the length that this share of them does not exceed; 0 where there are none."""
        if not self.count:
            return 0
        at = int(np.argmax(np.cumsum(self._counts) >= share * self.count))
        return int(self._bounds[at])

    def buckets(self) -> list[tuple[int, int, int]]:
        """Return (from, below, count) by powers of two, without empty ones at the ends."""
        return octaves(self._bounds, self._counts)
