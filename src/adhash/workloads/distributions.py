"""How often each key is used: uniform, Zipf, a hot spot, the latest, exponentially less by age.

A key is its rank: 0 is the key that was there first. Where keys are inserted, there are more of
them request by request, so that what is drawn is bounded by a number for each draw. Every method
here is exact: the probability of each rank is that of the definition, to the last bits of a double.

References
----------
B. F. Cooper and others, "Benchmarking Cloud Serving Systems with YCSB", SoCC 2010, for hot spot,
latest and exponential and their parameters.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import numpy.typing as npt

from adhash.workloads.seeded import SeededStream
from adhash.workloads.zipf import GrowingZipfSampler, ZipfSampler

Ranks = npt.NDArray[np.int64]


class Distribution(Protocol):
    """Draws ranks of keys."""

    def draw(self, stream: SeededStream, records: Ranks) -> Ranks:
        """Return a rank below each number of `records`, which do not fall."""
        ...


class Uniform:
    """Every key is as frequent as any other."""

    def draw(self, stream: SeededStream, records: Ranks) -> Ranks:
        """Return a rank below each number of `records`."""
        return (stream.doubles(len(records)) * records).astype(np.int64)


class Zipf:
    """The key of rank k has a probability proportional to ``(k + 1)**-exponent``.

    Parameters
    ----------
    keys : int
        How many keys there are at the beginning.
    exponent : float
        At least 0.
    """

    def __init__(self, *, keys: int, exponent: float) -> None:
        self._fixed = ZipfSampler(keys=keys, exponent=exponent)
        self._growing = GrowingZipfSampler(exponent)
        self._keys = keys

    def draw(self, stream: SeededStream, records: Ranks) -> Ranks:
        """Return a rank below each number of `records`."""
        if records[-1] == self._keys:
            return self._fixed.draw(stream, len(records))
        return self._growing.draw(stream, records)


class Latest:
    """The age of the key, counted in keys, has the Zipf distribution: new keys are hot.

    Parameters
    ----------
    keys : int
        How many keys there are at the beginning.
    exponent : float
        At least 0.
    """

    def __init__(self, *, keys: int, exponent: float) -> None:
        self._ages = Zipf(keys=keys, exponent=exponent)

    def draw(self, stream: SeededStream, records: Ranks) -> Ranks:
        """Return a rank below each number of `records`."""
        return records - 1 - self._ages.draw(stream, records)


class Hotspot:
    """Some of the keys get most of the requests; within both parts keys are equal.

    Parameters
    ----------
    hot_set : float
        The fraction of the keys that is hot: the first ones, rounded down, but at least one and
        not more than there are.
    hot_ops : float
        The fraction of the requests that go to hot keys; all of them where every key is hot.
    """

    def __init__(self, *, hot_set: float, hot_ops: float) -> None:
        self._hot_set = hot_set
        self._hot_ops = hot_ops

    def draw(self, stream: SeededStream, records: Ranks) -> Ranks:
        """Return a rank below each number of `records`."""
        hot_keys = np.maximum((records * self._hot_set).astype(np.int64), 1)
        is_hot = (stream.doubles(len(records)) < self._hot_ops) | (hot_keys == records)
        first = np.where(is_hot, 0, hot_keys)
        among = np.where(is_hot, hot_keys, records - hot_keys)
        return np.asarray(first + (stream.doubles(len(records)) * among).astype(np.int64))


class OfTheFirst:
    """Keys that were there at the beginning, by another distribution.

    Parameters
    ----------
    keys : int
        How many there were.
    distribution : Distribution
        Of these.
    """

    def __init__(self, keys: int, distribution: Distribution) -> None:
        self._keys = keys
        self._distribution = distribution

    def draw(self, stream: SeededStream, records: Ranks) -> Ranks:
        """Return a rank below each number of `records`."""
        return self._distribution.draw(stream, np.minimum(records, self._keys))


class Exponential:
    """The age of the key, counted in keys, has the exponential distribution, cut at the oldest.

    Age a has a probability proportional to ``exp(-rate * a)``, where the rate is such that
    `percentile` percent of an exponential distribution without end lie below ``frac * keys``.

    Parameters
    ----------
    keys : int
        How many keys there are at the beginning.
    percentile : float
        Between 0 and 100.
    frac : float
        Above 0.
    """

    def __init__(self, *, keys: int, percentile: float, frac: float) -> None:
        self._rate = -math.log1p(-percentile / 100) / (keys * frac)

    def draw(self, stream: SeededStream, records: Ranks) -> Ranks:
        """Return a rank below each number of `records`."""
        all_of_it = -np.expm1(-self._rate * records)
        ages = -np.log1p(-stream.doubles(len(records)) * all_of_it) / self._rate
        return np.asarray(records - 1 - np.minimum(ages.astype(np.int64), records - 1))
