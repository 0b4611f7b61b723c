"""How far apart the accesses to a key are: in rows, and in other keys touched meanwhile.

The reuse distance of an access (also: LRU stack distance) is the number of distinct other keys
since the access before to the same key. A cache of c entries that evicts the least recently used
one hits exactly where the distance is below c, so that the distances of a trace give the miss
ratio of every size of cache at once.

Tree algorithms ask for each access how many keys were touched last after row p, the row of the
access before. For a whole block that splits into two questions that arrays answer. At the start of
the block, the last rows of all keys stand sorted: a binary search tells how many lie behind p.
Accesses of the block itself touch a key for the first time since p unless their own access before
lies behind p as well: counting those is counting greater numbers before each one.

References
----------
R. L. Mattson, J. Gecsei, D. R. Slutz, I. L. Traiger, "Evaluation techniques for storage
hierarchies", IBM Systems Journal 9 (1970). B. T. Bennett, V. J. Kruskal, "LRU stack processing",
IBM Journal of Research and Development 19 (1975). F. Olken, LBL-12370 (1981). For samples:
C. A. Waldspurger and others, "Efficient MRC Construction with SHARDS", FAST 2015.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from adhash.analysis.dna.accesses import Accesses
from adhash.analysis.dna.inversions import count_greater_before
from adhash.analysis.dna.outcomes import GET
from adhash.analysis.dna.scale import BUCKETS, buckets_of
from adhash.analysis.dna.tally import Tally

#: The bin behind the buckets: accesses to keys that were not touched before.
FIRST_ACCESS = BUCKETS
BINS = BUCKETS + 1


class ReuseCounter:
    """Counts reuse distances and the rows between accesses, in buckets of `scale`."""

    def __init__(self) -> None:
        #: Of distances; those of gets apart from the others.
        self.gets = Tally(BINS)
        self.others = Tally(BINS)
        #: Of rows from one access to the next of the same key.
        self.gaps = Tally(BINS)
        # The last row of each key that is followed, sorted, at the front of a larger array.
        self._held: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._keys = 0

    def add(self, accesses: Accesses) -> None:
        """Count the accesses of a block."""
        distances = self._distances(accesses)
        is_first = accesses.previous < 0
        bins = _bins(distances * accesses.weighing.weight, is_first)
        is_get = accesses.ops == GET
        self.gets.add(bins[is_get], accesses.weighing.at(is_get))
        self.others.add(bins[~is_get], accesses.weighing.at(~is_get))
        self.gaps.add(_bins(accesses.rows - accesses.previous, is_first), accesses.weighing)

    def forget(self, last_rows: NDArray[np.int64]) -> None:
        """Go on with fewer keys.

        Parameters
        ----------
        last_rows : ndarray of int64
            The last rows of the keys that are left, in any order.
        """
        self._held = np.sort(last_rows)
        self._keys = len(last_rows)

    @property
    def _last_rows(self) -> NDArray[np.int64]:
        return self._held[: self._keys]

    def _distances(self, accesses: Accesses) -> NDArray[np.int64]:
        """Return the distance of each access, in keys that are followed; of first ones anything."""
        previous, place = accesses.previous, accesses.previous_place
        is_here = place >= 0
        from_before = np.flatnonzero(~is_here & (previous >= 0))
        # Stable: where keys come in the order of the last time, runs of them are sorted already.
        from_before = from_before[np.argsort(previous[from_before], kind="stable")]
        known = np.searchsorted(self._last_rows, previous[from_before])
        ranks = _ranks(place, from_before, is_here)
        here = np.arange(len(previous))
        distances = np.where(is_here, here - place - 1, here) - count_greater_before(ranks)
        distances[from_before] += len(self._last_rows) - 1 - known
        self._move_to_end(accesses, known)
        return np.asarray(distances)

    def _move_to_end(self, accesses: Accesses, known: NDArray[np.int64]) -> None:
        """Give the keys of a block their new last rows; `known` is where their old ones stand."""
        if len(known):
            first = known[0]
            stays = np.ones(self._keys - first, dtype=np.bool_)
            stays[known - first] = False
            kept = self._last_rows[first:][stays]
            self._keys = first + len(kept)
            self._held[first : self._keys] = kept
        is_last = np.zeros(len(accesses.rows), dtype=np.bool_)
        is_last[accesses.order[accesses.tails]] = True
        self._append(accesses.rows[is_last])

    def _append(self, latest: NDArray[np.int64]) -> None:
        size = self._keys + len(latest)
        if size > len(self._held):
            room = np.empty(max(size, 2 * len(self._held)), dtype=np.int64)
            room[: self._keys] = self._last_rows
            self._held = room
        self._held[self._keys : size] = latest
        self._keys = size


def _ranks(
    place: NDArray[np.int64], from_before: NDArray[np.int64], is_here: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return the rank of each access by the row of the access before it.

    First accesses come first, then those whose access before lies in an earlier block, then those
    whose access before lies in this one; no two of these have the same access before.
    """
    n = len(place)
    is_first = ~is_here
    is_first[from_before] = False
    ranks = np.cumsum(is_first) - 1
    firsts = int(is_first.sum())
    ranks[from_before] = firsts + np.arange(len(from_before))
    is_previous = np.zeros(n, dtype=np.bool_)
    is_previous[place[is_here]] = True
    rank_of_place = firsts + len(from_before) + np.cumsum(is_previous) - 1
    ranks[is_here] = rank_of_place[place[is_here]]
    return np.asarray(ranks)


def _bins(numbers: NDArray[np.int64], is_first: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.where(is_first, FIRST_ACCESS, buckets_of(np.where(is_first, 0, numbers)))
