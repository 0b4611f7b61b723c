"""How the rows of a trace are spread over its keys."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adhash.analysis.dna.tally import GROUPS


@dataclass(frozen=True, kw_only=True)
class Popularity:
    """How many rows each key that is followed has had.

    Parameters
    ----------
    counts : ndarray of int64, shape (n,)
        In descending order.
    groups : ndarray of int64, shape (n,)
        The group of each key, for errors of samples.
    weight : int
        How many keys each one stands for.
    rows : int
        The rows of the whole trace.
    """

    counts: NDArray[np.int64]
    groups: NDArray[np.int64]
    weight: int
    rows: int

    @classmethod
    def of(
        cls, counts: NDArray[np.int64], groups: NDArray[np.int64], *, weight: int, rows: int
    ) -> Popularity:
        """Return the popularity of keys in any order."""
        order = np.argsort(-counts, kind="stable")
        return cls(counts=counts[order], groups=groups[order], weight=weight, rows=rows)

    @property
    def unique(self) -> int:
        """Distinct keys; estimated from a sample."""
        return len(self.counts) * self.weight

    @property
    def unique_error(self) -> float:
        """The standard error of `unique`: each key was drawn or not, by itself."""
        return math.sqrt(self.unique * (self.weight - 1))

    def once_only_share(self) -> float:
        """Return the share of keys that occur in a single row."""
        return float(np.mean(self.counts == 1))

    def top_keys(self, share: float) -> int:
        """Return how many keys a share of all keys is: at least one, rounded down."""
        return max(1, int(self.unique * share))

    def share_of_top(self, keys: int) -> float:
        """Return the share of rows that go to so many of the most frequent keys."""
        return float(self.counts[: max(1, keys // self.weight)].sum() / self.counts.sum())

    def keys_for(self, share: float) -> int:
        """Return how many of the most frequent keys it takes for a share of the rows."""
        reached = np.cumsum(self.counts) / self.counts.sum()
        return int(np.searchsorted(reached, share * (1 - 1e-12)) + 1) * self.weight

    def entropy_bits(self) -> float:
        """Return the Shannon entropy of the key of a row chosen at random, in bits.

        From a sample, each key's part is estimated by itself, with the number of rows known.
        """
        shares = self.counts / self.rows
        bits = -self.weight * float(shares @ np.log2(shares))
        return max(0.0, bits)

    def error_of(self, statistic: Callable[[Popularity], float]) -> float:
        """Return the standard error of a figure, by leaving out each group of keys in turn.

        Parameters
        ----------
        statistic : callable
            Takes a popularity, gives a number.

        Returns
        -------
        float
            0 where every key was followed.
        """
        if self.weight == 1 or len(self.counts) < 2 * GROUPS:
            return 0.0 if self.weight == 1 else math.inf
        figures = np.array([statistic(self._without(group)) for group in range(GROUPS)])
        spread = float(((figures - figures.mean()) ** 2).sum())
        return math.sqrt(spread * (GROUPS - 1) / GROUPS * (1 - 1 / self.weight))

    def _without(self, group: int) -> Popularity:
        kept = self.groups != group
        return Popularity(
            counts=self.counts[kept], groups=self.groups[kept], weight=self.weight, rows=self.rows
        )
