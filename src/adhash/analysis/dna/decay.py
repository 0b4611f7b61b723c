"""Whether keys stay as popular as they were when they came up.

Keys that come up first in one window are a cohort. If popularity does not change, a cohort has the
same traffic in every later window, whatever the popularity of its keys: how soon a key comes up
says how popular it is, but nothing of how that goes on. (The window in which it came up is
different, because its first row is in it by definition.) So the traffic of each cohort is compared
with that in the window after it came up, over all cohorts that the trace shows for so long.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from adhash.analysis.dna.result_changes import DecayPoint, PopularityDecay
from adhash.analysis.dna.tally import jackknife
from adhash.analysis.dna.trace_analysis import TraceAnalysis

_FEWEST_WINDOWS = 4
_HALF = 0.5
_STEADY = 0.8


def popularity_decay(analysis: TraceAnalysis) -> PopularityDecay:
    """Return how the traffic of keys changes with their age.

    Parameters
    ----------
    analysis : TraceAnalysis
        Of the trace.

    Returns
    -------
    PopularityDecay
        Of whole windows.
    """
    width = analysis.working_set.window_rows
    whole = analysis.rows // width
    cohorts = analysis.working_set.cohorts[:, :whole, :whole]
    curve, half_life, rest = [], None, 1.0
    if whole >= _FEWEST_WINDOWS:
        curve = _curve(cohorts, width, analysis.weight)
        half_life, rest = _halving(cohorts.sum(axis=0), width)
    spans = _spans(analysis)
    p50, p90 = (
        (int(spans[round(share * (len(spans) - 1))]) for share in (0.5, 0.9))
        if len(spans)
        else (None, None)
    )
    return PopularityDecay(
        is_exact=analysis.is_exact,
        standard_errors={},
        window_rows=width,
        curve=curve,
        half_life_rows=half_life,
        recurring_keys=len(spans) * analysis.weight,
        span_p50=p50,
        span_p90=p90,
        verdict=_verdict(curve, half_life, rest),
    )


def _curve(cohorts: NDArray[np.int64], width: int, weight: int) -> list[DecayPoint]:
    lines, windows = cohorts.shape[:2]
    traffic = _traffic_by_age(cohorts.sum(axis=0))
    errors = jackknife(
        cohorts.reshape(lines, -1),
        lambda cells: _traffic_by_age(cells.reshape(windows, windows)),
        weight=weight,
    )
    # Of a cohort without traffic there is nothing to say.
    return [
        DecayPoint(rows=age * width, traffic=float(traffic[age - 1]), standard_error=float(error))
        for age, error in zip(range(1, windows), errors, strict=True)
        if np.isfinite(traffic[age - 1]) and np.isfinite(error)
    ]


def _traffic_by_age(cohorts: NDArray[Any]) -> NDArray[np.float64]:
    """Return, by age in windows from 1, the traffic of cohorts over that at age 1."""
    later, young = _later_and_young(cohorts)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(later / young)


def _later_and_young(cohorts: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the rows of cohorts at each age from 1, and of the same cohorts at age 1."""
    ages = range(1, len(cohorts))
    later = np.array([np.trace(cohorts, age) for age in ages], dtype=np.float64)
    return later, np.cumsum(np.diagonal(cohorts, 1))[::-1]


def _halving(cohorts: NDArray[np.int64], width: int) -> tuple[int | None, float]:
    """Return after how many rows traffic has halved, and what is left of it from age 2 on.

    It has halved at an age if it is below a half then, and in all that comes later taken together:
    old ages are those of few cohorts, whose traffic may well come back once.
    """
    later, young = _later_and_young(cohorts)
    if not young[0]:
        return None, 1.0
    rest = np.cumsum(later[::-1])[::-1] / np.maximum(np.cumsum(young[::-1])[::-1], 1)
    traffic = later / np.maximum(young, 1)
    halved = np.flatnonzero((traffic <= _HALF) & (rest <= _HALF))
    left = float(rest[min(1, len(rest) - 1)])
    if not len(halved):
        return None, left
    at = int(halved[0])
    before = max(float(traffic[at - 1]), _HALF)
    part = (before - _HALF) / (before - float(traffic[at])) if before > _HALF else 0.0
    # Counted from age 1, at which traffic is 1 by definition.
    return max(1, round((at - 1 + part) * width)), left


def _spans(analysis: TraceAnalysis) -> NDArray[np.int64]:
    """Return the rows from the first to the last of each key that comes again, in order."""
    histories = analysis.histories
    comes_again = histories["rows"] > 1
    return np.sort((histories["last_rows"] - histories["first_rows"])[comes_again])


def _verdict(curve: list[DecayPoint], half_life: int | None, rest: float) -> str:
    if not curve:
        return "the trace is too short to tell"
    if half_life is not None:
        return f"popularity fades: the traffic of new keys halves within {half_life:,} rows"
    if rest >= _STEADY:
        return "keys stay as popular as they were"
    return f"popularity fades slowly: later on, new keys keep {rest:.0%} of their traffic"
