"""How the rows of a trace are spread over its keys.

Of a sample of keys alone, the hottest ones say nothing: each is in it or is not. They are in the
sketch, though, with a count that is nearly exact. So where keys were sampled, those that the sketch
knows well stand for themselves, and sampled keys stand for the others only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from adhash.analysis.dna.tally import GROUPS

#: The group of keys that were counted, and not drawn.
COUNTED = -1


Statistic: TypeAlias = Callable[["Popularity"], float]


@dataclass(frozen=True, kw_only=True)
class Popularity:
    """How many rows keys have, the most frequent key first.

    Parameters
    ----------
    counts : ndarray of int64, shape (n,)
        In descending order.
    weights : ndarray of float64, shape (n,)
        How many keys of about this count each one stands for.
    groups : ndarray of int64, shape (n,)
        The group of each key that was drawn, for errors; COUNTED for others.
    rows : int
        The rows of the whole trace.
    weight : int
        How many keys a drawn one stands for; 1 where all keys were followed.
    counted_error_rows : float
        How many rows the counts of keys that were not drawn can be off together.
    """

    counts: NDArray[np.int64]
    weights: NDArray[np.float64]
    groups: NDArray[np.int64]
    rows: int
    weight: int = 1
    counted_error_rows: float = 0.0

    @property
    def unique(self) -> int:
        """Distinct keys; estimated from a sample."""
        return round(float(self.weights.sum()))

    @property
    def unique_error(self) -> float:
        """The standard error of `unique`: each key was drawn or not, by itself."""
        drawn = int((self.groups != COUNTED).sum())
        return math.sqrt(drawn * self.weight * (self.weight - 1))

    @property
    def ranks(self) -> NDArray[np.float64]:
        """The rank of each key, from 1; the middle one of those it stands for."""
        return np.asarray(self._keys_reached - self.weights / 2 + 0.5)

    @cached_property
    def row_shares(self) -> NDArray[np.float64]:
        """The share of all rows that each key and those it stands for have; they sum to 1.

        What drawn keys have together is known: the rows that counted keys do not have.
        """
        held = self.counts * self.weights
        is_drawn = self.groups != COUNTED
        of_drawn = float(held[is_drawn].sum())
        if of_drawn:
            held[is_drawn] *= max(self.rows - float(held[~is_drawn].sum()), 0.0) / of_drawn
        return np.asarray(held / held.sum())

    def once_only_share(self) -> float:
        """Return the share of keys that occur in a single row."""
        return float(self.weights[self.counts == 1].sum() / self.weights.sum())

    def top_keys(self, share: float) -> int:
        """Return how many keys a share of all keys is: at least one, rounded down."""
        return max(1, int(self.unique * share))

    @cached_property
    def _keys_reached(self) -> NDArray[np.float64]:
        """How many keys there are up to each one, and it."""
        return np.cumsum(self.weights)

    @cached_property
    def _shares_reached(self) -> NDArray[np.float64]:
        """The share of rows up to each key, and it."""
        return np.cumsum(self.row_shares)

    def share_of_top(self, keys: int) -> float:
        """Return the share of rows that go to so many of the most frequent keys."""
        at = int(np.searchsorted(self._keys_reached, keys))
        if at == len(self.counts):
            return float(self._shares_reached[-1])
        whole = float(self._shares_reached[at - 1]) if at else 0.0
        left = keys - (float(self._keys_reached[at - 1]) if at else 0.0)
        return whole + float(self.row_shares[at]) * left / float(self.weights[at])

    def keys_for(self, share: float) -> int:
        """Return how many of the most frequent keys it takes for a share of the rows."""
        reached = self._shares_reached
        # Sums that reach a share exactly must not miss it by rounding.
        at = int(np.searchsorted(reached, share * reached[-1] * (1 - 1e-12)))
        return round(float(self._keys_reached[at]))

    @cached_property
    def entropy_bits(self) -> float:
        """The Shannon entropy of the key of a row chosen at random, in bits."""
        # Most keys share their count with many others: one logarithm does for all of them.
        first = np.concatenate([[0], np.flatnonzero(np.diff(self.counts)) + 1])
        shares = np.add.reduceat(self.row_shares, first)
        bits = np.log2(self.counts[first] / self.rows)
        return max(0.0, -float((shares * bits).sum()))

    def errors_of(self, statistics: Mapping[str, Statistic]) -> dict[str, float | None]:
        """Return the standard errors of figures, by leaving out each group of keys in turn.

        Parameters
        ----------
        statistics : mapping of str to callable
            What computes each figure from a popularity.

        Returns
        -------
        dict
            By the same names; 0 where every key was counted, None where too few were drawn to
            tell.
        """
        drawn = int((self.groups != COUNTED).sum())
        if drawn < 2 * GROUPS:
            return dict.fromkeys(statistics, None if drawn else 0.0)
        figures = np.array([self._figures_without(group, statistics) for group in range(GROUPS)])
        spread = ((figures - figures.mean(axis=0)) ** 2).sum(axis=0)
        errors = np.sqrt(spread * (GROUPS - 1) / GROUPS * (1 - 1 / self.weight))
        return dict(zip(statistics, errors.tolist(), strict=True))

    def _figures_without(self, group: int, statistics: Mapping[str, Statistic]) -> list[float]:
        others = self._without(group)
        return [statistic(others) for statistic in statistics.values()]

    def _without(self, group: int) -> Popularity:
        kept = self.groups != group
        others = np.where(self.groups[kept] == COUNTED, 1.0, GROUPS / (GROUPS - 1))
        return Popularity(
            counts=self.counts[kept],
            weights=self.weights[kept] * others,
            groups=self.groups[kept],
            rows=self.rows,
            weight=self.weight,
        )


def popularity_of_all(counts: NDArray[np.int64], *, rows: int) -> Popularity:
    """Return the popularity of keys of which every one was followed.

    Parameters
    ----------
    counts : ndarray of int64, shape (n,)
        How many rows each key has, in any order.
    rows : int
        The rows of the trace.

    Returns
    -------
    Popularity
        Exact.
    """
    return Popularity(
        counts=np.sort(counts)[::-1],
        weights=np.ones(len(counts)),
        groups=np.full(len(counts), COUNTED),
        rows=rows,
    )


def popularity_of_sample(
    counts: NDArray[np.int64],
    groups: NDArray[np.int64],
    counted: NDArray[np.int64],
    *,
    weight: int,
    rows: int,
    counted_error: int,
) -> Popularity:
    """Return the popularity of keys of which some were drawn and the hottest were counted.

    Parameters
    ----------
    counts : ndarray of int64, shape (n,)
        How many rows each drawn key has, without those that were counted.
    groups : ndarray of int64, shape (n,)
        The group of each.
    counted : ndarray of int64, shape (m,)
        How many rows each counted key has.
    weight : int
        How many keys a drawn one stands for.
    rows : int
        The rows of the trace.
    counted_error : int
        How far a count of `counted` can be below the truth.

    Returns
    -------
    Popularity
        An estimate.
    """
    all_counts = np.concatenate([counted + counted_error // 2, counts])
    weights = np.concatenate([np.ones(len(counted)), np.full(len(counts), float(weight))])
    all_groups = np.concatenate([np.full(len(counted), COUNTED), groups])
    order = np.argsort(-all_counts, kind="stable")
    return Popularity(
        counts=all_counts[order],
        weights=weights[order],
        groups=all_groups[order],
        rows=rows,
        weight=weight,
        counted_error_rows=len(counted) * counted_error / 2,
    )
