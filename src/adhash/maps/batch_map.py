"""A native map with checked construction, and batches that take what Python programs have.

Single operations are not here: ``m[k]``, ``m[k] = v``, ``del m[k]``, ``k in m``, ``len``, ``iter``
and ``get`` are slots of the native class, and a method in Python over one of them would cost more
than the operation.
"""

from __future__ import annotations

import secrets
from types import GenericAlias
from typing import TYPE_CHECKING, Any, TypeVar

from adhash import _native
from adhash.errors import ConfigError, InterruptedRunError
from adhash.maps.columns import KEYS, VALUES, is_arrow, to_column
from adhash.maps.engines import require_engine
from adhash.maps.errors import BatchLengthError
from adhash.maps.invariants import Invariant
from adhash.maps.lookup import Lookup, to_lookup
from adhash.maps.probe_trace import Operation, ProbeTrace
from adhash.maps.stats import MapStats
from adhash.units import UINT64_MAX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, MutableMapping

    import numpy as np
    from numpy.typing import NDArray

    from adhash.config_models import AdaptiveSettings

K = TypeVar("K")
V = TypeVar("V")

_KEY_TYPES = ("int64", "uint64", "str", "bytes")
_VALUE_TYPES = ("int64", "uint64", "float64", "str", "bytes")
_MAX_CAPACITY = 2**48
_EXPLAINED_PROBES = 65_536

if TYPE_CHECKING:

    class _NativeMap(_native.Map[K, V], MutableMapping[K, V]):
        """The native map as type checkers see it: generic, and a MutableMapping."""

else:

    class _NativeMap:
        """Stands in for the generic base: nanobind allows a class a single, plain base."""

        def __class_getitem__(cls, _types):
            return _native.Map


