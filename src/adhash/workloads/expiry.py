"""Keys that are deleted some time after they were put.

Time is counted in rows, those that expire keys left out. A key that is put again before it
expires begins anew, as with the EX of redis. Of each batch of rows it is known which keys expire
while it lasts: those that were put long enough ago, and were not put again. The former stand in a
calendar by the batch they fall into; for the latter, a map holds when each live key expires. The
memory needed grows with the keys that are live and the puts of a lifetime, not with the trace.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from adhash.workloads.distributions import Ranks
from adhash.workloads.operation_mix import DEL, GET, PUT, Ops
from adhash.workloads.seeded import SeededStream

if TYPE_CHECKING:
    from adhash.maps import Map

Spread = Literal["fixed", "uniform", "exponential"]

# Days of the calendar: it holds a list for each of the days to come.
_DAY_ROWS = 1 << 16
_NEVER = np.iinfo(np.int64).max
_NOTHING = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))


class Lifetimes:
    """How long keys live.

    Parameters
    ----------
    ttl : int
        On average, in rows; at least 1.
    spread : {"fixed", "uniform", "exponential"}
        "uniform" is from 1 to ``2 ttl - 1``; "exponential" has no upper end (rounded up to whole
        rows, which makes the average half a row longer).
    stream : SeededStream
        The source of randomness.
    """

    def __init__(self, ttl: int, spread: Spread, stream: SeededStream) -> None:
        self._ttl = ttl
        self._spread = spread
        self._stream = stream

    def draw(self, count: int) -> Ranks:
        """Return so many lifetimes in rows, each at least 1."""
        if self._spread == "fixed":
            return np.full(count, self._ttl)
        if self._spread == "uniform":
            return 1 + self._stream.below(2 * self._ttl - 1, count)
        drawn = -np.log1p(-self._stream.doubles(count)) * self._ttl
        return np.asarray(np.ceil(np.maximum(drawn, 1)).astype(np.int64))


class Expiry:
    """Adds the rows that delete what has expired.

    Parameters
    ----------
    lifetimes : Lifetimes
        Of the keys, drawn anew at every put.
    """

    def __init__(self, lifetimes: Lifetimes) -> None:
        from adhash.maps import Map

        self._lifetimes = lifetimes
        self._now = 0
        # When each live key expires.
        self._live: Map[int, int] = Map(key="int64", value="int64", seed=1)
        self._days: dict[int, list[tuple[Ranks, Ranks]]] = defaultdict(list)
        self._first_day = 0

    def add_to(self, blocks: Iterable[tuple[Ops, Ranks]]) -> Iterator[tuple[Ops, Ranks]]:
        """Yield blocks of rows with deletes of what has expired between them.

        Parameters
        ----------
        blocks : iterable of (ndarray of uint8, ndarray of int64)
            Operations and keys.

        Yields
        ------
        tuple of (ndarray of uint8, ndarray of int64)
            As many blocks.
        """
        for ops, keys in blocks:
            yield self._with_deletes(ops, keys)

    def _with_deletes(self, ops: Ops, keys: Ranks) -> tuple[Ops, Ranks]:
        end = self._now + len(ops)
        due_keys, due_ends = self._due_before(end)
        touches = np.flatnonzero(ops != GET)
        is_put = ops[touches] == PUT
        # Far in the future stands for never: a delete is no beginning of a lifetime.
        ends = np.full(len(touches), _NEVER)
        ends[is_put] = self._now + touches[is_put] + self._lifetimes.draw(int(is_put.sum()))
        # What was put in earlier blocks stands before what is touched in this one.
        all_keys = np.concatenate([due_keys, keys[touches]])
        all_times = np.concatenate([np.full(len(due_keys), -1), self._now + touches])
        all_ends = np.concatenate([due_ends, ends])
        next_touch = _next_time_of_key(all_keys, all_times)
        expires = (all_ends < end) & (next_touch >= all_ends)
        stays = (all_ends >= end) & (all_ends != _NEVER) & (next_touch == _NEVER)
        self._live.delete_many(all_keys)
        self._remember(all_keys[stays], all_ends[stays])
        at = all_ends[expires] - self._now
        self._now = end
        order = np.argsort(at, kind="stable")
        return (
            np.insert(ops, at[order], DEL),
            np.insert(keys, at[order], all_keys[expires][order]),
        )

    def _remember(self, keys: Ranks, ends: Ranks) -> None:
        if not len(keys):
            return
        self._live.put_many(keys, ends)
        order = np.argsort(ends, kind="stable")
        keys, ends = keys[order], ends[order]
        days, starts = np.unique(ends // _DAY_ROWS, return_index=True)
        for day, some_keys, some_ends in zip(
            days.tolist(), np.split(keys, starts[1:]), np.split(ends, starts[1:]), strict=True
        ):
            self._days[day].append((some_keys, some_ends))

    def _due_before(self, end: int) -> tuple[Ranks, Ranks]:
        """Return the keys that expire before `end` unless they are touched in this block."""
        last_day = (end - 1) // _DAY_ROWS
        parts = [_NOTHING]
        for day in range(self._first_day, last_day + 1):
            parts += self._days.pop(day, [])
        self._first_day = last_day
        keys, ends = (np.concatenate(each) for each in zip(*parts, strict=True))
        is_later = ends >= end
        if is_later.any():
            self._days[last_day].append((keys[is_later], ends[is_later]))
        keys, ends = keys[~is_later], ends[~is_later]
        held, found = self._live.get_many(keys)
        is_current = np.asarray(found) & (np.asarray(held) == ends)
        keys, first = np.unique(keys[is_current], return_index=True)
        return keys, ends[is_current][first]


def _next_time_of_key(keys: Ranks, times: Ranks) -> Ranks:
    """Return the time at which each key is touched next; `_NEVER` where it is not."""
    order = np.lexsort((times, keys))
    later = np.full(len(keys), _NEVER)
    is_followed = keys[order[1:]] == keys[order[:-1]]
    later[order[:-1][is_followed]] = times[order[1:][is_followed]]
    return later
