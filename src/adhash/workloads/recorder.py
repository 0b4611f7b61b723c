"""A mapping that writes what a program does to it as a trace."""

from __future__ import annotations

import collections
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from adhash.workloads import active_recording
from adhash.workloads.spelling import (
    KeyFunction,
    KeySpeller,
    ValueFunction,
    ValueMode,
    ValueSpeller,
)
from adhash.workloads.trace_sink import TraceSink

K = TypeVar("K")
V = TypeVar("V")

_MISSING: Any = object()


class Recorder(MutableMapping[K, V]):
    """Passes every operation on to a mapping and writes it into a trace.

    ``get``, ``[]`` and ``in`` are gets; assignments and ``update`` are puts; ``del`` is a del.
    What does two things is two operations: ``setdefault`` a get, and a put if the key was missing;
    ``pop`` and ``popitem`` a get, and a del if there was something. ``clear`` deletes every key.
    Iterating is no operation of a trace and not recorded. Other methods of the mapping work and
    are not recorded either; their names are kept in `unrecorded`.

    Without `out` the recorder writes only under ``adhash record`` or where the environment names
    a file in ``ADHASH_RECORD_OUT``, and just passes on otherwise.

    Operations are safe in threads if those of the mapping are; the trace has them in the order in
    which they took effect.

    Parameters
    ----------
    mapping : MutableMapping
        The mapping to work on.
    out : str, PathLike or None
        The trace to write: .csv, .csv.gz, .csv.zst or .csv.xz. It appears, whole, on `close`, at
        the end of a ``with`` block or at the exit of the interpreter.
    key : callable or None
        Turns keys that are not int, str or bytes into such; distinct keys must stay distinct.
    value : {"content", "filler"} or callable
        What to write for values; see `ValueSpeller`.
    force : bool
        Whether an existing file may be replaced.

    Raises
    ------
    BadInputError
        Where the suffix of `out` or the `value` is unknown.
    PolicyError
        Where `out` exists and `force` is False.
    StorageError
        Where `out` cannot be written.

    Examples
    --------
    >>> with Recorder({}, "cache.csv.zst") as cache:  # doctest: +SKIP
    ...     cache["a"] = 1
    """

    def __init__(
        self,
        mapping: MutableMapping[K, V],
        out: str | os.PathLike[str] | None = None,
        *,
        key: KeyFunction | None = None,
        value: ValueMode | ValueFunction = "content",
        force: bool = False,
    ) -> None:
        self._mapping = mapping
        self._keys = KeySpeller(key)
        self._values = ValueSpeller(value)
        self._lock = threading.RLock()
        self._owns_sink = out is not None
        self._inserts_missing = hasattr(type(mapping), "__missing__")
        self._sink = active_recording.claim() if out is None else TraceSink(out, force=force)
        self.unrecorded: set[str] = set()

    @property
    def rows(self) -> int:
        """The number of operations recorded so far."""
        return self._sink.rows if self._sink else 0

    def close(self) -> None:
        """Finish the trace, if `out` named it; the mapping can be used on.

        Raises
        ------
        StorageError
            Where something could not be written; no file appears then.
        """
        if self._sink and self._owns_sink:
            self._sink.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ---- gets ----

    def __getitem__(self, key: K) -> V:
        if self._sink is None:
            return self._mapping[key]
        with self._lock:
            self._row("get", key)
            if not self._inserts_missing:
                return self._mapping[key]
            before = len(self._mapping)
            value = self._mapping[key]
            if len(self._mapping) > before:  # a defaultdict
                self._row("put", key, value)
            return value

    def get(self, key: K, default: Any = None) -> Any:
        """Return the value of a key, or `default`; a get."""
        if self._sink is None:
            return self._mapping.get(key, default)
        with self._lock:
            self._row("get", key)
            return self._mapping.get(key, default)

    def __contains__(self, key: object) -> bool:
        if self._sink is None:
            return key in self._mapping
        with self._lock:
            self._row("get", cast("K", key))
            return key in self._mapping

    # ---- puts ----

    def __setitem__(self, key: K, value: V) -> None:
        if self._sink is None:
            self._mapping[key] = value
            return
        with self._lock:
            self._row("put", key, value)
            self._mapping[key] = value

    def setdefault(self, key: K, default: Any = None) -> Any:
        """Return the value of a key, set to `default` if it has none; a get, and then a put."""
        if self._sink is None:
            return self._mapping.setdefault(key, default)
        with self._lock:
            self._row("get", key)
            if key not in self._mapping:
                self._row("put", key, default)
            return self._mapping.setdefault(key, default)

    def update(self, other: Any = (), /, **more: V) -> None:
        """Set many keys; a put each. A Counter adds instead: a get and a put each."""
        if self._sink is None:
            self._mapping.update(other, **more)
        elif isinstance(self._mapping, collections.Counter):
            self._count(other, more)
        else:
            super().update(other, **more)

    def __ior__(self, other: Any) -> Self:
        self.update(other)
        return self

    # ---- deletes ----

    def __delitem__(self, key: K) -> None:
        if self._sink is None:
            del self._mapping[key]
            return
        with self._lock:
            self._row("del", key)
            del self._mapping[key]

    def pop(self, key: K, default: Any = _MISSING) -> Any:
        """Remove a key and return its value; a get, and a del if it was there."""
        arguments = () if default is _MISSING else (default,)
        if self._sink is None:
            return self._mapping.pop(key, *arguments)
        with self._lock:
            self._row("get", key)
            if key in self._mapping:
                self._row("del", key)
            return self._mapping.pop(key, *arguments)

    def popitem(self) -> tuple[K, V]:
        """Remove some key and return it with its value; a get and a del."""
        with self._lock:
            key, value = self._mapping.popitem()
            self._row("get", key)
            self._row("del", key)
            return key, value

    def clear(self) -> None:
        """Remove all keys; a del each."""
        with self._lock:
            for key in list(self._mapping):
                self._row("del", key)
            self._mapping.clear()

    # ---- not recorded ----

    def __iter__(self) -> Iterator[K]:
        return iter(self._mapping)

    def __reversed__(self) -> Iterator[K]:
        return reversed(cast("dict[K, V]", self._mapping))

    def __len__(self) -> int:
        return len(self._mapping)

    def keys(self) -> Any:
        """Return the mapping's own view of its keys."""
        return self._mapping.keys()

    def values(self) -> Any:
        """Return the mapping's own view of its values."""
        return self._mapping.values()

    def items(self) -> Any:
        """Return the mapping's own view of its items."""
        return self._mapping.items()

    def __eq__(self, other: object) -> bool:
        return self._mapping == (other._mapping if isinstance(other, Recorder) else other)

    __hash__ = None  # type: ignore[assignment]

    def __or__(self, other: Any) -> Any:
        return cast("Any", self._mapping) | other

    def __ror__(self, other: Any) -> Any:
        return other | cast("Any", self._mapping)

    def __repr__(self) -> str:
        return f"Recorder({self._mapping!r})"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = getattr(self._mapping, name)
        if self._sink is not None:
            self.unrecorded.add(name)
            self._sink.unrecorded.add(name)
        return found

    # ---- how ----

    def _row(self, op: str, key: K, value: object = _MISSING) -> None:
        sink = self._sink
        if sink is None or not sink.is_recording:
            return
        spelled = "" if value is _MISSING else self._values.spell(value)
        sink.append(f"{op},{self._keys.spell(key)},{spelled}\n")

    def _count(self, other: Any, more: Mapping[str, Any]) -> None:
        counter = cast("Recorder[Any, Any]", self)
        pairs: Iterable[Any] = (
            other.items() if isinstance(other, Mapping) else ((key, 1) for key in other or ())
        )
        for key, count in (*pairs, *more.items()):
            counter[key] = counter.get(key, 0) + count
