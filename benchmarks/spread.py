"""Medians with their spread, of repeated measurements on a machine that is never quite quiet."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

_RESAMPLES = 2000


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A median and the interval around it.

    Parameters
    ----------
    median : float
        The median of the measurements.
    low, high : float
        The smallest and the largest of them, or the ends of a confidence interval.
    """

    median: float
    low: float
    high: float


def spread_of(values: Sequence[float]) -> Spread:
    """Return the median of values between the smallest and the largest of them.

    Raises
    ------
    statistics.StatisticsError
        If there are none.
    """
    return Spread(median=statistics.median(values), low=min(values), high=max(values))


def paired_ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Return the quotients of measurements that were taken side by side, round by round.

    Noise that lasts longer than a round hits both sides of a pair, and so cancels out.

    Raises
    ------
    ValueError
        If one side has more measurements than the other.
    """
    return [a / b if b else float("inf") for a, b in zip(above, below, strict=True)]


def bootstrap_of(values: Sequence[float], *, confidence: float = 0.95) -> Spread:
    """Return the median of values with its bootstrap confidence interval.

    Parameters
    ----------
    values : sequence of float
        Independent measurements, at least one.
    confidence : float
        The part of resampled medians that lies in the interval, in (0, 1).

    References
    ----------
    B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7 (1979).
    """
    chance = random.Random(1)
    medians = sorted(
        statistics.median(chance.choices(values, k=len(values))) for _ in range(_RESAMPLES)
    )
    tail = round(_RESAMPLES * (1 - confidence) / 2)
    return Spread(
        median=statistics.median(values), low=medians[tail], high=medians[_RESAMPLES - 1 - tail]
    )
