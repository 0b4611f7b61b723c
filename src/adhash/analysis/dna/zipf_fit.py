"""The exponent of the Zipf distribution that is nearest to how often keys occur.

If the key of rank r is asked for with probability proportional to r**-s, then s is estimated by
maximum likelihood: among the ranks fitted, the mean of ln r must be what the distribution says.
Only ranks whose keys occurred often enough are fitted. In the tail, the order of keys by count is
the order of chance (of two keys that occurred once nobody knows which is more popular), and
estimates that take it at its word are off by 0.05 and more, in either direction.

The slope of the log-log plot is given as well, since that is what most reports of traces state.

References
----------
A. Clauset, C. R. Shalizi, M. E. J. Newman, "Power-law distributions in empirical data", SIAM
Review 51 (2009), for maximum likelihood against regression, and for the Kolmogorov-Smirnov
distance as the quality of a fit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Ranks are fitted down to the first of these counts that leaves so many of them.
_CUTS = ((30, 100), (10, 50), (1, 2))
_LEAST, _GREATEST = -1.0, 16.0
_TOLERANCE = 1e-7
_LOG_LOG_RANKS = 20_000
_LOG_LOG_POINTS = 200


@dataclass(frozen=True, kw_only=True)
class ZipfFit:
    """A fitted exponent and how well it fits.

    Parameters
    ----------
    exponent : float
        Of the distribution over ranks.
    standard_error : float
        If the trace were drawn from such a distribution.
    ks_distance : float
        The greatest difference, over the ranks fitted, between the share of accesses up to a rank
        and what the fit says: 0 for a perfect fit.
    ranks : int
        How many of the most frequent keys were fitted.
    """

    exponent: float
    standard_error: float
    ks_distance: float
    ranks: int


@dataclass(frozen=True, kw_only=True)
class LogLogFit:
    """The straight line through the log-log plot of count against rank."""

    exponent: float
    r_squared: float


def fit_zipf(
    counts: NDArray[np.int64],
    ranks: NDArray[np.float64] | None = None,
    weights: NDArray[np.float64] | None = None,
) -> ZipfFit | None:
    """Return the exponent of maximum likelihood.

    Parameters
    ----------
    counts : ndarray of int64, shape (n,)
        How often each key occurred, in descending order; each at least 1.
    ranks : ndarray of float64, shape (n,), or None
        The rank of each; 1, 2, 3, ... where None.
    weights : ndarray of float64, shape (n,), or None
        How many keys each one stands for; 1 where None.

    Returns
    -------
    ZipfFit or None
        None for fewer than two keys.
    """
    if len(counts) < 2:
        return None
    fitted = counts[: _ranks_to_fit(counts)]
    stands_for = np.ones(len(fitted)) if weights is None else weights[: len(fitted)]
    logs = np.log(np.arange(1, len(fitted) + 1) if ranks is None else ranks[: len(fitted)])
    rows = fitted * stands_for
    exponent = _exponent_with_mean(logs, stands_for, _sum_of_products(rows, logs) / rows.sum())
    model = stands_for * np.exp(-exponent * logs)
    model /= model.sum()
    variance = _sum_of_products(model, (logs - _sum_of_products(model, logs)) ** 2)
    distance = np.abs(np.cumsum(rows) / rows.sum() - np.cumsum(model)).max()
    return ZipfFit(
        exponent=exponent,
        standard_error=1 / math.sqrt(int(fitted.sum()) * variance),
        ks_distance=float(distance),
        ranks=round(float(stands_for.sum())),
    )


def _sum_of_products(a: NDArray[Any], b: NDArray[Any]) -> float:
    # Not ``a @ b``: a library of linear algebra would wake its threads for that, and on a busy
    # machine waiting for them takes a hundred times as long as the sum.
    return float(np.einsum("i,i->", a, b))


def _ranks_to_fit(counts: NDArray[np.int64]) -> int:
    descending = -counts
    for least, ranks in _CUTS:
        frequent = int(np.searchsorted(descending, -least, side="right"))
        if frequent >= ranks:
            return frequent
    return len(counts)


def _exponent_with_mean(
    logs: NDArray[np.float64], stands_for: NDArray[np.float64], wanted: float
) -> float:
    """Return the exponent whose distribution has this mean of ln r.

    The mean falls as the exponent grows, by the variance of ln r: Newton's method, kept within
    what is known to lie on either side.
    """
    low, high = _LEAST, _GREATEST
    exponent = 1.0
    while high - low > _TOLERANCE:
        weights = stands_for * np.exp(-exponent * logs)
        weights /= weights.sum()
        mean = _sum_of_products(weights, logs)
        low, high = (exponent, high) if mean > wanted else (low, exponent)
        variance = _sum_of_products(weights, logs**2) - mean**2
        step = (mean - wanted) / variance if variance > 0 else math.inf
        if abs(step) < _TOLERANCE:
            break
        exponent += step
        if not low < exponent < high:
            exponent = (low + high) / 2
    return exponent


def fit_log_log(counts: NDArray[np.int64]) -> LogLogFit | None:
    """Return the slope of the log-log plot by least squares, over ranks evenly spaced in it.

    Parameters
    ----------
    counts : ndarray of int64, shape (n,)
        How often each key occurred, in descending order; each at least 1.

    Returns
    -------
    LogLogFit or None
        None for fewer than two keys. `exponent` is the slope without its sign; `r_squared` is 1
        where the counts are all the same, which the line then meets.
    """
    last = min(len(counts), _LOG_LOG_RANKS)
    if last < 2:
        return None
    spaced = np.exp(np.arange(_LOG_LOG_POINTS) * math.log(last) / (_LOG_LOG_POINTS - 1))
    ranks = np.unique(np.round(spaced).astype(np.int64))
    ranks = ranks[ranks <= last]
    x, y = np.log(ranks), np.log(counts[ranks - 1])
    dx, dy = x - x.mean(), y - y.mean()
    slope = _sum_of_products(dx, dy) / _sum_of_products(dx, dx)
    residual, spread = float(((dy - slope * dx) ** 2).sum()), _sum_of_products(dy, dy)
    return LogLogFit(exponent=-slope, r_squared=1 - residual / spread if spread else 1.0)
