"""Views that read a map by position: half the work of looking up every key again."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, ValuesView
from typing import TYPE_CHECKING, Any

from adhash.maps.batch_map import K, V

if TYPE_CHECKING:
    from adhash import _native


class MapItems(ItemsView[K, V]):
    """The entries of a map, as a set that follows it."""

    _mapping: _native.Map[K, V]

    def __iter__(self) -> Iterator[tuple[K, V]]:
        return self._mapping.iter_items()


class MapValues(ValuesView[V]):
    """The values of a map, as a collection that follows it."""

    _mapping: _native.Map[Any, V]

    def __iter__(self) -> Iterator[V]:
        return self._mapping.iter_values()
