"""Values for operations of which only the size of the value is known.

A value is sixteen hexadecimal digits, repeated to the length that was recorded: those of the row's
number in the trace after the finaliser of SplitMix64, so that no two rows near each other put the
same. The same trace gives the same values.

References
----------
G. L. Steele Jr., D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA
2014.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_DIGITS = 16
_HEX = np.array([list(f"{byte:02x}".encode()) for byte in range(256)], dtype=np.uint8)


def filler(
    rows: NDArray[np.int64], sizes: NDArray[np.int64], *, cap: int
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return a value a row.

    Parameters
    ----------
    rows : ndarray of int64, shape (n,)
        The number of each row, from 1.
    sizes : ndarray of int64, shape (n,)
        The size of each value in bytes; one byte at least is given.
    cap : int
        The longest value, in bytes.

    Returns
    -------
    tuple of (ndarray of int64, shape (n,); ndarray of uint8)
        The length of each value, and their bytes one behind another.
    """
    lengths = np.clip(sizes, 1, cap)
    digits = _HEX[_mixed(rows).astype(">u8").view(np.uint8)].reshape(len(rows), _DIGITS)
    longest = int(lengths.max(initial=1))
    wide = np.tile(digits, (1, -(-longest // _DIGITS)))[:, :longest]
    if (lengths == longest).all():
        return lengths, wide.ravel()
    return lengths, wide[np.arange(longest) < lengths[:, None]]


def _mixed(rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    x = rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
