"""Whether integer keys come in order, and how densely they fill their range."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class IntegerOrder:
    """Counts steps from each row's key to the next row's, and follows the range of keys."""

    def __init__(self) -> None:
        self.same = 0
        self.next_up = 0
        self.next_down = 0
        self.up = 0
        self.least: int | None = None
        self.greatest: int | None = None
        self._last: NDArray[Any] = np.empty(0, dtype=np.int64)

    def add(self, keys: NDArray[Any]) -> None:
        """Count the steps of a block, and the one that leads to it.

        Parameters
        ----------
        keys : ndarray of int64 or uint64
            One a row; not empty.
        """
        row = np.concatenate([self._last.astype(keys.dtype), keys])
        before, after = row[:-1], row[1:]
        is_up = after > before
        # From the greatest key of the type to the least the difference wraps to 1: that is no step.
        step = after.view(np.uint64) - before.view(np.uint64)
        self.up += int(is_up.sum())
        self.next_up += int((is_up & (step == 1)).sum())
        self.next_down += int((~is_up & (step == np.uint64(2**64 - 1))).sum())
        self.same += int((step == 0).sum())
        self._follow_range(int(keys.min()), int(keys.max()))
        self._last = keys[-1:].copy()

    def _follow_range(self, least: int, greatest: int) -> None:
        self.least = least if self.least is None else min(least, self.least)
        self.greatest = greatest if self.greatest is None else max(greatest, self.greatest)

    @property
    def span(self) -> int:
        """How many integers lie from the least key to the greatest; 0 before there was one."""
        if self.least is None or self.greatest is None:
            return 0
        return self.greatest - self.least + 1
