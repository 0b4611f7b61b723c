"""Keys by number, with what is remembered of each, in bounded memory.

A map of adhash itself gives every distinct key a number; arrays hold the rest. When there are more
keys than allowed, half of them are forgotten: those whose hash has a further bit set. A key that
is still there has been followed since its first row, so that its history is complete, and the keys
that are there are a sample drawn by nothing but their hash.

References
----------
C. A. Waldspurger, N. Park, A. Garthwaite, I. Ahmad, "Efficient MRC Construction with SHARDS",
FAST 2015.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from adhash.analysis.dna.key_hash import hash_keys
from adhash.analysis.dna.tally import GROUPS
from adhash.maps import Map
from adhash.maps.saving import row_batches
from adhash.snapshots.columns import column_from_arrow, column_to_arrow
from adhash.workloads.columns import Column

#: What is known of a key: never put, in the map, or deleted from it.
ABSENT, LIVE, DELETED = 0, 1, 2

_FIRST_ROOM = 1 << 12


class KeyTable:
    """The keys that are followed.

    Parameters
    ----------
    key_type : str
        ``"int64"``, ``"uint64"``, ``"str"`` or ``"bytes"``.
    max_keys : int
        The most keys to follow.
    max_bytes : int
        The most bytes of keys to hold; of strings and bytes only.
    """

    def __init__(self, key_type: str, *, max_keys: int, max_bytes: int) -> None:
        # Bytes do for strings: equal strings are equal bytes, and nobody asks for their order.
        self._map_type = "bytes" if key_type == "str" else key_type
        self._max_keys = max_keys
        self._max_bytes = max_bytes
        self._numbers = self._new_map()
        self.size = 0
        self.halvings = 0
        self._held_bytes = 0
        self._hashes: NDArray[np.uint64] = np.zeros(_FIRST_ROOM, dtype=np.uint64)
        self._sizes: NDArray[np.int64] = np.zeros(_FIRST_ROOM, dtype=np.int64)
        self._rows: NDArray[np.int64] = np.zeros(_FIRST_ROOM, dtype=np.int64)
        self._last_rows: NDArray[np.int64] = np.full(_FIRST_ROOM, -1, dtype=np.int64)
        self._states: NDArray[np.uint8] = np.zeros(_FIRST_ROOM, dtype=np.uint8)

    @property
    def weight(self) -> int:
        """How many keys each key that is followed stands for."""
        return 1 << self.halvings

    @property
    def rows(self) -> NDArray[np.int64]:
        """How many rows each key has had; shape (size,), to be written to."""
        return self._rows[: self.size]

    @property
    def last_rows(self) -> NDArray[np.int64]:
        """The last row of each key, -1 for none; shape (size,), to be written to."""
        return self._last_rows[: self.size]

    @property
    def states(self) -> NDArray[np.uint8]:
        """Whether each key is absent, live or deleted; shape (size,), to be written to."""
        return self._states[: self.size]

    @property
    def groups(self) -> NDArray[np.int64]:
        """The group of each key, by bits of its hash that did not select it; shape (size,)."""
        low = self._hashes[: self.size] & np.uint64(GROUPS - 1)
        return low.astype(np.int64)

    def numbers_of(self, keys: pa.Array[Any]) -> NDArray[np.int64]:
        """Return the number of each key; new keys get one.

        Parameters
        ----------
        keys : pyarrow array
            Each key once; of integers or large binary.

        Returns
        -------
        ndarray of int64, shape (n,)
            -1 for a key that is not followed.
        """
        numbers = np.full(len(keys), -1, dtype=np.int64)
        followed = self._select(keys)
        if followed is not None:
            keys = keys.filter(pa.array(followed))
        numbers[slice(None) if followed is None else followed] = self._numbers_of_followed(keys)
        return numbers

    def _select(self, keys: pa.Array[Any]) -> NDArray[np.bool_] | None:
        if not self.halvings:
            return None
        return self._is_selected(hash_keys(column_from_arrow(keys)))

    def _is_selected(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        return np.asarray(hashes >> np.uint64(64 - self.halvings) == 0)

    def numbers_held(self, keys: pa.Array[Any]) -> NDArray[np.int64]:
        """Return the numbers of those keys that are followed; none gets one."""
        if not len(keys):
            return np.empty(0, dtype=np.int64)
        values, found = self._numbers.get_many(keys, default=-1)
        return np.asarray(values.to_numpy(zero_copy_only=False)[found])

    def _numbers_of_followed(self, keys: pa.Array[Any]) -> NDArray[np.int64]:
        found = self._numbers.get_many(keys, default=-1).values
        numbers: NDArray[np.int64] = found.to_numpy(zero_copy_only=False).copy()
        is_new = numbers < 0
        if is_new.any():
            new = keys.filter(pa.array(is_new))
            numbers[is_new] = self.size + np.arange(len(new))
            self._numbers.put_many(new, pa.array(numbers[is_new]))
            self._append(column_from_arrow(new))
        return numbers

    def _append(self, keys: Column) -> None:
        count = len(keys[0]) - 1 if isinstance(keys, tuple) else len(keys)
        new = slice(self.size, self.size + count)
        self._make_room(new.stop)
        if self.halvings:  # before that, nobody asks for them
            self._hashes[new] = hash_keys(keys)
        if isinstance(keys, tuple):
            self._sizes[new] = np.diff(keys[0])
            self._held_bytes += len(keys[1])
        self.size = new.stop

    def _make_room(self, size: int) -> None:
        room = len(self._hashes)
        if size <= room:
            return
        more = max(size, 2 * room) - room
        self._hashes = np.concatenate([self._hashes, np.zeros(more, dtype=np.uint64)])
        self._sizes = np.concatenate([self._sizes, np.zeros(more, dtype=np.int64)])
        self._rows = np.concatenate([self._rows, np.zeros(more, dtype=np.int64)])
        self._last_rows = np.concatenate([self._last_rows, np.full(more, -1, dtype=np.int64)])
        self._states = np.concatenate([self._states, np.zeros(more, dtype=np.uint8)])

    def is_too_large(self) -> bool:
        """Return whether there are more keys, or bytes of them, than allowed."""
        is_over = self.size > self._max_keys or self._held_bytes > self._max_bytes
        return is_over and self.size > 1

    def halve(self) -> None:
        """Forget half of the keys, chosen by their hash."""
        if not self.halvings:
            self._hash_all()
        self.halvings += 1
        kept = self._is_selected(self._hashes[: self.size])
        renumbered = np.where(kept, np.cumsum(kept) - 1, -1)
        self._hashes = self._hashes[: self.size][kept]
        self._sizes = self._sizes[: self.size][kept]
        self._rows = self._rows[: self.size][kept]
        self._last_rows = self._last_rows[: self.size][kept]
        self._states = self._states[: self.size][kept]
        self.size = len(self._hashes)
        self._held_bytes = int(self._sizes.sum())
        self._numbers = self._renumbered(renumbered)

    def _hash_all(self) -> None:
        for keys, numbers in self.entries():
            self._hashes[numbers] = hash_keys(column_from_arrow(keys))

    def _renumbered(self, numbers: NDArray[np.int64]) -> Map[Any, Any]:
        smaller = self._new_map()
        for keys, old in self.entries():
            new = numbers[old]
            kept = pa.array(new >= 0)
            smaller.put_many(keys.filter(kept), pa.array(new[new >= 0]))
        return smaller

    def entries(self) -> Iterator[tuple[pa.Array[Any], NDArray[np.int64]]]:
        """Yield all keys with their numbers, some thousands at a time, in no order."""
        for keys, numbers in row_batches(self._numbers):
            yield column_to_arrow(keys, self._map_type), cast("NDArray[np.int64]", numbers)

    def keys_of(self, numbers: NDArray[np.int64]) -> list[Any]:
        """Return some keys by their numbers: integers, or bytes.

        Parameters
        ----------
        numbers : ndarray of int64
            Of keys that are followed.

        Returns
        -------
        list
            In the same order.
        """
        found: dict[int, Any] = {}
        for keys, held in self.entries():
            rows = np.flatnonzero(np.isin(held, numbers))
            found.update(zip(held[rows].tolist(), keys.take(rows).to_pylist(), strict=True))
        return [found[number] for number in numbers.tolist()]

    def _new_map(self) -> Map[Any, Any]:
        # Of a random seed: a trace of keys made to collide must not make this slow.
        return Map(key=self._map_type, value="int64")
