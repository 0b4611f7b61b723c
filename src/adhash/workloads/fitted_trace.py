"""A trace as a model: what is kept of it to make others like it.

Keys are taken as objects, each with a life: when it is first touched, how often, and when last. An
object is mostly a single key; keys that are always touched one after the other, in the same way,
are one object together. A visit of an object is a run of rows of the same key, such as a get that
misses and the put that follows; of several keys, one such run for each in their order.

Within a life, the gaps between visits are drawn from the gaps of objects that are about as popular
and about as fast, each divided by the mean gap of its object. What a visit does is drawn by the
popularity of the object and by the state of its key: never put so far, live, or deleted. Apart
stand the visit that puts it for the first time, which is known of each object, and the last one,
which depends on how the life ends. So popularity, arrivals, the ends of lives and what is live at
the end are those of the trace, reuse is that of its classes of objects, and which visits lie side
by side is chance.

Time is not that of rows. A stretch in which keys are seen for the first time, such as a load, would
in rows be long, and visits drawn with even gaps would fall into it though there were none. So the
clock runs by a row for each row of a visit that is not the first, and by a sixteenth for others.

References
----------
A. Sabnis, R. K. Sitaraman, "JEDI: model-driven trace generation for cache simulations", IMC 2022,
for popularity and reuse taken together. H. Che, Y. Tung, Z. Wang, "Hierarchical web caching
systems", IEEE JSAC 20(7), 2002, and X. Xiang, C. Ding, H. Luo, B. Bao, "HOTL", ASPLOS 2013, for why
gaps between accesses give the miss ratios of caches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

#: States of a key.
NEVER_PUT, LIVE, DELETED = range(3)
STATES = 3
#: What a visit does depends on the state before it; the visit that first puts the key and the
#: last visit of a life have cells of their own: `FIRST_PUT`, and `LAST` behind each of the others.
FIRST_PUT = 3
LAST = 4
CELLS = 8
#: A visit has at most so many rows of a key; its operations are two bits each, plus one.
MOST_OPS = 4
PATTERNS = 1 << (2 * MOST_OPS)
#: Entries of the tables that patterns and lengths are drawn from.
TABLE = 1 << 14


@dataclass(frozen=True, kw_only=True)
class FittedTrace:
    """What is kept of a trace.

    Parameters
    ----------
    rows : int
        Of the part that was fitted.
    key_type, value_type : str
        As in the trace.
    first, last : ndarray of float64, shape (m,)
        The times at which the first and the last visit of each object begin; `first` ascends.
    windows : ndarray of float64, shape (n + 1,)
        The times at which windows of about equally many rows begin, and that of the end.
    visits : ndarray of int64, shape (m,)
        How many there are.
    sizes : ndarray of int64, shape (m,)
        Keys of each object.
    gap_groups : ndarray of int64, shape (m,)
        The class of each object by popularity and speed.
    op_groups : ndarray of int64, shape (m,)
        The class by popularity and by the state at the end.
    first_put : ndarray of int64, shape (m,)
        Which visit, from 0, puts the key for the first time; as many as there are for never.
    begins : ndarray of int64, shape (m,)
        Where the keys of each object begin in the two that follow.
    integers : ndarray of int64 or uint64, shape (keys,)
        Integer keys by object, in the order in which they are touched; empty for strings.
    lengths : ndarray of int64, shape (keys,)
        Likewise of strings: how many bytes each has; empty for integers.
    gap_shapes : ndarray of float64
        Gaps divided by the mean of their object, all tables one after another.
    gap_bounds : ndarray of int64, shape (3 * groups + 1,)
        Where the table of each group and state begins.
    patterns : ndarray of uint8, shape (groups, CELLS, TABLE)
        What a visit does, by group and cell; drawn by a uniform number.
    value_lengths : ndarray of int64, shape (TABLE,)
        Lengths of values; drawn likewise.
    new_share : float
        The share of keys that an epoch behind the first one has anew.
    """

    rows: int
    key_type: str
    value_type: str
    first: npt.NDArray[np.float64]
    last: npt.NDArray[np.float64]
    windows: npt.NDArray[np.float64]
    visits: Ints
    sizes: Ints
    gap_groups: Ints
    op_groups: Ints
    first_put: Ints
    begins: Ints
    integers: npt.NDArray[np.int64] | npt.NDArray[np.uint64]
    lengths: Ints
    gap_shapes: npt.NDArray[np.float64]
    gap_bounds: Ints
    patterns: npt.NDArray[np.uint8]
    value_lengths: Ints
    new_share: float

    @property
    def objects(self) -> int:
        """How many objects there are."""
        return len(self.first)


def rows_of_pattern() -> Ints:
    """Return how many rows each pattern has; shape (PATTERNS,)."""
    codes = np.arange(PATTERNS)
    return np.asarray(sum((codes >> (2 * place)) & 3 != 0 for place in range(MOST_OPS)))


def state_after(patterns: npt.NDArray[np.uint8], state: int) -> npt.NDArray[np.uint8]:
    """Return the state of a key in `state` after each pattern: the last put or del decides."""
    codes = patterns.astype(np.int64)
    after = np.full(codes.shape, state, dtype=np.uint8)
    for place in range(MOST_OPS):
        op = (codes >> (2 * place)) & 3
        after[op == 2] = LIVE
        after[(op == 3) & (after == LIVE)] = DELETED
    return after
