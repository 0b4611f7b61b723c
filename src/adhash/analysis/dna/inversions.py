"""Counting, for every number of a sequence, the greater ones before it.

Half of the reuse distance is this question. A tree answers it number by number; here whole arrays
answer it. Positions are cut into tiles of `_SIDE`, and ranks into buckets of as many:

    bucket of rank  ^
                    |  A A A . .      of the number at x, greater ones before it are
                    |  A A A C .        A  in an earlier tile and a higher bucket,
                    |  B B B x .        B  in its own bucket, at an earlier position,
                    |  . . . . .        C  in its own tile, earlier, in a higher bucket
                    +-------------> tile of position

A comes from a table of how many numbers each tile has in each bucket, summed up from one corner;
B and C from comparing every pair within a bucket and within a tile. With 256 of each, bucket and
place in a bucket are single bytes, of which a processor compares 32 at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_SIDE = 256


def count_greater_before(ranks: NDArray[Any]) -> NDArray[np.int64]:
    """Return how many numbers before each one are greater.

    Parameters
    ----------
    ranks : ndarray of int, shape (n,)
        A permutation of 0 .. n-1; n is at most 65,536.

    Returns
    -------
    ndarray of int64, shape (n,)
        Each in [0, n).
    """
    size = -(-len(ranks) // _SIDE) * _SIDE
    # What is added is greater than all, and stands behind all: it counts for none of them.
    padded = np.arange(size, dtype=np.uint16)
    padded[: len(ranks)] = ranks
    bucket = (padded >> 8).astype(np.uint8)
    counts = _in_earlier_tiles_and_higher_buckets(bucket)
    counts += _greater_above(bucket)
    by_bucket = np.argsort(bucket, kind="stable")
    counts[by_bucket] += _greater_above(padded[by_bucket].astype(np.uint8))
    return counts[: len(ranks)]


def _in_earlier_tiles_and_higher_buckets(bucket: NDArray[np.uint8]) -> NDArray[np.int64]:
    side = len(bucket) // _SIDE
    tile = np.repeat(np.arange(side), _SIDE)
    cells = tile * side + bucket
    table = np.bincount(cells, minlength=side * side).reshape(side, side)
    # up_to[t, b]: numbers in tiles before t and in buckets up to b.
    up_to = np.zeros((side + 1, side), dtype=np.int64)
    np.cumsum(np.cumsum(table, axis=0), axis=1, out=up_to[1:])
    return np.asarray(tile * _SIDE - up_to.ravel()[cells])


def _greater_above(numbers: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return for each number how many before it in its run of `_SIDE` are greater."""
    columns = np.ascontiguousarray(numbers.reshape(-1, _SIDE).T)
    counts = np.zeros(columns.shape, dtype=np.uint8)
    for distance in range(1, _SIDE):
        is_greater = columns[:-distance] > columns[distance:]
        # Seen as bytes: adding truth values would convert them first, at ten times the cost.
        counts[distance:] += is_greater.view(np.uint8)
    return counts.T.ravel()
