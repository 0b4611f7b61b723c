"""From laps to a ranking: what each mode would take for the whole trace, and how sure that is.

The time in the map for the whole trace has two parts:

    steady   the sum over pieces of weight * time of the piece without growth: the median of laps
    growth   the time of each growth of the table, the least of laps, * (entries of the whole
             trace / entries of the lap)

The weight of a piece is how many rows of the trace a row of it stands for. Growth is proportional
to the size that a table reaches and not to the operations on it, hence its own factor. The same
growth happens in each lap, a few times and all at once, and a neighbour on the machine that falls
into one only lengthens it: hence the least.

Confidence is a bootstrap: rounds are drawn with replacement, and so are pieces where the trace was
sampled, the same ones for every mode; it is the share of draws in which the fastest mode is still
within `TOLERANCE` of the fastest of the draw. So it speaks of noise and of what other places of the
trace might have shown. It cannot speak of what a sample never shows, such as a table that exceeds
a cache only at its full size; `adhash.analysis.profile.recommendation` tells of that.

References
----------
B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7 (1979).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adhash.analysis.profile.race import Lap

#: Modes that are nearer than this are called equal: no one would notice, and no one can measure it.
TOLERANCE = 1.03
_DRAWS = 1000

_Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How a lap over the sample is carried over to the whole trace.

    Parameters
    ----------
    weights : sequence of float
        Rows of the trace that a row of each piece stands for.
    growth : float
        Entries of the whole trace by those of the sample.
    """

    weights: Sequence[float]
    growth: float


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What the laps of one mode predict for the whole trace, in nanoseconds.

    Parameters
    ----------
    steady_ns : ndarray, shape (laps, pieces)
        Without growth: the weighted time of each piece in each lap.
    growth_ns : float
        Growth.
    longest_growth_ns : float
        The longest single one, at the size of the sample.
    """

    steady_ns: _Floats
    growth_ns: float
    longest_growth_ns: float

    @classmethod
    def of(cls, laps: Sequence[Lap], scale: Scale) -> Prediction:
        """Return the prediction of laps, at least one."""
        # The n-th growth of one lap is the n-th of the others.
        least = [min(each) for each in zip(*(_lengths(lap) for lap in laps), strict=False)]
        steady = np.array([_without_growth(lap, least) for lap in laps]) * scale.weights
        return cls(
            steady_ns=steady,
            growth_ns=scale.growth * sum(least),
            longest_growth_ns=max(least, default=0.0),
        )

    @property
    def totals_ns(self) -> _Floats:
        """What each lap predicts, shape (laps,)."""
        totals: _Floats = self.steady_ns.sum(axis=1) + self.growth_ns
        return totals


def _lengths(lap: Lap) -> list[float]:
    return [growth.ns for growth in lap.growths]


def _without_growth(lap: Lap, least: Sequence[float]) -> list[float]:
    piece_ns = list(lap.piece_ns)
    for growth, ns in zip(lap.growths, least, strict=False):
        if growth.piece is not None:
            piece_ns[growth.piece] = max(0.0, piece_ns[growth.piece] - ns)
    return piece_ns


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One mode in the ranking; times in nanoseconds.

    Parameters
    ----------
    mode : str
        The mode.
    laps : sequence of Lap
        Its laps, in the order of the rounds.
    prediction : Prediction
        What each of them predicts.
    predicted_ns : float
        For the whole trace.
    predicted_memory_bytes : int
        Of its table at the end of the whole trace.
    regret : float
        Its prediction by that of the fastest.
    """

    mode: str
    laps: Sequence[Lap]
    prediction: Prediction
    predicted_ns: float
    predicted_memory_bytes: int
    regret: float

    @property
    def memory_bytes(self) -> int:
        """Of its table behind the last piece."""
        return self.laps[-1].memory_bytes


def rank(laps: Mapping[str, Sequence[Lap]], scale: Scale) -> list[Standing]:
    """Return the modes, the fastest first.

    Parameters
    ----------
    laps : mapping of str to sequence of Lap
        At least one of each mode.
    scale : Scale
        How laps are carried over to the whole trace.

    Returns
    -------
    list of Standing
        One a mode.
    """
    predictions = {mode: Prediction.of(own, scale) for mode, own in laps.items()}
    predicted_ns = {mode: float(np.median(each.totals_ns)) for mode, each in predictions.items()}
    least_ns = min(predicted_ns.values())
    standings = [
        Standing(
            mode=mode,
            laps=own,
            prediction=predictions[mode],
            predicted_ns=predicted_ns[mode],
            predicted_memory_bytes=round(own[-1].memory_bytes * max(1.0, scale.growth)),
            regret=predicted_ns[mode] / least_ns if least_ns else 1.0,
        )
        for mode, own in laps.items()
    ]
    return sorted(standings, key=lambda standing: standing.predicted_ns)


def rounds_won(best: Standing, other: Standing) -> tuple[int, int]:
    """Return in how many rounds `best` was faster than `other`, and in how many both ran."""
    pairs = list(zip(best.prediction.totals_ns, other.prediction.totals_ns, strict=False))
    return sum(bool(own < theirs) for own, theirs in pairs), len(pairs)


def confidence(standings: Sequence[Standing], *, is_sampled: bool, seed: int) -> float:
    """Return how sure it is that the first of a ranking is the fastest, or as good as that.

    Parameters
    ----------
    standings : sequence of Standing
        The ranking.
    is_sampled : bool
        Whether other pieces of the trace could have been drawn.
    seed : int
        Of the draws.

    Returns
    -------
    float
        The share of draws, in [0, 1].
    """
    if len(standings) == 1:
        return 1.0
    chance = np.random.default_rng(seed)
    pieces = len(standings[0].laps[0].piece_ns)
    rounds = max(len(standing.laps) for standing in standings)
    counts: NDArray[Any] = np.ones((_DRAWS, pieces))
    if is_sampled:
        counts = chance.multinomial(pieces, np.full(pieces, 1 / pieces), size=_DRAWS)
    places = chance.random((_DRAWS, rounds))
    totals_ns = np.array([_draw(each.prediction, counts, places) for each in standings])
    is_kept = totals_ns[0] <= TOLERANCE * totals_ns.min(axis=0)
    return float(is_kept.mean())


def _draw(prediction: Prediction, counts: NDArray[Any], places: _Floats) -> _Floats:
    """Return what laps drawn at `places` in [0, 1) predict with pieces by `counts`, a draw a row.

    A mode that left the race has fewer rounds, and so fewer to draw.
    """
    steady_ns = counts @ prediction.steady_ns.T
    laps = steady_ns.shape[1]
    drawn = (places[:, :laps] * laps).astype(np.int64)
    medians: _Floats = np.median(np.take_along_axis(steady_ns, drawn, axis=1), axis=1)
    return medians + prediction.growth_ns
