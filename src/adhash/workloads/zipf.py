"""Exact samples from a bounded Zipf distribution of any exponent.

Rank k of 1..n has a probability proportional to k**-s. Common shortcuts are not that: numpy's
`zipf` has no bound and no exponent up to 1, and cutting it off at n piles the tail up or throws it
away; the formula of YCSB approximates.

Two exact methods are used. A small key space has its cumulative distribution as a table, and a
uniform number is looked up in it. A large one uses rejection-inversion (Hörmann and Derflinger):
with h(x) = x**-s and H an antiderivative of it, draw u uniformly between H(1.5) - h(1) and
H(n + 0.5), take x = H^-1(u), and round x to the integer k::

    h(x) | \\
         |  \\          h is convex, so its area from k - 1/2 to k + 1/2 is at least h(k);
         |   '-._       accept where u falls into the part of size h(k) at the right end,
         |       '--.   that is where u >= H(k + 1/2) - h(k)
         +---|--|--|--> x
               k

which makes every k as probable as h(k) says. More than 9 in 10 draws are accepted.

References
----------
W. Hörmann, G. Derflinger, "Rejection-inversion to generate variates from monotone discrete
distributions", ACM TOMACS 6(3), 1996, pp. 169-184.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from adhash.workloads.seeded import SeededStream

Floats = npt.NDArray[np.float64]
Ranks = npt.NDArray[np.int64]
Bound = int | Ranks

# A table of this many doubles stays in a core's L2 cache, where a search beats the logarithms.
_TABLE_KEYS = 1 << 15


def zipf_pmf(keys: int, exponent: float) -> Floats:
    """Return the probability of each rank.

    Parameters
    ----------
    keys : int
        The number of ranks, n.
    exponent : float
        s, at least 0.

    Returns
    -------
    ndarray of float64, shape (n,)
        The most probable rank first.
    """
    weights: Floats = np.arange(1, keys + 1, dtype=np.float64) ** -exponent
    weights /= weights.sum()
    return weights


class _Inversion:
    """Rejection-inversion for one exponent.

    Parameters
    ----------
    exponent : float
        s, at least 0.
    """

    def __init__(self, exponent: float) -> None:
        self._exponent = exponent
        ends = self.area(np.array([1.5, 2.5]))
        self._low = float(ends[0]) - 1.0
        # Draws this close below an integer are accepted without computing H again.
        self._sure = 2.0 - float(self._inverse(ends[1:] - 2.0**-exponent)[0])

    def area(self, x: Floats) -> Floats:
        """Return H(x) = (x**(1-s) - 1) / (1-s), or log x where s = 1."""
        log_x = np.log(x)
        return _expm1_ratio((1.0 - self._exponent) * log_x) * log_x

    def propose(self, doubles: Floats, *, keys: Bound, high: float | Floats) -> Ranks:
        """Return ranks below `keys`, whose H(keys + 1/2) is `high`; -1 for rejected draws."""
        u = high + doubles * (self._low - high)
        x = self._inverse(u)
        k = np.clip(np.floor(x + 0.5), 1.0, keys)
        ranks = k.astype(np.int64) - 1
        unsure = np.flatnonzero(k - x > self._sure)
        k_unsure = k[unsure]
        bound = self.area(k_unsure + 0.5) - k_unsure**-self._exponent
        ranks[unsure[u[unsure] < bound]] = -1
        return ranks

    def _inverse(self, u: Floats) -> Floats:
        t = np.maximum(u * (1.0 - self._exponent), -1.0)
        return np.exp(_log1p_ratio(t) * u)


class ZipfSampler:
    """Draws ranks, of which 0 is the most probable.

    Parameters
    ----------
    keys : int
        The number of ranks, n.
    exponent : float
        s, at least 0; 0 is the uniform distribution.
    method : {"auto", "table", "rejection"}
        "auto" takes the faster one.
    """

    def __init__(
        self,
        *,
        keys: int,
        exponent: float,
        method: Literal["auto", "table", "rejection"] = "auto",
    ) -> None:
        self._keys = keys
        self._cdf: Floats | None = None
        if method == "table" or (method == "auto" and keys <= _TABLE_KEYS):
            self._cdf = np.cumsum(zipf_pmf(keys, exponent))
            return
        self._inversion = _Inversion(exponent)
        self._high = float(self._inversion.area(np.array([keys + 0.5]))[0])

    def draw(self, stream: SeededStream, count: int) -> Ranks:
        """Return ranks.

        Parameters
        ----------
        stream : SeededStream
            The source of randomness.
        count : int
            How many.

        Returns
        -------
        ndarray of int64, shape (count,)
            In [0, n).
        """
        if self._cdf is not None:
            found = np.searchsorted(self._cdf, stream.doubles(count), side="right")
            return np.minimum(found, self._keys - 1).astype(np.int64, copy=False)
        ranks = self._propose(stream, count)
        while (rejected := np.flatnonzero(ranks < 0)).size:
            ranks[rejected] = self._propose(stream, rejected.size)
        return ranks

    def _propose(self, stream: SeededStream, count: int) -> Ranks:
        return self._inversion.propose(stream.doubles(count), keys=self._keys, high=self._high)


class GrowingZipfSampler:
    """Draws ranks whose number differs from draw to draw.

    Parameters
    ----------
    exponent : float
        s, at least 0.
    """

    def __init__(self, exponent: float) -> None:
        self._inversion = _Inversion(exponent)

    def draw(self, stream: SeededStream, keys: Ranks) -> Ranks:
        """Return ranks.

        Parameters
        ----------
        stream : SeededStream
            The source of randomness.
        keys : ndarray of int64, shape (count,)
            The number of ranks of each draw, n.

        Returns
        -------
        ndarray of int64, shape (count,)
            Each in [0, n).
        """
        high = self._inversion.area(keys.astype(np.float64) + 0.5)
        ranks = self._inversion.propose(stream.doubles(len(keys)), keys=keys, high=high)
        while (rejected := np.flatnonzero(ranks < 0)).size:
            ranks[rejected] = self._inversion.propose(
                stream.doubles(rejected.size), keys=keys[rejected], high=high[rejected]
            )
        return ranks


def _expm1_ratio(x: Floats) -> Floats:
    """Return (e**x - 1) / x, which is 1 + x/2 + x**2/6 near 0."""
    near = np.abs(x) < 1e-8
    safe = np.where(near, 1.0, x)
    return np.where(near, 1.0 + x * (0.5 + x / 6.0), np.expm1(safe) / safe)


def _log1p_ratio(x: Floats) -> Floats:
    """Return log(1 + x) / x, which is 1 - x/2 + x**2/3 near 0."""
    near = np.abs(x) < 1e-8
    safe = np.where(near, 1.0, x)
    with np.errstate(divide="ignore"):  # log 0 at the far end of the range: x is infinite, clipped
        return np.where(near, 1.0 - x * (0.5 - x / 3.0), np.log1p(safe) / safe)
