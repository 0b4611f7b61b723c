"""The most frequent of more keys than can be followed, with a bound on every count.

A summary of Misra and Gries holds a count for some keys that is never too high and at most `error`
too low; a key that it does not hold occurred at most `error` times. Block after block is merged in:
counts are added, and if there are then more than `capacity` keys, the count of the next one is
taken from all. Each such cut takes as much from `capacity` others, so that all cuts together are
at most the number of rows divided by `capacity + 1`. (Space-Saving holds the same information.)

References
----------
J. Misra, D. Gries, "Finding repeated elements", Science of Computer Programming 2 (1982).
P. K. Agarwal and others, "Mergeable summaries", PODS 2012.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


class HeavyHitters:
    """A summary of the most frequent keys.

    Parameters
    ----------
    keys : pyarrow array
        Each key once; of integers or large binary.
    rows : ndarray of int64, shape (n,)
        How often each occurred, exactly.
    capacity : int
        The most keys to hold.
    max_bytes : int
        The most bytes of keys to hold; fewer keys are held then.
    error : int
        How often a key that is not among `keys` can have occurred.
    """

    def __init__(
        self,
        keys: pa.Array[Any],
        rows: NDArray[np.int64],
        *,
        capacity: int,
        max_bytes: int,
        error: int = 0,
    ) -> None:
        self._capacity = capacity
        self._max_bytes = max_bytes
        self.keys = keys
        self.rows = rows
        self.error = error
        self._cut()

    def add(self, keys: pa.Array[Any], rows: NDArray[np.int64]) -> None:
        """Merge in the keys of a block.

        Parameters
        ----------
        keys : pyarrow array
            Each key once.
        rows : ndarray of int64, shape (n,)
            How often each occurs in the block.
        """
        both: Any = pa.concat_arrays([self.keys, keys]).dictionary_encode()
        places = both.indices.to_numpy(zero_copy_only=False)
        summed = np.bincount(places, np.concatenate([self.rows, rows]))
        self.keys = both.dictionary
        self.rows = summed.astype(np.int64)
        self._cut()

    def _cut(self) -> None:
        room = self._room()
        if len(self.rows) <= room:
            return
        cut = int(np.partition(self.rows, -room - 1)[-room - 1])
        stays = self.rows > cut
        self.keys = self.keys.filter(pa.array(stays))
        self.rows = self.rows[stays] - cut
        self.error += cut

    def _room(self) -> int:
        """Return how many keys may be held, if the most frequent are."""
        if not pa.types.is_large_binary(self.keys.type) or self.keys.nbytes <= self._max_bytes:
            return self._capacity
        by_rows = np.argsort(-self.rows, kind="stable")
        lengths: Any = pc.binary_length(cast("Any", self.keys))
        sizes = lengths.to_numpy(zero_copy_only=False)[by_rows]
        return min(self._capacity, int((np.cumsum(sizes) <= self._max_bytes).sum()))

    def top(self, count: int) -> tuple[list[Any], list[int]]:
        """Return the most frequent keys and what they surely occurred.

        Parameters
        ----------
        count : int
            The most keys to return.

        Returns
        -------
        tuple of lists
            Keys, the most frequent first, and their counts, each at most `error` too low.
        """
        best = np.argsort(-self.rows, kind="stable")[:count]
        return self.keys.take(best).to_pylist(), self.rows[best].tolist()

    def at_least(self, rows: int) -> tuple[pa.Array[Any], NDArray[np.int64]]:
        """Return the keys that surely occurred so often, and their counts, in no order."""
        stays = self.rows >= rows
        return self.keys.filter(pa.array(stays)), self.rows[stays]
