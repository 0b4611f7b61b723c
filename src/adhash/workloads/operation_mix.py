"""Which key an operation takes: by a distribution, or as in a queue.

What is drawn are requests: most are one row, a scan or a read-modify-write are several. Deletes
and inserts need what came before, yet no loop runs over rows: cumulative sums stand for the state
of the map at every request of a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adhash.workloads.churn import Turnover
from adhash.workloads.distributions import Distribution, Ranks
from adhash.workloads.seeded import SeededStream

Ops = npt.NDArray[np.uint8]
Kinds = npt.NDArray[np.uint8]

#: The shares of a mix, in their order; requests are numbered by their place in it.
SHARE_NAMES = ("get", "put", "delete", "insert", "scan", "rmw", "replace")
#: The most rows of a batch, and so of a single scan.
BATCH_ROWS = 1 << 16
MAX_SCAN_ROWS = BATCH_ROWS

#: Operations, which are also the numbers of the requests of one row.
GET, PUT, DEL = range(3)

_INSERT, _SCAN, _RMW, _REPLACE = range(3, 7)
# The operation of a request's first row.
_FIRST_OP = np.array([GET, PUT, DEL, PUT, GET, GET, DEL], dtype=np.uint8)
_PUTS = np.array([False, True, False, True, False, True, True])
# A delete takes one of this many latest puts: enough to be no neighbour, little enough to keep.
_REMEMBERED_PUTS = 1 << 18


@dataclass(frozen=True, kw_only=True)
class Mix:
    """Which requests there are, and which keys they take.

    Parameters
    ----------
    shares : sequence of float
        The fraction of each request, in the order of `SHARE_NAMES`.
    distribution : Distribution
        Of the keys.
    max_scan : int
        The most keys of a scan.
    """

    shares: Sequence[float]
    distribution: Distribution
    max_scan: int = 1

    @property
    def most_rows(self) -> int:
        """The most rows that a request becomes."""
        if self.shares[_SCAN]:
            return max(self.max_scan, 2)
        return 2 if self.shares[_RMW] or self.shares[_REPLACE] else 1

    @property
    def has_puts(self) -> bool:
        """Whether there are puts at all, of whatever kind."""
        return any(share for share, puts in zip(self.shares, _PUTS, strict=True) if puts)

    def draw_kinds(self, stream: SeededStream, count: int) -> Kinds:
        """Return so many requests."""
        last = max(kind for kind, share in enumerate(self.shares) if share)
        bounds = np.cumsum(self.shares)[:last]
        return np.searchsorted(bounds, stream.doubles(count), side="right").astype(np.uint8)


class MixedOperations:
    """Requests take keys by a distribution; inserts take new ones, deletes those of recent puts.

    Parameters
    ----------
    stream : SeededStream
        The source of randomness.
    records : int
        How many keys there are at the beginning.
    turnover : Turnover or None
        What replaces keys; None where none is replaced.
    """

    def __init__(
        self, stream: SeededStream, records: int, turnover: Turnover | None = None
    ) -> None:
        self._stream = stream
        self._turnover = turnover
        self._records = records
        self._preloaded = 0
        self._puts = np.empty(0, dtype=np.int64)

    def next(self, mix: Mix, rows: int, *, preload: int) -> tuple[Ops, Ranks]:
        """Return the operations and ranks of the next rows.

        Parameters
        ----------
        mix : Mix
            What is wished for.
        rows : int
            How many rows at most; those of the first request may be more.
        preload : int
            The next so many requests are the preload.

        Returns
        -------
        tuple of (ndarray of uint8, ndarray of int64)
            The operations, with gets for deletes that have nothing to delete, and the ranks.
        """
        if preload:
            count = min(rows, preload) if mix.most_rows > 1 else rows
        else:
            count = max(1, rows // mix.most_rows)
        kinds, ranks, records = self._requests(mix, count, min(preload, count))
        if self._turnover is None:
            return self._rows_of(mix, kinds, ranks, records)
        held, came = self._turnover.resolve(ranks, kinds == _REPLACE)
        ops, keys = self._rows_of(mix, kinds, held, records)
        is_new = np.zeros(len(ops), dtype=np.bool_)
        # A del that replaces is followed by the put of the new key.
        is_new[1:] = (ops[:-1] == DEL) & (ops[1:] == PUT)
        keys[is_new] = came
        return ops, keys

    def _requests(self, mix: Mix, count: int, preload: int) -> tuple[Kinds, Ranks, Ranks]:
        """Return requests, the keys they take, and how many keys there are at each."""
        kinds = mix.draw_kinds(self._stream, count)
        kinds[:preload] = PUT
        is_insert = kinds == _INSERT
        records = self._records + np.cumsum(is_insert) - is_insert
        ranks = mix.distribution.draw(self._stream, records)
        ranks[:preload] = np.arange(self._preloaded, self._preloaded + preload)
        ranks[is_insert] = records[is_insert]
        self._preloaded += preload
        self._records += int(is_insert.sum())
        if mix.has_puts or self._preloaded:
            self._choose_deleted(kinds, ranks)
        return kinds, ranks, records

    def _choose_deleted(self, kinds: Kinds, ranks: Ranks) -> None:
        is_put = _PUTS[kinds]
        known = np.concatenate([self._puts, ranks[is_put]])
        deletes = np.flatnonzero(kinds == DEL)
        available = len(self._puts) + np.cumsum(is_put)[deletes]
        back = self._stream.doubles(len(deletes))
        chosen = available - 1 - (back * np.minimum(available, _REMEMBERED_PUTS)).astype(np.int64)
        is_possible = available > 0
        kinds[deletes[~is_possible]] = GET
        ranks[deletes[is_possible]] = known[chosen[is_possible]]
        self._puts = known[-_REMEMBERED_PUTS:]

    def _rows_of(self, mix: Mix, kinds: Kinds, ranks: Ranks, records: Ranks) -> tuple[Ops, Ranks]:
        """Return the rows that requests become."""
        if mix.most_rows == 1:
            return _FIRST_OP[kinds], ranks
        lengths = 1 + ((kinds == _RMW) | (kinds == _REPLACE)).astype(np.int64)
        scans = np.flatnonzero(kinds == _SCAN)
        wished = 1 + self._stream.below(mix.max_scan, len(scans))
        # A scan ends behind the newest key.
        lengths[scans] = np.minimum(wished, records[scans] - ranks[scans])
        request = np.repeat(np.arange(len(kinds)), lengths)
        place = np.arange(len(request)) - (np.cumsum(lengths) - lengths)[request]
        kind = kinds[request]
        ops = _FIRST_OP[kind]
        ops[(kind != _SCAN) & (place == 1)] = PUT
        return ops, ranks[request] + np.where(kind == _SCAN, place, 0)


class QueuedOperations:
    """Puts bring keys in order, deletes take the oldest, gets walk over what is there.

    Parameters
    ----------
    stream : SeededStream
        The source of randomness.
    keys : int
        The size of the key space; behind its end it starts again.
    """

    def __init__(self, stream: SeededStream, keys: int) -> None:
        self._stream = stream
        self._keys = keys
        self._puts = 0
        self._deletes = 0
        self._gets = 0

    def next(self, mix: Mix, rows: int, *, preload: int) -> tuple[Ops, Ranks]:
        """Return the operations and ranks of the next rows; see `MixedOperations.next`.

        Parameters
        ----------
        mix : Mix
            Only its shares of get, put and delete count.
        rows : int
            How many rows.
        preload : int
            The first so many are puts.

        Returns
        -------
        tuple of (ndarray of uint8, ndarray of int64)
            The operations, with gets for deletes of an empty queue, and the ranks.
        """
        ops = mix.draw_kinds(self._stream, rows)
        ops[:preload] = PUT
        ops[self._finds_nothing(ops)] = GET
        puts = self._puts + np.cumsum(ops == PUT)
        deletes = self._deletes + np.cumsum(ops == DEL)
        gets = self._gets + np.cumsum(ops == GET)
        live = puts - deletes
        walked = np.where(live > 0, deletes + gets % np.maximum(live, 1), gets)
        ranks = np.select([ops == PUT, ops == DEL], [puts - 1, deletes - 1], walked)
        self._puts, self._deletes, self._gets = int(puts[-1]), int(deletes[-1]), int(gets[-1])
        return ops, ranks % self._keys

    def _finds_nothing(self, ops: Ops) -> npt.NDArray[np.bool_]:
        """Return where a delete meets an empty queue.

        The length of a queue that cannot fall below 0 is the free walk minus its running minimum
        (where that is negative): a delete at which the minimum falls had nothing to take.
        """
        step = (ops == PUT).astype(np.int64) - (ops == DEL)
        walk = self._puts - self._deletes + np.cumsum(step)
        lowest = np.minimum(np.minimum.accumulate(walk), 0)
        return np.diff(lowest, prepend=0) < 0
