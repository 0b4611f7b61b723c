"""What a reader of a foreign format yields: accesses to keys, as they were recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

# What an access is. A cache that misses on a READ goes and gets the value, which a fill policy may
# tell; nothing follows a LOOKUP, such as one for a file that does not exist.
READ: Final = 0
LOOKUP: Final = 1
WRITE: Final = 2
DELETE: Final = 3

#: 64-bit integers as numpy has them, or strings as Arrow does (large_binary).
Keys: TypeAlias = Any
Kinds: TypeAlias = NDArray[np.uint8]
Sizes: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Events:
    """Some accesses, in order.

    Parameters
    ----------
    kinds : ndarray of uint8, shape (n,)
        READ, LOOKUP, WRITE or DELETE.
    keys : ndarray of int64 or uint64, or pyarrow.LargeBinaryArray, shape (n,)
        One key an access, in UTF-8 where they are strings.
    sizes : ndarray of int64, shape (n,)
        The size of the value in bytes: what a write wrote, or what a fill after a read would.
    """

    kinds: Kinds
    keys: Keys
    sizes: Sizes

    @classmethod
    def of(cls, kinds: Kinds | int, keys: Keys, sizes: Sizes | int) -> Events:
        """Return accesses, of which a kind or a size that all have may be given as one number."""
        count = len(keys)
        if isinstance(kinds, int):
            kinds = np.full(count, kinds, dtype=np.uint8)
        if isinstance(sizes, int):
            sizes = np.full(count, sizes, dtype=np.int64)
        return cls(kinds=kinds, keys=keys, sizes=sizes)

    def __len__(self) -> int:
        return len(self.kinds)

    def pieces(self, rows: int) -> Iterator[Events]:
        """Yield them again, at most `rows` at a time."""
        for start in range(0, len(self), rows):
            part = slice(start, start + rows)
            yield Events(kinds=self.kinds[part], keys=self.keys[part], sizes=self.sizes[part])


def taken(keys: Keys, places: NDArray[np.int64]) -> Keys:
    """Return the keys at some places."""
    return keys[places] if isinstance(keys, np.ndarray) else keys.take(places)


def in_turn(*each: Events) -> Events:
    """Return the first of each, then the second of each, and so on; all are equally long.

    Parameters
    ----------
    *each : Events
        Of the same keys: the accesses that one recorded event makes.

    Returns
    -------
    Events
        As many as all of them together.
    """
    count = len(each)
    first = each[0]
    kinds = np.stack([events.kinds for events in each], axis=1).ravel()
    sizes = np.stack([events.sizes for events in each], axis=1).ravel()
    if all(events.keys is first.keys for events in each):
        return Events(
            kinds=kinds,
            keys=taken(first.keys, np.repeat(np.arange(len(first)), count)),
            sizes=sizes,
        )
    places = np.arange(count * len(first)).reshape(count, -1).T.ravel()
    return Events(kinds=kinds, keys=taken(joined_keys([e.keys for e in each]), places), sizes=sizes)


def joined_keys(parts: list[Keys]) -> Keys:
    """Return keys one behind another."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    import pyarrow as pa

    return pa.concat_arrays(parts)


def repeated(events: Events, counts: NDArray[np.int64], rows: int) -> Iterator[Events]:
    """Yield each access as often as its count says, in bounded memory however large a count is.

    Parameters
    ----------
    events : Events
        The accesses.
    counts : ndarray of int64, shape (n,)
        How often each happened; at least 0.
    rows : int
        How many to yield at a time, at most.

    Yields
    ------
    Events
        In order.
    """
    for places, _ in repetitions(counts, rows):
        yield Events(
            kinds=events.kinds[places],
            keys=taken(events.keys, places),
            sizes=events.sizes[places],
        )


def repetitions(
    counts: NDArray[np.int64], rows: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield places, each as often as its count says, and which of its repetitions each one is.

    Parameters
    ----------
    counts : ndarray of int64, shape (n,)
        At least 0.
    rows : int
        How many to yield at a time, at most.

    Yields
    ------
    tuple of ndarray of int64
        The places and the repetitions, from 0.
    """
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    for start in range(0, total, rows):
        stop = min(total, start + rows)
        low = int(np.searchsorted(ends, start, side="right"))
        high = int(np.searchsorted(ends, stop - 1, side="right")) + 1
        begins = ends[low:high] - counts[low:high]
        within = np.minimum(ends[low:high], stop) - np.maximum(begins, start)
        places = np.repeat(np.arange(low, high), within)
        yield places, np.arange(start, stop) - (ends - counts)[places]
