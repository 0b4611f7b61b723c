"""A map of its own for checking rows: whether keys are distinct, and found with their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from adhash import _native

if TYPE_CHECKING:
    from adhash.config_models import AdaptiveSettings
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

    def __len__(self) -> int:
        """Return how many entries there are."""
        return len(self._map)


def _bits(column: Column) -> list[bytes]:
    """Return the exact bytes of the rows: NaN and -0.0 are compared by these."""
    if not isinstance(column, tuple):
        return [np.ascontiguousarray(column).tobytes()]
    offsets, data = column
    return [np.diff(offsets).tobytes(), data[offsets[0] : offsets[-1]].tobytes()]
