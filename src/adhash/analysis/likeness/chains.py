"""Keys that are always touched one after the other, in the same way: they are one object.

Key b follows key a if every visit of a is followed at once by one of b that does the same, and no
other visit of b exists. Such pairs make chains, because the first visit of a cycle would have to
follow another one of it. Of keys that are visited only once, only neighbours among the integers
count: else all that is new would be a single chain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adhash.analysis.likeness.reading import Ints, TraceRows

# Longer chains are cut: they are visited as a whole.
_MOST_KEYS = 256


@dataclass(frozen=True, kw_only=True)
class Chains:
    """Which keys are one object.

    Parameters
    ----------
    is_head : ndarray of bool, shape (keys,)
        Whether a key is the first one of its object.
    sizes : ndarray of int64, shape (keys,)
        Of heads: how many keys the object has.
    begins : ndarray of int64, shape (keys,)
        Of heads: where those keys begin in `members`.
    members : ndarray of int64, shape (keys,)
        All keys by object, each object's in the order in which they are touched.
    """

    is_head: npt.NDArray[np.bool_]
    sizes: Ints
    begins: Ints
    members: Ints


def chains_of(rows: TraceRows, whom: Ints, patterns: npt.NDArray[np.uint8], keys: int) -> Chains:
    """Return which keys are always touched together.

    Parameters
    ----------
    rows : TraceRows
        The trace.
    whom : ndarray of int64, shape (n,)
        The key of each visit, in the order of time.
    patterns : ndarray of uint8, shape (n,)
        What each visit does.
    keys : int
        How many keys there are.

    Returns
    -------
    Chains
        In which most keys are alone.
    """
    before = _keys_before(rows, whom, patterns, keys)
    head, place = _heads_and_places(before)
    cut = place % _MOST_KEYS
    order = np.lexsort((place, head))
    is_head = cut == 0
    starts = np.flatnonzero(is_head[order])
    sizes, begins = np.ones(keys, dtype=np.int64), np.zeros(keys, dtype=np.int64)
    sizes[order[starts]] = np.diff(np.append(starts, keys))
    begins[order[starts]] = starts
    return Chains(is_head=is_head, sizes=sizes, begins=begins, members=order)


def _keys_before(rows: TraceRows, whom: Ints, patterns: npt.NDArray[np.uint8], keys: int) -> Ints:
    """Return the key that each key always follows; the key itself where there is none."""
    own = np.arange(keys)
    if len(whom) < 2:
        return own
    leaving, entering = whom[:-1], whom[1:]
    is_alike = patterns[:-1] == patterns[1:]
    counts = np.bincount(whom, minlength=keys)
    # Of several that follow a key, any will do: if it is not the only one, the counts tell.
    after = np.full(keys, -1)
    after[leaving] = entering
    is_same = is_alike & (after[leaving] == entering)
    leaves = np.bincount(leaving[is_same], minlength=keys)
    follower = np.where((leaves == counts) & (counts > 0), after, -1)
    before = own.copy()
    led = np.flatnonzero(follower >= 0)
    # As often as the other one: then no visit of it follows anything else.
    fits = counts[led] == counts[follower[led]]
    fits &= (counts[led] > 1) | _are_neighbours(rows, led, follower[led])
    fits &= led != follower[led]
    before[follower[led[fits]]] = led[fits]
    return before


def _are_neighbours(rows: TraceRows, lower: Ints, upper: Ints) -> npt.NDArray[np.bool_]:
    values = rows.values_of_keys
    if not len(values):
        return np.zeros(len(lower), dtype=np.bool_)
    return np.asarray((values[upper] - values[lower] == 1) & (values[upper] > values[lower]))


def _heads_and_places(before: Ints) -> tuple[Ints, Ints]:
    """Return the first key of each chain, and how far behind it each key stands, by doubling."""
    head = before
    place = (before != np.arange(len(before))).astype(np.int64)
    while True:
        further = head[head]
        if (further == head).all():
            return head, place
        place = place + place[head]
        head = further
