"""Numbers from 0 to 2**62 in buckets of a quarter of an octave: 0, 1, 2, 3, 4, 5, 6, 7, 8-9, ...

Up to 8 each bucket is one number; above, four buckets double the number, so that the bounds are
exact and the width is at most a quarter of the lower bound. Native code puts numbers into them
(``log_scale.hpp``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_STEP_BITS = 2

#: Buckets, the one of zero included.
BUCKETS = 2 + (62 << _STEP_BITS)


def lower_bounds() -> NDArray[np.int64]:
    """Return the least number of each bucket; buckets that no number falls in repeat the next.

    Returns
    -------
    ndarray of int64, shape (BUCKETS + 1,)
        The last one ends the last bucket.
    """
    steps = np.arange(BUCKETS, dtype=np.int64)
    exponents, quarters = steps >> _STEP_BITS, steps & 3
    # Rounded up: 1.25 and 1.5 are no whole numbers, and 2 is the next that is.
    above_zero = -((-(4 + quarters) << exponents) >> _STEP_BITS)
    return np.concatenate([[0], above_zero])


def quantile_buckets(counts: NDArray[Any], quantiles: Sequence[float]) -> list[int | None]:
    """Return the bucket that each quantile falls in.

    Parameters
    ----------
    counts : ndarray, shape (BUCKETS,)
        How many numbers fell into each bucket.
    quantiles : sequence of float
        In (0, 1].

    Returns
    -------
    list of int or None
        None where nothing was counted.
    """
    total = counts.sum()
    if total <= 0:
        return [None for _ in quantiles]
    reached = np.cumsum(counts)
    return [int(np.argmax(reached >= total * quantile)) for quantile in quantiles]


def octaves(bounds: NDArray[np.int64], counts: NDArray[Any]) -> list[tuple[int, int, int]]:
    """Return counts by powers of two: 0, 1, 2-3, 4-7, 8-15, ...

    Parameters
    ----------
    bounds : ndarray of int64, shape (n,)
        The least number of each bucket; none reaches across a power of two.
    counts : ndarray of int64, shape (n,)
        How many numbers fell into each.

    Returns
    -------
    list of (from, below, count)
        Without empty ones at the ends.
    """
    starts = np.array([0, *(1 << exponent for exponent in range(63))], dtype=np.int64)
    at = np.searchsorted(starts, bounds, side="right") - 1
    sums = np.zeros(len(starts), dtype=np.int64)
    np.add.at(sums, at, counts)
    held = np.flatnonzero(sums)
    if not len(held):
        return []
    rows = range(int(held[0]), int(held[-1]) + 1)
    return [(int(starts[i]), int(starts[i + 1]), int(sums[i])) for i in rows]
