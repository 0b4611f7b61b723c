"""A hash of keys of any type that says nothing of where a map puts them.

Sampling keys by their hash needs one that is uniform whatever the keys look like, and the same for
equal keys wherever they stand. Integers go through the finaliser of SplitMix64. Of byte strings,
each byte is multiplied by a number that belongs to its place, and the sum (with the length) goes
through the same finaliser: multilinear hashing, whose pairs of keys collide with probability about
2**-64 for random multipliers.

References
----------
D. Lemire, O. Kaser, "Strongly universal string hashing is fast", Computer Journal 57 (2014).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from adhash.workloads.columns import Column

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
# Bytes hashed at a time: each takes 24 bytes of memory meanwhile.
_PIECE_BYTES = 1 << 20


def mix(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return numbers made to look random, each by itself (the finaliser of SplitMix64).

    Parameters
    ----------
    numbers : ndarray of uint64
        Any.

    Returns
    -------
    ndarray of uint64
        A permutation of all 64-bit numbers applied to them.
    """
    mixed = numbers + _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def hash_keys(keys: Column) -> NDArray[np.uint64]:
    """Return the hash of each key.

    Parameters
    ----------
    keys : ndarray of int64 or uint64, or (offsets, data)
        Of shape (n,).

    Returns
    -------
    ndarray of uint64, shape (n,)
        Equal for equal keys of one type.
    """
    if not isinstance(keys, tuple):
        return mix(keys.view(np.uint64))
    offsets, data = keys
    sums = np.zeros(len(offsets) - 1, dtype=np.uint64)
    first = 0
    while first < len(sums):
        end = int(np.searchsorted(offsets, offsets[first] + _PIECE_BYTES, side="right")) - 1
        end = max(first + 1, end)
        sums[first:end] = _sums(offsets[first : end + 1], data)
        first = end
    return mix(sums ^ mix(np.diff(offsets).astype(np.uint64)))


def _sums(offsets: NDArray[np.int64], data: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the sum over the bytes of each key, of which none is empty."""
    start, lengths = offsets[0], np.diff(offsets)
    places = np.arange(offsets[-1] - start) - np.repeat(offsets[:-1] - start, lengths)
    products = _multipliers(places) * (data[start : offsets[-1]].astype(np.uint64) + np.uint64(1))
    return np.asarray(np.add.reduceat(products, offsets[:-1] - start))


def _multipliers(places: NDArray[Any]) -> NDArray[np.uint64]:
    """Return the multiplier of each place in a key, counted from 0."""
    longest = int(places.max()) + 1
    table = mix(np.arange(longest, dtype=np.uint64) * _GOLDEN) | np.uint64(1)
    return np.asarray(table[places])
