"""How many distinct keys each stretch of the trace touches, and how many it shares.

How they are counted although windows double with the length of the trace: ``trace_windows.hpp``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from adhash.replay.trace_counts import KeyWindowCounts

# There are more than half of so many windows in a long trace.
_MOST = 40
_OPS = 3


class WorkingSetCounts:
    """Operations and distinct keys by window.

    Parameters
    ----------
    counts : KeyWindowCounts
        What was counted.
    rows : int
        The rows of the trace.
    """

    def __init__(self, counts: KeyWindowCounts, *, rows: int) -> None:
        self.window_rows = counts["width"]
        #: The number of windows; the last may not be full.
        self.windows = -(-rows // self.window_rows)
        #: Operations of each window by type, of all keys; shape (windows, 3).
        self.ops = counts["ops"].reshape(_MOST, _OPS)[: self.windows]
        # Keys by line, window, and window of the access before (0: none).
        self._keys = counts["keys"].reshape(-1, _MOST, 1 + _MOST)
        #: Rows by line, window in which their key came up first, and window; with a line for what
        #: was counted exactly and one for each group of sampled keys.
        self.cohorts = counts["cohorts"].reshape(-1, _MOST, _MOST)[
            :, : self.windows, : self.windows
        ]

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

    def by_group(self) -> NDArray[np.int64]:
        """Return distinct keys by line and window, as `jackknife` takes them."""
        return np.asarray(self._keys.sum(axis=2)[:, : self.windows])

    def _of_windows(self, figures: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.asarray(figures[: self.windows])
