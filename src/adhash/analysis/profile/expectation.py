"""From a forecast, and laps where finalists were raced, to what is expected of each mode.

A forecast knows sizes and misses what is special about the keys; a race over a sample knows the
keys and misses sizes, which makes it the less certain of the two. Their errors have little in
common, so where there are both, the logarithms of the times are averaged, each by the inverse of
its variance. A race only tells finalists apart: its times are first brought to the level of the
forecast's.

Confidence is the share of draws, each mode's time off by its own error, in which the pick is still
within `TOLERANCE` of the fastest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from adhash.analysis.profile.forecast import MODEL_ERROR, Forecast
from adhash.analysis.profile.race import Lap
from adhash.analysis.profile.standing import TOLERANCE, Standing

#: The same as `MODEL_ERROR`, for a race over a sample: its tables are smaller than those of the
#: trace, and growth is carried over from them. Over recorded traces it was 0.12 with 200,000 rows
#: and 0.20 to 0.28 with 2,000 to 90,000.
RACE_ERROR = 0.2
# Where all of the trace was raced, what remains is noise of the clock and the machine.
_LEAST_RACE_ERROR = 0.01
# Finalists are what the pick could be if both forecasts were off by one standard deviation.
_FINALIST = math.exp(math.sqrt(2) * MODEL_ERROR)
_DRAWS = 2000


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What is expected of one mode.

    Parameters
    ----------
    mode, engine : str
        The mode and the engine it stands for.
    forecast : Forecast
        By the cost model.
    laps : sequence of Lap
        Of the race; none where it was no finalist, or nothing was raced.
    time_ns : float
        In the map for the whole trace.
    error : float
        The standard deviation of the logarithm of `time_ns`.
    """

    mode: str
    engine: str
    forecast: Forecast
    laps: Sequence[Lap]
    time_ns: float
    error: float


def finalists(forecasts: Mapping[str, Forecast]) -> list[str]:
    """Return the names that may be the fastest, given the error of the model, the best first."""
    order = sorted(forecasts, key=lambda name: forecasts[name].time_ns)
    limit = _FINALIST * forecasts[order[0]].time_ns
    return [name for name in order if forecasts[name].time_ns <= limit]


def expectations(
    engines: Mapping[str, str],
    forecasts: Mapping[str, Forecast],
    standings: Sequence[Standing],
    *,
    is_whole: bool,
) -> list[Expectation]:
    """Return what is expected of every mode, the fastest first.

    Parameters
    ----------
    engines : mapping of str to str
        The engine of each mode.
    forecasts : mapping of str to Forecast
        By mode.
    standings : sequence of Standing
        Of the modes that were raced; none if nothing was.
    is_whole : bool
        Whether all of the trace was raced.

    Returns
    -------
    list of Expectation
        One a mode.
    """
    raced = {each.mode: each for each in standings if each.predicted_ns > 0}
    level = _level(forecasts, raced)
    found = []
    for mode, engine in engines.items():
        own = forecasts[mode]
        time_ns, error = own.time_ns, MODEL_ERROR
        laps: Sequence[Lap] = ()
        if mode in raced:
            laps = raced[mode].laps
            race_error = _race_error(raced[mode], is_whole=is_whole)
            weight = race_error**-2 / (race_error**-2 + MODEL_ERROR**-2)
            shift = math.log(level * raced[mode].predicted_ns / own.time_ns)
            time_ns *= math.exp(weight * shift)
            error *= (1 - weight) ** 0.5
        found.append(
            Expectation(
                mode=mode, engine=engine, forecast=own, laps=laps, time_ns=time_ns, error=error
            )
        )
    return sorted(found, key=lambda each: each.time_ns)


def _level(forecasts: Mapping[str, Forecast], raced: Mapping[str, Standing]) -> float:
    """Return what brings the times of the race to the level of the forecasts."""
    ratios = [math.log(forecasts[mode].time_ns / own.predicted_ns) for mode, own in raced.items()]
    return math.exp(sum(ratios) / len(ratios)) if ratios else 1.0


def _race_error(standing: Standing, *, is_whole: bool) -> float:
    """Return the error of a race: that of its sample, and the noise of the laps' median."""
    totals = standing.prediction.totals_ns
    noise = float(np.std(totals) / np.mean(totals) / math.sqrt(len(totals)))
    return math.hypot(_LEAST_RACE_ERROR if is_whole else RACE_ERROR, noise)


def confidence_of(found: Sequence[Expectation], *, seed: int) -> float:
    """Return how sure it is that the first is the fastest, or as good as that.

    Parameters
    ----------
    found : sequence of Expectation
        The fastest first.
    seed : int
        Of the draws.

    Returns
    -------
    float
        The share of draws, in [0, 1].
    """
    if len(found) == 1:
        return 1.0
    errors = np.array([each.error for each in found])
    logs = np.log([each.time_ns for each in found])
    drawn = logs + errors * np.random.default_rng(seed).standard_normal((_DRAWS, len(found)))
    is_kept = drawn[:, 0] <= drawn.min(axis=1) + math.log(TOLERANCE)
    return float(is_kept.mean())
