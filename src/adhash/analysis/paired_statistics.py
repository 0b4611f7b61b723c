"""What pairs of measurements say about a difference: an interval, a rank test, and when to look.

A pair gives one number, the logarithm of candidate over baseline: what slows both runs of a pair
down falls out of it, and a factor of 2 is as far from none as a factor of 1/2.

- The interval of the median is Efron's percentile bootstrap, with the quantiles moved outwards as
  Hesterberg does for small samples: plain percentiles of eight pairs are too narrow. Nothing is
  drawn: the medians that resamples can have, and the chance of each, are known (Maritz and
  Jarrett), so the interval is that of infinitely many resamples.
- The test is Wilcoxon's signed-rank test, its distribution counted exactly for up to 60 pairs.
- Whoever looks several times and stops when something shows would find something too often. The
  places to look are therefore fixed beforehand, and share the chance of error (Bonferroni), which
  holds however the looks depend on each other. The last look has half of it: what is decided there
  is small, and what is large is decided earlier at any level.

References
----------
Efron (1979), Bootstrap methods: another look at the jackknife, Annals of Statistics 7(1).
Maritz and Jarrett (1978), A note on estimating the variance of the sample median, Journal of the
American Statistical Association 73.
Hesterberg (2015), What teachers should know about the bootstrap, The American Statistician 69(4).
Wilcoxon (1945), Individual comparisons by ranking methods, Biometrics Bulletin 1(6).
Dunn (1961), Multiple comparisons among means, Journal of the American Statistical Association 56.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from statistics import NormalDist
from typing import Any

import numpy as np

_EXACT_PAIRS = 60
# Above, the two values in the middle are so close that the outer one stands for both.
_MEAN_OF_MIDDLE_PAIRS = 200
_NORMAL = NormalDist()
_Floats = np.ndarray[Any, np.dtype[np.float64]]


# --- the rank test -----------------------------------------------------------------------------


def signed_rank_p_value(differences: Sequence[float]) -> float:
    """Return the two-sided p-value of Wilcoxon's signed-rank test of no difference.

    Parameters
    ----------
    differences : sequence of float
        One a pair. Zeros are left out, as Wilcoxon does; equal sizes share the mean of their ranks.

    Returns
    -------
    float
        In (0, 1]: exact, given the ties, for up to 60 differences, else by the normal
        approximation with continuity correction. 1 where every difference is zero.
    """
    nonzero = [each for each in differences if each != 0.0]
    if not nonzero:
        return 1.0
    ranks = _doubled_ranks(nonzero)
    positive = sum(rank for rank, each in zip(ranks, nonzero, strict=True) if each > 0)
    smaller = min(positive, sum(ranks) - positive)
    tail = _exact_tail if len(ranks) <= _EXACT_PAIRS else _normal_tail
    return min(1.0, 2.0 * tail(ranks, smaller))


def _doubled_ranks(values: Sequence[float]) -> list[int]:
    """Return twice the ranks of the sizes: whole numbers even where ties share a mean rank."""
    order = sorted(range(len(values)), key=lambda at: abs(values[at]))
    doubled = [0] * len(values)
    below = 0
    for _, group in groupby(order, key=lambda at: abs(values[at])):
        tied = list(group)
        for at in tied:
            doubled[at] = 2 * below + len(tied) + 1
        below += len(tied)
    return doubled


def _exact_tail(ranks: Sequence[int], smaller: int) -> float:
    """Return the chance that random signs give the ranks a positive sum of `smaller` or less."""
    # ways[s]: how many choices of signs have the sum s. Up to 60 ranks these numbers keep all the
    # digits that a p-value can have.
    ways = np.zeros(smaller + 1)
    ways[0] = 1.0
    for rank in ranks:
        if rank <= smaller:
            ways[rank:] += ways[: smaller + 1 - rank].copy()
    return float(ways.sum() / 2.0 ** len(ranks))


def _normal_tail(ranks: Sequence[int], smaller: int) -> float:
    mean = sum(ranks) / 2
    deviation = math.sqrt(sum(rank * rank for rank in ranks)) / 2
    # Ranks are doubled here, so half a step of the statistic is 1.
    return _NORMAL.cdf((min(smaller + 1, mean) - mean) / deviation)


def pairs_needed(level: float) -> int:
    """Return from how many pairs on the rank test can be significant at `level` at all."""
    return max(1, math.ceil(1.0 - math.log2(level)))


# --- the interval ------------------------------------------------------------------------------


def median_interval(values: Sequence[float], *, level: float) -> tuple[float, float]:
    """Return a bootstrap confidence interval of the median.

    Parameters
    ----------
    values : sequence of float
        A sample, at least one.
    level : float
        The chance to miss the true median, in (0, 1): 0.05 for an interval of 95 %.

    Returns
    -------
    tuple of float
        Its low and its high end. A single value gives an interval of no width, which says nothing.
    """
    sample = np.sort(np.asarray(values, dtype=np.float64))
    outer = _expanded(level / 2, len(sample))
    low, high = _low_median(sample, outer), -_low_median(-sample[::-1], outer)
    return float(low), float(high)


def _low_median(ascending: _Floats, tail: float) -> float:
    """Return the smallest median of a resample that is not among the lowest `tail` of them."""
    if len(ascending) % 2 or len(ascending) > _MEAN_OF_MIDDLE_PAIRS:
        return float(ascending[_low_rank(len(ascending), tail)])
    medians, chances = _even_medians(ascending)
    order = np.argsort(medians, kind="stable")
    at = int(np.searchsorted(np.cumsum(chances[order]), tail))
    return float(medians[order][min(at, len(medians) - 1)])


def _low_rank(size: int, tail: float) -> int:
    """Return the place, from 0, that the middle of a resample is at or below with chance `tail`.

    The middle is at or below the k-th value if at least half of the draws are, each with chance
    k / n. Of an even number of draws the lower of the two in the middle counts.
    """
    low, high = 0, size - 1
    while low < high:
        middle = (low + high) // 2
        is_enough = _binomial_tail(size, (size + 1) // 2, (middle + 1) / size) >= tail
        low, high = (low, middle) if is_enough else (middle + 1, high)
    return low


def _binomial_tail(draws: int, least: int, chance: float) -> float:
    """Return the chance of at least `least` hits in so many draws."""
    if chance >= 1.0:
        return 1.0
    hits = np.arange(least, draws + 1)
    factorials = _log_factorials(draws)
    logs = (
        factorials[draws]
        - factorials[hits]
        - factorials[draws - hits]
        + hits * math.log(chance)
        + (draws - hits) * math.log1p(-chance)
    )
    return float(np.exp(logs).sum())


@cache
def _log_factorials(largest: int) -> _Floats:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, largest + 1)))])


def _even_medians(ascending: _Floats) -> tuple[_Floats, _Floats]:
    """Return every median that a resample of an even size can have, and the chance of each."""
    rows, columns = np.triu_indices(len(ascending))
    return (ascending[rows] + ascending[columns]) / 2, _middle_chances(len(ascending))


@cache
def _middle_chances(size: int) -> _Floats:
    """Return the chance of each pair of ranks to be the middle of a resample of an even size.

    The two in the middle are the i-th and the j-th value, i < j, if half of the draws are at most
    the i-th, one of them the i-th itself, and the others at least the j-th, one of them that.
    """
    half, ranks = size // 2, np.arange(size)
    lower = ((ranks + 1) / size) ** half - (ranks / size) ** half
    upper = ((size - ranks) / size) ** half - ((size - ranks - 1) / size) ** half
    apart = np.triu(math.comb(size, half) * np.outer(lower, upper), k=1)
    # Both are the i-th value if the lower one is, and the higher one is no other.
    at_most = [_binomial_tail(size, half, (rank + 1) / size) for rank in ranks]
    together = np.maximum(np.diff(at_most, prepend=0.0) - apart.sum(axis=1), 0.0)
    chances: _Floats = (apart + np.diag(together))[np.triu_indices(size)]
    return chances


def _expanded(tail: float, size: int) -> float:
    """Return the quantile to take for `tail`: further out the smaller the sample is.

    Hesterberg's expanded percentile: the bootstrap's spread is too small by the square root of
    (n - 1) / n, and its quantiles are normal ones where Student's are due.
    """
    if size < 2:
        return tail
    reach = math.sqrt(size / (size - 1)) * student_quantile(1.0 - tail, size - 1)
    return _NORMAL.cdf(-reach)


def student_quantile(probability: float, freedom: int) -> float:
    """Return a quantile of Student's distribution.

    By its expansion around the normal quantile (Abramowitz and Stegun, 26.7.5): within 1 % for the
    probabilities of intervals from 7 degrees of freedom on, too small below.

    Parameters
    ----------
    probability : float
        In (0, 1).
    freedom : int
        Degrees of freedom, at least 1.

    Returns
    -------
    float
        The quantile.
    """
    z = _NORMAL.inv_cdf(probability)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return math.fsum(term / freedom**power for power, term in enumerate(terms))


def detectable(low: float, high: float, *, level: float, margin: float, power: float) -> float:
    """Return the smallest true shift that such an interval would have told from `margin`.

    Parameters
    ----------
    low : float
        The low end of the interval.
    high : float
        The high end of it.
    level : float
        The chance to miss that the interval was made for.
    margin : float
        The shift that counts as none, 0 or more.
    power : float
        How often a shift of the returned size is found, in (0, 1).

    Returns
    -------
    float
        In the unit of the interval.
    """
    reach = _NORMAL.inv_cdf(1.0 - level / 2)
    standard_error = (high - low) / 2 / reach
    return margin + (reach + _NORMAL.inv_cdf(power)) * standard_error


# --- when to look ------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Look:
    """After how many pairs the figures are looked at, and the chance of error that it may take."""

    pairs: int
    level: float


def plan_looks(*, min_pairs: int, max_pairs: int, chance: float, tests: int = 1) -> list[Look]:
    """Return after how many pairs to look, and the level of every look.

    The first look is at `min_pairs`, each further one at half as many pairs again or a little
    more, the last at `max_pairs`. Looks at which the rank test could not decide are left out,
    since every look costs the others some of their level.

    Parameters
    ----------
    min_pairs : int
        The fewest, at least 1.
    max_pairs : int
        The most; where it is smaller than `min_pairs`, it is both.
    chance : float
        The chance of a wrong decision that all looks share, in (0, 1).
    tests : int
        How many rank tests share the level of a look, at least 1.

    Returns
    -------
    list of Look
        By their pairs, ascending, of which the last is `max_pairs`. Half of `chance` is the last
        one's, the rest is the others' in equal parts; one alone has all of it.
    """
    counts = _grid(min(min_pairs, max_pairs), max_pairs)
    while len(counts) > 1 and counts[0] < pairs_needed(_early_level(counts, chance) / tests):
        counts = counts[1:]
    if len(counts) == 1:
        return [Look(pairs=counts[0], level=chance)]
    early = _early_level(counts, chance)
    return [
        *(Look(pairs=pairs, level=early) for pairs in counts[:-1]),
        Look(pairs=counts[-1], level=chance / 2),
    ]


def _early_level(counts: Sequence[int], chance: float) -> float:
    return chance / 2 / (len(counts) - 1)


def _grid(first: int, last: int) -> list[int]:
    counts = [first]
    # A look soon before the last would cost as much as any other, and decide next to nothing.
    while math.ceil(counts[-1] * 1.5) < last / 1.2:
        counts.append(math.ceil(counts[-1] * 1.5))
    return counts if counts[-1] == last else [*counts, last]


# --- several tests -----------------------------------------------------------------------------


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number, by Holm's steps.

    Parameters
    ----------
    p_values : sequence of float
        One a test, in any order.

    Returns
    -------
    list of float
        In the same order: at most `level` where the test rejects with a chance of `level` for any
        wrong rejection among all of them, however they depend on each other.

    References
    ----------
    Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of
    Statistics 6.
    """
    corrected, largest = [1.0] * len(p_values), 0.0
    for done, at in enumerate(sorted(range(len(p_values)), key=lambda at: p_values[at])):
        largest = max(largest, min(1.0, p_values[at] * (len(p_values) - done)))
        corrected[at] = largest
    return corrected
