"""Fill policies: what follows a read of a trace that records reads only.

A recorded cache tells which keys were asked for, not what was put into it. As operations on a map
it needs puts, and where they stand is a choice:

- ``through``: a read of a key that is not live is a get, which misses, and then a put.
- ``preload``: every key that is read before it is written is put first; then nothing misses.
- ``none``: the accesses as they are.

A key is live from a write, or a fill, to the next delete. Blocks are worked on as a whole: what was
live before the block is asked once for each distinct key, and within the block a key's state is
that of its last access before, found by sorting the accesses of keys together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from adhash.maps import Map
from adhash.workloads.arrow_buffers import array_of, numbers_of
from adhash.workloads.formats.events import DELETE, LOOKUP, READ, WRITE, Events, taken

Fill: TypeAlias = Literal["through", "preload", "none"]

#: The most accesses to fill at a time: places within them fit into 16 bits, which sort fast.
MOST_EVENTS = 1 << 15

_GET, _PUT, _DEL = 0, 1, 2
_OP_OF_KIND = np.array([_GET, _GET, _PUT, _DEL], dtype=np.uint8)


@dataclass(frozen=True, kw_only=True)
class Filled:
    """Operations of a map, in order.

    Parameters
    ----------
    ops : ndarray of uint8, shape (n,)
        0 get, 1 put, 2 del.
    keys : ndarray of int64 or uint64, or pyarrow.LargeBinaryArray, shape (n,)
        Their keys.
    sizes : ndarray of int64, shape (n,)
        The size of the value, in bytes; of no meaning where the operation is no put.
    """

    ops: NDArray[np.uint8]
    keys: Any
    sizes: NDArray[np.int64]


def unfilled(events: Events) -> Filled:
    """Return accesses as operations, one each."""
    return Filled(ops=_OP_OF_KIND[events.kinds], keys=events.keys, sizes=events.sizes)


class ReadThrough:
    """Puts what a read did not find; holds the keys that are live."""

    def __init__(self) -> None:
        self._live: Map[Any, Any] | None = None

    def fill(self, events: Events) -> Filled:
        """Return the operations of some accesses.

        Parameters
        ----------
        events : Events
            At most `MOST_EVENTS` of them.

        Returns
        -------
        Filled
            One an access, and one more where a read found nothing.
        """
        codes, distinct = _encoded(events.keys)
        was_live = self._are_live(distinct)
        if (events.kinds == READ).all():
            is_filled = _is_first(codes) & ~was_live[codes]
            self._add(taken(distinct, np.flatnonzero(~was_live)))
        else:
            before, after = _states(events.kinds, codes, was_live)
            is_filled = (events.kinds == READ) & ~before
            self._add(taken(distinct, np.flatnonzero(after & ~was_live)))
            self._remove(taken(distinct, np.flatnonzero(was_live & ~after)))
        return _with_puts(events, is_filled)

    def _are_live(self, keys: Any) -> NDArray[np.bool_]:
        if self._live is None:
            self._live = _key_set(keys)
        return self._live.contains_many(keys)

    def _add(self, keys: Any) -> None:
        if len(keys):
            assert self._live is not None  # noqa: S101
            self._live.put_many(keys, np.zeros(len(keys), dtype=np.int64))

    def _remove(self, keys: Any) -> None:
        if len(keys):
            assert self._live is not None  # noqa: S101
            self._live.delete_many(keys)


class FirstReads:
    """Collects the keys that are read before they are written, for a preload."""

    def __init__(self) -> None:
        self._seen: Map[Any, Any] | None = None
        self._keys: list[Any] = []
        self._sizes: list[NDArray[np.int64]] = []

    def add(self, events: Events) -> None:
        """Look at the next accesses, at most `MOST_EVENTS` of them."""
        counted = np.flatnonzero((events.kinds == READ) | (events.kinds == WRITE))
        keys, kinds = taken(events.keys, counted), events.kinds[counted]
        codes, distinct = _encoded(keys)
        if self._seen is None:
            self._seen = _key_set(distinct)
        is_new = _is_first(codes) & ~self._seen.contains_many(distinct)[codes]
        new = np.flatnonzero(is_new)
        if len(new):
            self._seen.put_many(taken(keys, new), np.zeros(len(new), dtype=np.int64))
        is_read = np.flatnonzero(is_new & (kinds == READ))
        if len(is_read):
            self._keys.append(taken(keys, is_read))
            self._sizes.append(events.sizes[counted][is_read])

    def writes(self) -> list[Events]:
        """Return a write of each key, in the order of their first reads."""
        return [
            Events.of(WRITE, keys, sizes)
            for keys, sizes in zip(self._keys, self._sizes, strict=True)
        ]


def _key_set(keys: Any) -> Map[Any, Any]:
    """Return an empty map for keys like these."""
    kind: Any = str(keys.dtype) if isinstance(keys, np.ndarray) else "bytes"
    return Map(engine="swiss", key=kind, value="int64")


def _encoded(keys: Any) -> tuple[NDArray[np.uint16], Any]:
    """Return for each key its place among the distinct keys, which are in order of appearance."""
    array: Any = array_of(keys) if isinstance(keys, np.ndarray) else keys
    encoded = array.dictionary_encode()
    codes = numbers_of(encoded.indices).astype(np.uint16)
    distinct = encoded.dictionary
    return codes, numbers_of(distinct) if isinstance(keys, np.ndarray) else distinct


def _is_first(codes: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Return where a key appears first: codes are counted up in that order."""
    if not len(codes):
        return np.zeros(0, dtype=bool)
    seen = np.maximum.accumulate(codes)
    is_first = np.empty(len(codes), dtype=bool)
    is_first[0] = True
    np.greater(seen[1:], seen[:-1], out=is_first[1:])
    return is_first


def _states(
    kinds: NDArray[np.uint8], codes: NDArray[np.uint16], was_live: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return whether the key of each access is live before it, and each key after all of them."""
    count = len(codes)
    order = np.argsort(codes, kind="stable")
    ordered, effects = codes[order], kinds[order]
    places = np.arange(count)
    # The place of the last access, up to and with this one, that makes a key live or not.
    last = np.maximum.accumulate(np.where(effects != LOOKUP, places, -1))
    starts = np.searchsorted(ordered, np.arange(len(was_live)))
    ends = np.append(starts[1:], count)
    makes_live = effects != DELETE
    previous = np.empty(count, dtype=np.int64)
    previous[0] = -1
    previous[1:] = last[:-1]
    is_known = previous >= starts[ordered]
    before = np.empty(count, dtype=bool)
    before[order] = np.where(is_known, makes_live[previous], was_live[ordered])
    final = last[ends - 1]
    return before, np.where(final >= starts, makes_live[final], was_live)


def _with_puts(events: Events, is_filled: NDArray[np.bool_]) -> Filled:
    if not is_filled.any():
        return unfilled(events)
    counts = 1 + is_filled.astype(np.int64)
    places = np.repeat(np.arange(len(events)), counts)
    ops = _OP_OF_KIND[events.kinds[places]]
    ops[np.cumsum(counts)[is_filled] - 1] = _PUT
    return Filled(ops=ops, keys=taken(events.keys, places), sizes=events.sizes[places])
