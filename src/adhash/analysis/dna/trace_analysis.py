"""What was counted of a trace, in the shapes that figures are computed from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adhash.analysis.dna.lengths import LengthDistribution
from adhash.analysis.dna.outcomes import OUTCOMES
from adhash.analysis.dna.popularity import (
    Popularity,
    popularity_of_all,
    popularity_of_sample,
)
from adhash.analysis.dna.scale import BUCKETS
from adhash.analysis.dna.tally import Tally
from adhash.analysis.dna.working_set import WorkingSetCounts
from adhash.replay.trace_counts import KeyHistories, TraceCounter
from adhash.snapshots.columns import column_to_arrow
from adhash.workloads.columns import Column

#: The bin of distances and gaps behind the buckets: accesses to keys not touched before.
FIRST_ACCESS = BUCKETS
# A key of the sketch is taken for counted if its count is off by 1 % at most.
_WELL_KNOWN = 50


@dataclass(frozen=True, kw_only=True)
class Sketch:
    """The most frequent of more keys than could be followed.

    Parameters
    ----------
    keys : Column
        In no order.
    rows : ndarray of int64, shape (n,)
        How often each occurred at least.
    error : int
        How much too low these can be, and how often any other key can have occurred.
    """

    keys: Column
    rows: NDArray[np.int64]
    error: int


class TraceAnalysis:
    """What a trace is like, as far as it is counted.

    Parameters
    ----------
    counter : TraceCounter
        Finished.
    key_type : str
        ``"int64"``, ``"uint64"``, ``"str"`` or ``"bytes"``.
    """

    def __init__(self, counter: TraceCounter, key_type: str) -> None:
        self.key_type = key_type
        self._counter = counter
        self._counts = counts = counter.counts()
        self.rows = counts["rows"]
        #: Rows from the beginning in which every key was followed.
        self.exact_rows = counts["exact_rows"]
        #: How many keys each key that is followed stands for.
        self.weight = counts["weight"]
        #: Operations by type; shape (3,).
        self.ops = counts["operations"]
        self.outcomes = self._tally(counts["outcomes"], OUTCOMES)
        self.entries = counts["entries"]
        self.peak_entries = counts["peak_entries"]
        #: Reuse distances; those of gets apart from the others.
        self.get_distances = self._tally(counts["get_distances"], BUCKETS + 1)
        self.other_distances = self._tally(counts["other_distances"], BUCKETS + 1)
        #: Rows from one access to the next of the same key.
        self.gaps = self._tally(counts["gaps"], BUCKETS + 1)
        #: Rows from the insertion of an entry to its deletion.
        self.lifetimes = self._tally(counts["lifetimes"], BUCKETS)
        #: Deletions of entries that no get had found; one bin.
        self.unread_deletions = self._tally(counts["unread_deletions"], 1)
        self.key_lengths = LengthDistribution(counts["key_lengths"])
        self.value_lengths = LengthDistribution(counts["value_lengths"])
        self.working_set = WorkingSetCounts(counts["key_windows"], rows=self.rows)
        self.phase_windows = counts["phase_windows"]
        self.integers = counts["order"]

    def _tally(self, counts: NDArray[np.int64], bins: int) -> Tally:
        return Tally(counts=counts.reshape(-1, bins), weight=self.weight)

    @property
    def is_exact(self) -> bool:
        """Whether every key is followed."""
        return self.weight == 1

    @cached_property
    def histories(self) -> KeyHistories:
        """What is known of the keys that are followed, in the order of their first rows."""
        return self._counter.histories()

    @property
    def tracked_keys(self) -> int:
        """How many keys are followed."""
        return len(self.histories["rows"])

    @cached_property
    def sketch(self) -> Sketch | None:
        """The hottest keys, where not all could be followed."""
        held = self._counter.sketch()
        return None if held is None else Sketch(keys=held[0], rows=held[1], error=held[2])

    def keys_of(self, numbers: NDArray[np.int64]) -> Column:
        """Return keys that are followed by their numbers, in the same order."""
        return self._counter.keys_of(numbers)

    def popularity(self) -> Popularity:
        """Return how rows are spread over keys."""
        rows = self.histories["rows"]
        if self.sketch is None:
            return popularity_of_all(rows, rows=self.rows)
        known = np.flatnonzero(self.sketch.rows >= _WELL_KNOWN * self.sketch.error)
        numbers = self._counter.numbers_of(taken(self.sketch.keys, known))
        drawn = np.ones(len(rows), dtype=np.bool_)
        drawn[numbers[numbers >= 0]] = False
        return popularity_of_sample(
            rows[drawn],
            self.histories["groups"][drawn].astype(np.int64),
            self.sketch.rows[known],
            weight=self.weight,
            rows=self.rows,
            counted_error=self.sketch.error,
        )


def taken(keys: Column, places: NDArray[np.int64]) -> Column:
    """Return some elements of a column.

    Parameters
    ----------
    keys : Column
        Any.
    places : ndarray of int64
        Which, in the order wanted.

    Returns
    -------
    Column
        A copy.
    """
    if not isinstance(keys, tuple):
        return np.asarray(keys[places])
    offsets, data = keys
    starts, sizes = offsets[places], np.diff(offsets)[places]
    ends = np.concatenate([[0], np.cumsum(sizes)])
    at = np.arange(ends[-1]) + np.repeat(starts - ends[:-1], sizes)
    return ends, data[at]


def listed(keys: Column, key_type: str) -> list[Any]:
    """Return keys as Python has them: integers, or bytes.

    Parameters
    ----------
    keys : Column
        Any.
    key_type : str
        Their type; strings are given as bytes.

    Returns
    -------
    list
        In the same order.
    """
    return column_to_arrow(keys, "bytes" if key_type == "str" else key_type).to_pylist()
