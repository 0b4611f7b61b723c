"""What a map would answer to every operation: hits and misses, inserts, updates, deletions.

A key is in the map if the last put or del before was a put. Within a block that is a running
maximum over the places of puts and dels, sorted by key; for the first ones of a key it is the
state that the key had at the end of the block before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from adhash.analysis.dna.accesses import Accesses
from adhash.analysis.dna.key_table import ABSENT, DELETED, LIVE, KeyTable
from adhash.analysis.dna.tally import Tally

GET, PUT, DEL = 0, 1, 2

(
    HIT,
    MISS_NEVER_PUT,
    MISS_DELETED,
    INSERT_FIRST,
    INSERT_AGAIN,
    UPDATE,
    DELETE_FOUND,
    DELETE_MISSED,
) = range(8)
OUTCOMES: Final = 8

# By operation, by whether the key was ever put, by whether it is live; live means it was put.
_OUTCOME_OF = np.array(
    [
        [[MISS_NEVER_PUT, HIT], [MISS_DELETED, HIT]],
        [[INSERT_FIRST, UPDATE], [INSERT_AGAIN, UPDATE]],
        [[DELETE_MISSED, DELETE_FOUND], [DELETE_MISSED, DELETE_FOUND]],
    ],
    dtype=np.int64,
).ravel()
# How each outcome changes the number of entries.
_GROWTH = np.zeros(OUTCOMES, dtype=np.int64)
_GROWTH[[INSERT_FIRST, INSERT_AGAIN]] = 1
_GROWTH[DELETE_FOUND] = -1


class OutcomeCounter:
    """Counts outcomes, and follows how many entries the map holds."""

    def __init__(self) -> None:
        self.tally = Tally(OUTCOMES)
        self.entries = 0
        self.peak_entries = 0

    def add(self, accesses: Accesses, table: KeyTable) -> None:
        """Count the operations of a block.

        Parameters
        ----------
        accesses : Accesses
            The block.
        table : KeyTable
            The states of keys, which are brought up to date.
        """
        if not len(accesses.rows):
            return
        outcomes = outcomes_of(accesses, table)
        self.tally.add(outcomes, accesses.weighing)
        sizes = self.entries + accesses.weighing.weight * np.cumsum(_GROWTH[outcomes])
        self.peak_entries = max(self.peak_entries, int(sizes.max()))
        self.entries = int(sizes[-1])


@dataclass(frozen=True, kw_only=True)
class _Before:
    """For each access, sorted by key: whether its key was live, and was ever put, before it."""

    is_live: NDArray[np.bool_]
    was_put: NDArray[np.bool_]


def outcomes_of(accesses: Accesses, table: KeyTable) -> NDArray[np.int64]:
    """Return the outcome of each operation and bring the states of keys up to date.

    Parameters
    ----------
    accesses : Accesses
        Not empty.
    table : KeyTable
        The states of keys.

    Returns
    -------
    ndarray of int64, shape (n,)
        In the order of time.
    """
    ops = accesses.ops[accesses.order]
    before = _before(ops, accesses.heads, table.states[accesses.distinct])
    codes = ops.astype(np.int64) * 4 + before.was_put * 2 + before.is_live
    outcomes = np.empty(len(ops), dtype=np.int64)
    outcomes[accesses.order] = _OUTCOME_OF[codes]
    table.states[accesses.distinct] = _after(ops, before, accesses.tails)
    return outcomes


def _before(ops: NDArray[np.uint8], heads: NDArray[np.int64], states: NDArray[np.uint8]) -> _Before:
    rows = np.diff(np.append(heads, len(ops)))
    first = np.repeat(heads, rows)
    state = np.repeat(states, rows)
    last_put = _last_before(ops == PUT)
    last_change = _last_before(ops != GET)
    is_changed_here = last_change >= first
    is_put_here = last_put >= first
    return _Before(
        is_live=np.where(is_changed_here, last_change == last_put, state == LIVE),
        was_put=is_put_here | (state != ABSENT),
    )


def _last_before(is_such: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the place of the last such access before each one; -1 where there is none."""
    places = np.where(is_such, np.arange(len(is_such)), -1)
    last = np.full(len(is_such), -1, dtype=np.int64)
    np.maximum.accumulate(places[:-1], out=last[1:])
    return last


def _after(ops: NDArray[np.uint8], before: _Before, tails: NDArray[np.int64]) -> NDArray[np.uint8]:
    last = ops[tails]
    is_live = np.where(last == GET, before.is_live[tails], last == PUT)
    was_put = before.was_put[tails] | (last == PUT)
    states = np.where(is_live, LIVE, np.where(was_put, DELETED, ABSENT))
    return np.asarray(states, dtype=np.uint8)
