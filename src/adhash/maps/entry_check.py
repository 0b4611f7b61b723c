"""A map of its own for checking rows: whether keys are distinct, and found with their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from adhash import _native

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from adhash.config_models import AdaptiveSettings
    from adhash.maps.invariants import Invariant
    from adhash.maps.stats import MapStats
    from adhash.snapshots import Column


class EntryCheck:
    """Holds the rows it was given, and says whether it finds them again.

    Parameters
    ----------
    engine : str
        One of `adhash.maps.engines`.
    key : str
        The type of the keys.
    value : str
        The type of the values.
    seed : int
        The seed of the hash.
    capacity : int
        How many rows there will be.
    settings : AdaptiveSettings or None
        Those of ``adaptive``.
    """

    def __init__(
        self,
        *,
        engine: str,
        key: str,
        value: str,
        seed: int,
        capacity: int,
        settings: AdaptiveSettings | None,
    ) -> None:
        from adhash.maps.map import Map

        self._map: Any = Map(
            engine=engine, key=key, value=value, seed=seed, capacity=capacity, settings=settings
        )

    def add(self, keys: Column, values: Column) -> int:
        """Take rows, and return how many of their keys are new."""
        return _native.Map.put_many(self._map, keys, values)

    def holds(self, keys: Column, values: Column) -> bool:
        """Return whether every key is found with exactly its value, bit by bit."""
        answers, found = _native.Map.get_many(self._map, keys)
        return bool(found.all()) and _bits(answers) == _bits(values)

    def add_new(self, keys: Column, values: Column) -> NDArray[np.bool_]:
        """Take rows, and say which of their keys are new; of rows with one key only the first is.

        Parameters
        ----------
        keys : ndarray or (offsets, data)
            Keys of the map's type.
        values : ndarray or (offsets, data)
            As many values of its type.

        Returns
        -------
        ndarray of bool
            One for each row.
        """
        is_new = ~_native.Map.contains_many(self._map, keys)
        if self.add(keys, values) < int(is_new.sum()):
            is_new &= first_of_each(keys)
        return is_new

    def contains(self, keys: Column) -> NDArray[np.bool_]:
        """Return which of some keys are there."""
        return _native.Map.contains_many(self._map, keys)

    def compare(self, keys: Column, values: Column) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which keys are there, and which of those have exactly these values.

        Parameters
        ----------
        keys : ndarray or (offsets, data)
            Keys of the map's type.
        values : ndarray or (offsets, data)
            As many values of its type.

        Returns
        -------
        tuple of ndarray of bool
            One for each row; the second is False where the first is.
        """
        answers, found = _native.Map.get_many(self._map, keys)
        return found, found & equal_rows(answers, values)

    def values_of(self, keys: Column) -> Column:
        """Return the values of some keys, all of which are there."""
        return _native.Map.get_many(self._map, keys)[0]

    def forget(self, keys: Column) -> None:
        """Remove some keys."""
        _native.Map.delete_many(self._map, keys)

    def invariants(self, should_stop: Callable[[], bool] | None = None) -> tuple[Invariant, ...]:
        """Hold the map to every invariant of its engine.

        Parameters
        ----------
        should_stop : callable or None
            Asked now and then; True ends the check.

        Returns
        -------
        tuple of Invariant
            All that were checked.

        Raises
        ------
        InterruptedRunError
            If `should_stop` ended it.
        """
        found: tuple[Invariant, ...] = self._map.check_invariants(should_stop)
        return found

    def stats(self) -> MapStats:
        """Return the state of the map, with the probe length of every entry."""
        found: MapStats = self._map.stats()
        return found

    def __len__(self) -> int:
        """Return how many entries there are."""
        return len(self._map)


def equal_rows(a: Column, b: Column) -> NDArray[np.bool_]:
    """Return which rows of two columns of one type are the same, bit by bit."""
    if not isinstance(a, tuple) or not isinstance(b, tuple):
        bits_of_a, bits_of_b = (np.ascontiguousarray(each).view(np.uint64) for each in (a, b))
        same: NDArray[np.bool_] = bits_of_a == bits_of_b
        return same
    import pyarrow.compute as pc

    equal = pc.equal(_binary_array(*a), _binary_array(*b))
    return np.asarray(equal.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _binary_array(offsets: NDArray[np.int64], data: NDArray[np.uint8]) -> Any:
    import pyarrow as pa

    buffers = [None, pa.py_buffer(offsets.data), pa.py_buffer(data.data)]
    return pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)


def first_of_each(column: Column) -> NDArray[np.bool_]:
    """Return which rows hold what no row before them holds."""
    items: Any = column
    if isinstance(column, tuple):
        items = _binary_array(*column).dictionary_encode().indices.to_numpy()
    is_first = np.zeros(len(items), dtype=np.bool_)
    is_first[np.unique(items, return_index=True)[1]] = True
    return is_first


def _bits(column: Column) -> list[bytes]:
    """Return the exact bytes of the rows: NaN and -0.0 are compared by these."""
    if not isinstance(column, tuple):
        return [np.ascontiguousarray(column).tobytes()]
    offsets, data = column
    return [np.diff(offsets).tobytes(), data[offsets[0] : offsets[-1]].tobytes()]
