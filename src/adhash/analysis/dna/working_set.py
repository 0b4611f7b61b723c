"""How many distinct keys each stretch of the trace touches, and how many it shares.

The length of a trace is not known before its end. So windows double: when there would be more than
twice as many as wanted, each two neighbours become one. Distinct keys of two windows cannot be
added up, because keys in both would count twice. Hence for each window it is counted in which
earlier window its keys were touched last:

    last in     before  w0  w1  w2        w2 saw 5 distinct keys: 1 never seen before, 1 last seen
    window w2     1      1   3   -        in w0, 3 in w1. Joined, w1 and w2 saw w1's keys and two
                                          more: those 3 are in both.

Each key is counted in a window once, at its first access there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from adhash.analysis.dna.accesses import Accesses
from adhash.analysis.dna.tally import GROUPS

#: There are at least so many windows in a long trace, and at most twice as many.
WINDOWS = 20
_MOST = 2 * WINDOWS
_OPS = 3


class WorkingSet:
    """Counts operations and distinct keys by window."""

    def __init__(self) -> None:
        self.window_rows = 1
        self.rows = 0
        #: Operations of each window by type, of all keys; shape (windows, 3).
        self.ops: NDArray[np.int64] = np.zeros((_MOST, _OPS), dtype=np.int64)
        # Keys by group (0: counted exactly), window, and window of the access before (0: none).
        self._keys: NDArray[np.int64] = np.zeros((1 + GROUPS, _MOST, 1 + _MOST), dtype=np.int64)
        self._weight = 1

    @property
    def windows(self) -> int:
        """The number of windows so far; the last may not be full."""
        return -(-self.rows // self.window_rows)

    def count_rows(self, ops: NDArray[np.uint8]) -> None:
        """Count the operations of a block; to be called before `add` for the same block."""
        while self.rows + len(ops) > _MOST * self.window_rows:
            self._double()
        window = (self.rows + np.arange(len(ops))) // self.window_rows
        cells = np.bincount(window * _OPS + ops, minlength=self.ops.size)
        self.ops += cells.reshape(self.ops.shape)
        self.rows += len(ops)

    def add(self, accesses: Accesses) -> None:
        """Count the keys of a block."""
        window = accesses.rows // self.window_rows
        before = np.where(accesses.previous < 0, -1, accesses.previous // self.window_rows)
        is_first_here = before < window
        weighing = accesses.weighing.at(is_first_here)
        cells = window[is_first_here] * (1 + _MOST) + before[is_first_here] + 1
        if weighing.groups is not None:
            cells = cells + (1 + weighing.groups) * _MOST * (1 + _MOST)
        counted = np.bincount(cells, minlength=self._keys.size).reshape(self._keys.shape)
        self._keys += weighing.weight * counted
        self._weight = weighing.weight

    def _double(self) -> None:
        self.window_rows *= 2
        self.ops = _joined(self.ops, axis=0)
        later, earlier = np.arange(1, _MOST, 2), np.arange(0, _MOST, 2)
        keys = self._keys.copy()
        # These keys are in both halves, and were counted in the first one already.
        keys[:, later, earlier + 1] = 0
        keys = _joined(keys, axis=1)
        self._keys = np.concatenate([keys[:, :, :1], _joined(keys[:, :, 1:], axis=2)], axis=2)

    def distinct(self) -> NDArray[np.int64]:
        """Return the distinct keys of each window; shape (windows,)."""
        return self._of_windows(self._keys.sum(axis=(0, 2)))

    def new(self) -> NDArray[np.int64]:
        """Return how many of them no earlier window touched; shape (windows,)."""
        return self._of_windows(self._keys[:, :, 0].sum(axis=0))

    def shared(self) -> NDArray[np.int64]:
        """Return how many of them the window before touched as well; shape (windows,)."""
        keys = self._keys.sum(axis=0)
        at = np.arange(1, _MOST)
        return self._of_windows(np.concatenate([[0], keys[at, at]]))

    def sampled(self) -> tuple[NDArray[np.int64], int]:
        """Return distinct keys by group and window, as `jackknife` takes them, and their weight."""
        by_group = self._keys.sum(axis=2)[:, : self.windows]
        return (by_group if self._weight > 1 else by_group[:1]), self._weight

    def _of_windows(self, figures: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.asarray(figures[: self.windows])


def _joined(counts: NDArray[np.int64], *, axis: int) -> NDArray[np.int64]:
    """Return counts with each two neighbours along an axis added, and zeros behind them."""
    pairs = np.add.reduceat(counts, np.arange(0, counts.shape[axis], 2), axis=axis)
    return np.concatenate([pairs, np.zeros_like(pairs)], axis=axis)