class BatchMap(_NativeMap[K, V]):
    """A native map that can be built from checked arguments and worked on in batches.

    Parameters
    ----------
    engine : str
        One of `adhash.maps.engines`.
    key : str
        The type of the keys.
    value : str
        The type of the values.
    seed : int or None
        The seed of the hash, 64 bits; a random one where None.
    capacity : int
        How many entries to make room for.
    settings : AdaptiveSettings or None
        How the adaptive engine decides; its defaults where None.

    Raises
    ------
    ConfigError
        If an argument is unknown or out of its range.
    """

    if not TYPE_CHECKING:
        __class_getitem__ = classmethod(GenericAlias)

    def __init__(
        self,
        *,
        engine: str,
        key: str,
        value: str,
        seed: int | None,
        capacity: int,
        settings: AdaptiveSettings | None,
    ) -> None:
        require_engine(engine)
        _require_one_of("key", key, _KEY_TYPES)
        _require_one_of("value", value, _VALUE_TYPES)
        _require_range("capacity", capacity, _MAX_CAPACITY)
        chosen = secrets.randbits(64) if seed is None else seed
        _require_range("seed", chosen, UINT64_MAX)
        self._settings = _as_dict(settings, engine)
        super().__init__(engine, key, value, chosen, capacity, self._settings)

    def get_many(self, keys: Iterable[Any], default: Any = None) -> Lookup:
        """Look up many keys at once, several times as fast as one by one.

        Parameters
        ----------
        keys : ndarray, Arrow array, or iterable
            One-dimensional and without nulls.
        default : object or None
            What to give for a missing key.

        Returns
        -------
        Lookup
            ``(values, found)``. Numbers come as an ndarray, 0 where missing and no default was
            given; strings and bytes as an Arrow array with nulls there. Keys in an Arrow array
            are always answered by an Arrow array.

        Raises
        ------
        KeyTypeError, KeyRangeError, ValueTypeError, ValueRangeError
            If a key or the default does not fit the map.
        """
        column, found = super().get_many(to_column(keys, self.key_type, KEYS))
        return to_lookup(
            column, found, value_type=self.value_type, default=default, arrow=is_arrow(keys)
        )

    def put_many(self, keys: Iterable[Any], values: Iterable[Any]) -> int:
        """Store many entries; of equal keys in one batch the last wins.

        Parameters
        ----------
        keys : ndarray, Arrow array, or iterable
            One-dimensional and without nulls.
        values : ndarray, Arrow array, or iterable
            The same, and as many.

        Returns
        -------
        int
            How many keys were new.

        Raises
        ------
        KeyTypeError, KeyRangeError, ValueTypeError, ValueRangeError
            If an item does not fit the map; nothing was stored then.
        BatchLengthError
            If there are more keys than values, or fewer.
        """
        key_column = to_column(keys, self.key_type, KEYS)
        value_column = to_column(values, self.value_type, VALUES)
        key_count, value_count = (_rows(column) for column in (key_column, value_column))
        if key_count != value_count:
            raise BatchLengthError(
                f"put_many needs a value for each key; got {key_count} keys and"
                f" {value_count} values"
            )
        return super().put_many(key_column, value_column)

    def delete_many(self, keys: Iterable[Any]) -> int:
        """Delete many keys; those that are missing are passed over.

        Parameters
        ----------
        keys : ndarray, Arrow array, or iterable
            One-dimensional and without nulls.

        Returns
        -------
        int
            How many entries were deleted.

        Raises
        ------
        KeyTypeError, KeyRangeError
            If a key does not fit the map; nothing was deleted then.
        """
        return super().delete_many(to_column(keys, self.key_type, KEYS))

    def contains_many(self, keys: Iterable[Any]) -> NDArray[np.bool_]:
        """Return for each of many keys whether the map holds it.

        Parameters
        ----------
        keys : ndarray, Arrow array, or iterable
            One-dimensional and without nulls.

        Returns
        -------
        ndarray of bool, shape (n,)
            In the order of `keys`.

        Raises
        ------
        KeyTypeError, KeyRangeError
            If a key does not fit the map.
        """
        return super().contains_many(to_column(keys, self.key_type, KEYS))

    # Typed statistics instead of the native dict: a narrower promise to every caller but replay,
    # which asks the native class.
    def stats(self, probe_samples: int | None = None) -> MapStats:  # type: ignore[override]
        """Return the state of the map: layout, load, probe lengths, memory and decisions.

        Parameters
        ----------
        probe_samples : int or None
            How many entries to measure the probe lengths of, at least 1; all of them where None,
            which takes as long as reading the map once.

        Returns
        -------
        MapStats
            The state at this moment.
        """
        if probe_samples is None:
            return MapStats.from_native(super().stats())
        return MapStats.from_native(super().stats(max(1, probe_samples)))

    def explain(self) -> str:
        """Return in a few lines why the map is in the layout it is in."""
        return self.stats(_EXPLAINED_PROBES).explain()

    def probe_trace(self, key: K, operation: Operation = "get") -> ProbeTrace:
        """Return what a get or a put of a key would visit; the map does not change.

        Parameters
        ----------
        key : int, str or bytes
            The key.
        operation : {"get", "put"}
            What would be done with it.

        Returns
        -------
        ProbeTrace
            Places, comparisons and outcomes in order; for a put also where the entry would go.

        Raises
        ------
        KeyTypeError, KeyRangeError
            If the key does not fit the map.
        ConfigError
            If the operation is unknown.
        """
        _require_one_of("operation", operation, ("get", "put"))
        record = _native.probe_trace(self, key, operation == "put")
        return ProbeTrace.from_native(
            record, engine=self.engine, operation=operation, size=len(self)
        )

    def check_invariants(
        self, should_stop: Callable[[], bool] | None = None
    ) -> tuple[Invariant, ...]:
        """Hold the map's memory to every invariant of its engine; the map does not change.

        A check takes as long as reading the map a few times, and some memory for every entry whose
        key or value is too long for its slot.

        Parameters
        ----------
        should_stop : callable or None
            Asked now and then; True ends the check.

        Returns
        -------
        tuple of Invariant
            All that were checked. A table whose structure is broken is looked at no further, so
            that nothing is read where nothing may be.

        Raises
        ------
        InterruptedRunError
            If `should_stop` ended it.
        """
        found = _native.check_invariants(self, should_stop)
        if found is None:
            raise InterruptedRunError("interrupted while the invariants were checked")
        return tuple(map(Invariant.from_native, found))

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + self.memory_bytes


def _require_one_of(argument: str, found: str, allowed: tuple[str, ...]) -> None:
    if found not in allowed:
        names = ", ".join(allowed)
        raise ConfigError(
            f"{argument} must be one of {names}; got {found!r}",
            key=argument,
            value=found,
            allowed=names,
        )


def _require_range(argument: str, found: int, greatest: int) -> None:
    if not isinstance(found, int) or not 0 <= found <= greatest:
        allowed = f"an integer in [0, {greatest}]"
        raise ConfigError(
            f"{argument} must be {allowed}; got {found!r}",
            key=argument,
            value=found,
            allowed=allowed,
        )


def _as_dict(settings: AdaptiveSettings | None, engine: str) -> dict[str, Any]:
    if settings is not None:
        return settings.model_dump()
    if engine != "adaptive":
        return {}
    # Here, so that the other engines do without pydantic.
    from adhash.config_models import AdaptiveSettings

    return AdaptiveSettings().model_dump()


def _rows(column: Any) -> int:
    return len(column[0]) - 1 if isinstance(column, tuple) else len(column)
