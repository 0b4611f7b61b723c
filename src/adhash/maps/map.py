"""The map of adhash: a dict with typed keys and values, on a native engine."""

from __future__ import annotations

import reprlib
from collections import deque
from collections.abc import ItemsView, Iterable, Mapping, MutableMapping, ValuesView
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from adhash import _native
from adhash.errors import SnapshotError
from adhash.maps.batch_map import BatchMap, K, V
from adhash.maps.columns import equal_columns
from adhash.maps.engines import require_engine
from adhash.maps.saving import require_distinct, row_batches, save_map
from adhash.maps.views import MapItems, MapValues

if TYPE_CHECKING:
    from os import PathLike
    from typing import Unpack

    from adhash.config_models import AdaptiveSettings
    from adhash.maps.options import Entries, Integers, MapOptions
    from adhash.snapshots import Column, Compression

_SHOWN_ENTRIES = 8
_POP_BATCH = 256
_NOTHING: Any = object()
T = TypeVar("T")


class Map(BatchMap[K, V]):
    """A mutable mapping from keys of one type to values of one type.

    It behaves as a dict, with these differences: keys and values are checked against their types;
    values are stored, not references to them; the order of iteration is arbitrary and changes as
    the map grows; a NaN equals nothing, not even its copy in another map.

    Every single operation and every batch is atomic, so that threads may share a map. `pop`,
    `popitem`, `setdefault` and `update` consist of several operations, and two threads that use
    them on the same key need a lock. Iterating over a map that another thread changes raises
    RuntimeError, as with a dict.

    Parameters
    ----------
    initial : mapping, or iterable of pairs, or None
        The first entries.
    engine : str
        One of `adhash.maps.engines`.
    key : {"int64", "uint64", "str", "bytes"}
        The type of the keys.
    value : {"int64", "uint64", "float64", "str", "bytes"}
        The type of the values.
    seed : int or None
        The seed of the hash, 64 bits. Leave it to chance unless runs must be repeated exactly:
        who knows it can make keys that collide.
    capacity : int
        How many entries to make room for at once.
    settings : AdaptiveSettings or None
        How the adaptive engine decides; its defaults where None.

    Raises
    ------
    ConfigError
        If an argument is unknown or out of its range.
    KeyTypeError, KeyRangeError, ValueTypeError, ValueRangeError
        If an initial entry does not fit the types.

    Examples
    --------
    >>> from adhash.maps import Map
    >>> stock = Map({"apple": 3}, key="str")
    >>> stock["pear"] = 5
    >>> stock.get_many(["pear", "plum"]).found.tolist()
    [True, False]
    """

    # fmt: off
    @overload
    def __init__(self: Map[int, int], initial: Entries[int, int] = ..., /, *, key: Integers = ..., value: Integers = ..., **options: Unpack[MapOptions]) -> None: ...  # noqa: E501
    @overload
    def __init__(self: Map[int, float], initial: Entries[int, float] = ..., /, *, key: Integers = ..., value: Literal["float64"], **options: Unpack[MapOptions]) -> None: ...  # noqa: E501
    @overload
    def __init__(self: Map[int, str], initial: Entries[int, str] = ..., /, *, key: Integers = ..., value: Literal["str"], **options: Unpack[MapOptions]) -> None: ...  # noqa: E501
    @overload
    def __init__(self: Map[int, bytes], initial: Entries[int, bytes] = ..., /, *, key: Integers = ..., value: Literal["bytes"], **options: Unpack[MapOptions]) -> None: ...  # noqa: E501
    @overload
    def __init__(self: Map[str, int], initial: Entries[str, int] = ..., /, *, key: Literal["str"], value: Integers = ..., **options: Unpack[MapOptions]) -> None: ...  # noqa: E501
    @overload
    def __init__(self: Map[str, float], initial: Entries[str, float] = ..., /, *, key: Literal["str"], value: Literal["float64"], **options: Unpack[MapOptions]) -> None: ...  # noqa: E501
    @overload
    def __init__(self: Map[str, str], initial: Entries[str, str] = ..., /, *, key: Literal["str"], value: Literal["str"], **options: Unpack[MapOptions]) -> None: ...  # noqa: E501
    @overload
    def __init__(self: Map[str, bytes], initial: Entries[str, bytes] = ..., /, *, key: Literal["str"], value: Literal["bytes"], **options: Unpack[MapOptions]) -> None: ...  # noqa: E501
    @overload
    def __init__(self: Map[bytes, int], initial: Entries[bytes, int] = ..., /, *, key: Literal["bytes"], value: Integers = ..., **options: Unpack[MapOptions]) -> None: ...  # noqa: E501
    @overload
    def __init__(self: Map[bytes, float], initial: Entries[bytes, float] = ..., /, *, key: Literal["bytes"], value: Literal["float64"], **options: Unpack[MapOptions]) -> None: ...  # noqa: E501
    @overload
    def __init__(self: Map[bytes, str], initial: Entries[bytes, str] = ..., /, *, key: Literal["bytes"], value: Literal["str"], **options: Unpack[MapOptions]) -> None: ...  # noqa: E501
    @overload
    def __init__(self: Map[bytes, bytes], initial: Entries[bytes, bytes] = ..., /, *, key: Literal["bytes"], value: Literal["bytes"], **options: Unpack[MapOptions]) -> None: ...  # noqa: E501
    @overload
    def __init__(self: Map[Any, Any], initial: Entries[Any, Any] = ..., /, *, key: str, value: str, **options: Unpack[MapOptions]) -> None: ...  # noqa: E501
    # fmt: on
    def __init__(
        self,
        initial: Mapping[Any, Any] | Iterable[tuple[Any, Any]] | None = None,
        /,
        *,
        engine: str = "adaptive",
        key: str = "int64",
        value: str = "int64",
        seed: int | None = None,
        capacity: int = 0,
        settings: AdaptiveSettings | None = None,
    ) -> None:
        super().__init__(
            engine=engine, key=key, value=value, seed=seed, capacity=capacity, settings=settings
        )
        self._to_pop: deque[Any] = deque()
        if initial is not None:
            self.update(initial)

    if not TYPE_CHECKING:
        # A nanobind class has a single base, so what MutableMapping adds to one is taken by name.
        keys = Mapping.keys
        setdefault = MutableMapping.setdefault
        # Without this, `reversed` would take a map for a sequence and look up 0, 1, 2, ...
        __reversed__ = None

    def items(self) -> ItemsView[K, V]:
        """Return a view of the entries that follows the map, and is a set."""
        return MapItems(self)

    def values(self) -> ValuesView[V]:
        """Return a view of the values that follows the map."""
        return MapValues(self)

    @overload
    def pop(self, key: K, /) -> V: ...
    @overload
    def pop(self, key: K, default: V | T, /) -> V | T: ...
    def pop(self, key: K, default: Any = _NOTHING, /) -> Any:
        """Remove a key and return its value.

        Parameters
        ----------
        key : int, str or bytes
            The key.
        default : object
            What to return where the key is missing.

        Returns
        -------
        object
            The value, or the default.

        Raises
        ------
        KeyError
            If the key is missing and no default was given.
        """
        value = self._take(key)
        if value is not _NOTHING:
            return value
        if default is _NOTHING:
            raise KeyError(key)
        return default

    def update(self, other: Any = (), /, **entries: Any) -> None:
        """Store the entries of a mapping, of pairs, or of keyword arguments, as dict does.

        Parameters
        ----------
        other : mapping, or iterable of pairs
            A map of the same types is copied in batches.
        **entries : object
            Entries with strings for keys.

        Raises
        ------
        KeyTypeError, KeyRangeError, ValueTypeError, ValueRangeError
            If an entry does not fit the map; those before it are stored.
        """
        if isinstance(other, Map) and self._has_types_of(other):
            if other is not self:
                self._put_columns(row_batches(other))
            other = ()
        MutableMapping.update(self, other, **entries)

    def popitem(self) -> tuple[K, V]:
        """Remove some entry and return it.

        Returns
        -------
        tuple
            Key and value.

        Raises
        ------
        KeyError
            If the map is empty.
        """
        while len(self) > 0:
            if not self._to_pop:
                self._to_pop.extend(islice(self, max(_POP_BATCH, len(self) // 64)))
            key = self._to_pop.popleft()
            value = self._take(key)
            if value is not _NOTHING:
                return key, value
        self._to_pop.clear()
        raise KeyError("popitem(): the map is empty")

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Mapping):
            return NotImplemented
        if len(self) != len(other):
            return False
        if not isinstance(other, Map):
            return all(other.get(key, _NOTHING) == value for key, value in self.items())
        return self._equals_map(other) if self._has_types_of(other) else dict(self) == dict(other)

    __hash__ = None  # type: ignore[assignment]

    def __or__(self, other: Mapping[K, V]) -> Map[K, V]:
        if not isinstance(other, Mapping):
            return NotImplemented
        merged = self.copy()
        merged.update(other)
        return merged

    def __ror__(self, other: Mapping[K, V]) -> Map[K, V]:
        if not isinstance(other, Mapping):
            return NotImplemented
        merged = self._empty_twin()
        merged.update(other)
        merged.update(self)
        return merged

    def __ior__(self, other: Mapping[K, V] | Iterable[tuple[K, V]]) -> Map[K, V]:
        self.update(other)
        return self

    def __repr__(self) -> str:
        shown = [
            f"{reprlib.repr(key)}: {reprlib.repr(value)}"
            for key, value in islice(self.items(), _SHOWN_ENTRIES)
        ]
        if len(self) > _SHOWN_ENTRIES:
            shown.append("...")
        return (
            f"Map({{{', '.join(shown)}}}, engine={self.engine!r}, key={self.key_type!r},"
            f" value={self.value_type!r}, size={len(self)})"
        )

    # --- copies ------------------------------------------------------------------------------

    def copy(self) -> Map[K, V]:
        """Return a map of the same entries, types, engine, settings and seed."""
        twin = self._empty_twin(capacity=len(self))
        twin._put_columns(row_batches(self))
        return twin

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Map[K, V]:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as columns, for processes that trust each other; `save` is the format to keep."""
        return _restore, (self._options(), self._settings, list(row_batches(self)))

    # --- snapshots ---------------------------------------------------------------------------

    def save(self, path: str | PathLike[str], compress: Compression | None = None) -> None:
        """Write the map as a snapshot, an Arrow file that other programs can read.

        Parameters
        ----------
        path : path-like
            The snapshot. A file that is there is replaced when the new one is whole on disk.
        compress : {"lz4", "zstd"} or None
            How the columns are compressed.

        Raises
        ------
        StorageError
            If the system refuses to write.
        SnapshotError
            If `compress` is unknown.
        MapChangedError
            If another thread changed the map meanwhile.
        """
        save_map(self, self.stats(1).layout, self._settings, path, compress)

    @classmethod
    def load(cls, path: str | PathLike[str], engine: str | None = None) -> Map[Any, Any]:
        """Return the map that a snapshot holds, after every bit of the file was verified.

        Parameters
        ----------
        path : path-like
            The snapshot.
        engine : str or None
            The engine to hold it; the one that was saved where None.

        Returns
        -------
        Map
            With the types, settings and seed that were saved.

        Raises
        ------
        SnapshotError
            If the file is no snapshot, is damaged, or was written by an unknown version.
        ConfigError
            If the engine is not built in.
        StorageError
            If the system refuses to read.
        """
        from adhash.snapshots import open_snapshot

        with open_snapshot(path) as snapshot:
            header = snapshot.header
            require_engine(engine or header.engine)
            options: dict[str, Any] = {
                "engine": engine or header.engine,
                "key": header.key_type,
                "value": header.value_type,
                "seed": header.seed,
                "capacity": snapshot.room_for_rows(),
            }
            try:
                loaded = _with_settings(options, dict(header.settings))
            except ValueError as error:  # what pydantic raises
                raise SnapshotError(
                    f"snapshot {str(path)!r} has settings that cannot be used: {error}",
                    hint="load it with the version of adhash that wrote it",
                ) from error
            loaded._put_columns(snapshot.batches())
        require_distinct(len(loaded), header.size, path)
        return loaded

    def _take(self, key: K) -> Any:
        value = self.get(key, _NOTHING)
        if value is not _NOTHING:
            try:
                del self[key]
            except KeyError:  # another thread was faster
                return _NOTHING
        return value

    def _has_types_of(self, other: Map[Any, Any]) -> bool:
        return (self.key_type, self.value_type) == (other.key_type, other.value_type)

    def _put_columns(self, batches: Iterable[tuple[Column, Column]]) -> None:
        for keys, values in batches:
            _native.Map.put_many(self, keys, values)

    def _empty_twin(self, capacity: int = 0) -> Map[K, V]:
        return _with_settings({**self._options(), "capacity": capacity}, self._settings)

    def _options(self) -> dict[str, Any]:
        return {
            "engine": self.engine,
            "key": self.key_type,
            "value": self.value_type,
            "seed": self.seed,
        }

    def _equals_map(self, other: Map[K, V]) -> bool:
        for keys, values in row_batches(self):
            theirs, found = _native.Map.get_many(other, keys)
            if not found.all() or not equal_columns(values, theirs):
                return False
        return True


MutableMapping.register(Map)


def _with_settings(options: dict[str, Any], settings: dict[str, Any]) -> Map[Any, Any]:
    """Return an empty map of some options, with settings as a dict or a snapshot holds them."""
    if not settings:
        return Map(**options)
    from adhash.config_models import AdaptiveSettings

    return Map(**options, settings=AdaptiveSettings(**settings))


def _restore(
    options: dict[str, Any], settings: dict[str, Any], batches: list[tuple[Column, Column]]
) -> Map[Any, Any]:
    restored = _with_settings(options, settings)
    restored._put_columns(batches)
    return restored
