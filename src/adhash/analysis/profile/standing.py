"""From laps to a ranking: what each mode would take for the whole trace, and how sure that is.

A lap predicts the time in the map for the whole trace by two parts:

    sum over pieces of weight * time of the piece without growth
    + growth of the lap * (entries of the whole trace / entries of the lap)

The weight of a piece is how many rows of the trace a row of it stands for. Growth is proportional to
the size that a table reaches and not to the operations on it, hence its own factor. A mode's
prediction is the median of its laps'.

Confidence is a bootstrap: rounds are drawn with replacement, and so are pieces where the trace was
sampled, the same ones for every mode; it is the share of draws in which the fastest mode is still
within `TOLERANCE` of the fastest of the draw. So it speaks of noise and of what other places of the
trace might have shown. It cannot speak of what a sample never shows: see the essays of
`adhash.analysis.profile.history` and of the notes on caches in the recommendation.

References
----------
B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7 (1979).
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
    is_sampled : bool
        Whether other pieces could have been drawn.
    """

    weights: Sequence[float]
    growth: float
    is_sampled: bool

    def predicted_ns(self, lap: Lap) -> float:
        """Return the nanoseconds that a lap predicts for the whole trace."""
        steady = sum(w * ns for w, ns in zip(self.weights, lap.piece_ns, strict=True))
        return steady + self.growth * lap.growth_ns


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One mode in the ranking; times in nanoseconds.

    Parameters
    ----------
    mode : str
        The mode.
    laps : sequence of Lap
        Its laps, in the order of the rounds.
    predicted_ns : float
        For the whole trace.
    predicted_memory_bytes : int
        Of its table at the end of the whole trace.
    regret : float
        Its prediction by that of the fastest.
    """

    mode: str
    laps: Sequence[Lap]
    predicted_ns: float
    predicted_memory_bytes: int
    regret: float

    @property
    def longest_pause_ns(self) -> float:
        """The longest slow path of the median lap."""
        return statistics.median(lap.longest_pause_ns for lap in self.laps)

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
    predicted = {
        mode: statistics.median(scale.predicted_ns(lap) for lap in own)
        for mode, own in laps.items()
    }
    least = min(predicted.values())
    standings = [
        Standing(
            mode=mode,
            laps=own,
            predicted_ns=predicted[mode],
            predicted_memory_bytes=round(own[-1].memory_bytes * max(1.0, scale.growth)),
            regret=predicted[mode] / least if least else 1.0,
        )
        for mode, own in laps.items()
    ]
    return sorted(standings, key=lambda standing: standing.predicted_ns)


def rounds_won(best: Standing, other: Standing, scale: Scale) -> tuple[int, int]:
    """Return in how many rounds `best` was faster than `other`, and in how many both ran."""
    pairs = list(zip(best.laps, other.laps, strict=False))
    won = sum(scale.predicted_ns(own) < scale.predicted_ns(theirs) for own, theirs in pairs)
    return won, len(pairs)


def confidence(standings: Sequence[Standing], scale: Scale, *, seed: int) -> float:
    """Return how sure it is that the first of a ranking is the fastest, or as good as that.

    Parameters
    ----------
    standings : sequence of Standing
        The ranking.
    scale : Scale
        As for `rank`.
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
    pieces = len(scale.weights)
    steady = [_matrix(standing, scale) for standing in standings]
    growth = [
        np.array([scale.growth * lap.growth_ns for lap in standing.laps]) for standing in standings
    ]
    kept = 0
    for _ in range(_DRAWS):
        counts = np.ones(pieces)
        if scale.is_sampled:
            counts = np.bincount(chance.integers(pieces, size=pieces), minlength=pieces)
        places = chance.random(max(len(standing.laps) for standing in standings))
        medians = [
            _median_of_draw(rows @ counts + grown, places)
            for rows, grown in zip(steady, growth, strict=True)
        ]
        kept += medians[0] <= TOLERANCE * min(medians)
    return kept / _DRAWS


def _matrix(standing: Standing, scale: Scale) -> _Floats:
    """Return the weighted time of each piece in each lap, shape (laps, pieces)."""
    return np.array([lap.piece_ns for lap in standing.laps]) * np.array(scale.weights)


def _median_of_draw(totals: _Floats, places: _Floats) -> float:
    """Return the median of laps drawn at `places` in [0, 1), the same rounds for each mode.

    A mode that left the race has fewer rounds, and so fewer to draw.
    """
    drawn = (places[: len(totals)] * len(totals)).astype(np.int64)
    return float(np.median(totals[drawn]))
