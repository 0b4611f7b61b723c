"""Counts in bins, of all rows or of a sample of the keys, with the error of what was sampled.

Keys are sampled by their hash: a key is in the sample or it is not, with everything that ever
happens to it. A row of a sampled key then stands for `weight` rows. How far such a sum can be from
the truth is estimated from the sample itself. Other bits of the hash divide its keys into groups;
each group is a small sample of its own, and leaving out one group after another (the jackknife)
shows how much the figure depends on which keys were drawn.

References
----------
K. M. Wolter, "Introduction to Variance Estimation", Springer 2007, chapters 2 (random groups) and
4 (jackknife).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Groups of sampled keys. More would give steadier errors and larger tables.
GROUPS = 16


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many rows fell into each of some bins.

    Parameters
    ----------
    counts : ndarray of int64, shape (1, n) or (1 + GROUPS, n)
        Row 0 was counted exactly; each other row is a group of sampled keys, already multiplied by
        what their rows stand for.
    weight : int
        How many rows one of a sampled key stands for at the end; 1 where all keys were followed.
    """

    counts: NDArray[np.int64]
    weight: int = 1

    def totals(self) -> NDArray[np.int64]:
        """Return the rows of each bin: counted, or estimated where keys were sampled."""
        summed: NDArray[np.int64] = self.counts.sum(axis=0)
        return summed

    def error_of(self, statistic: Callable[[NDArray[Any]], Any]) -> NDArray[np.float64]:
        """Return the standard error of a figure that is computed from the totals.

        Parameters
        ----------
        statistic : callable
            Takes totals, gives a number or an array of them.

        Returns
        -------
        ndarray of float64
            Of the shape that `statistic` gives; 0 where every key was followed.
        """
        return jackknife(self.counts, statistic, weight=self.weight)


def jackknife(
    counts: NDArray[Any], statistic: Callable[[NDArray[Any]], Any], *, weight: int
) -> NDArray[np.float64]:
    """Return the standard error of a figure from sums over groups of sampled keys.

    Parameters
    ----------
    counts : ndarray, shape (1 + GROUPS, n) or (1, n)
        Row 0 is exact; the others are groups, already multiplied by what their rows stand for.
    statistic : callable
        Takes the sum over rows, gives a number or an array.
    weight : int
        What a row of the sample stands for: of a sample of half the keys, half is no guess.

    Returns
    -------
    ndarray of float64
        Of the shape that `statistic` gives.
    """
    if len(counts) == 1:
        return np.zeros_like(np.asarray(statistic(counts[0]), dtype=np.float64))
    groups = counts[1:]
    sampled = groups.sum(axis=0)
    others = GROUPS / (GROUPS - 1)
    without = np.array([statistic(counts[0] + (sampled - group) * others) for group in groups])
    spread = ((without - without.mean(axis=0)) ** 2).sum(axis=0)
    return np.asarray(np.sqrt(spread * (1 - 1 / weight) / others), dtype=np.float64)
