"""Repeating the procedure of a comparison on pairs that were run once.

Two hundred pairs take minutes, and are ten comparisons, too few to tell how many of a hundred are
wrong. So comparisons are repeated on the pairs in two ways:

- in a row: as they would have run, each from the pair after the last of the one before. Nothing is
  assumed, and few are had.
- resampled: thousands, each of pairs drawn with replacement. Neighbours are drawn together, in
  blocks (Kunsch 1989, Annals of Statistics 17), because a disturbance lasts longer than a pair.
  They are comparisons of these pairs: what the machine does in another hour they do not know.
  Which of two equal sides is called a was drawn by lot, and is drawn again each time; else every
  comparison would inherit by how much the sides happened to differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import correlation, median

import numpy as np

from adhash.analysis.ab_family import FamilyRule, judge_family
from adhash.analysis.ab_result import Verdict
from adhash.analysis.ab_self_test_result import Outcomes, SidesTested
from adhash.analysis.ab_verdict import sum_up_noise
from adhash.analysis.paired_statistics import Look

BLOCK = 10
# The median deviation of a normal distribution is this part of its standard deviation.
_NORMAL_DEVIATION = 0.6745


@dataclass(frozen=True, kw_only=True)
class PairRatios:
    """A pair of runs: its ratio by metric, and why each of its runs is called noisy."""

    ratios: Mapping[str, float]
    noise: tuple[str | None, str | None]

    def renamed(self) -> PairRatios:
        """Return the pair as it would be if a had been called b."""
        ratios = {name: 1 / ratio for name, ratio in self.ratios.items()}
        return PairRatios(ratios=ratios, noise=self.noise)

    def slowed(self, factor: float) -> PairRatios:
        """Return the pair as it would be if b had taken `factor` times as long."""
        ratios = {
            name: ratio / factor if name == "ops_per_second" else ratio * factor
            for name, ratio in self.ratios.items()
        }
        return PairRatios(ratios=ratios, noise=self.noise)


@dataclass(frozen=True, kw_only=True)
class Procedure:
    """How a comparison is decided: its rule, and after how many pairs it looks."""

    rule: FamilyRule
    looks: Sequence[Look]

    @property
    def most_pairs(self) -> int:
        """How many pairs a comparison takes that nothing decides before."""
        return self.looks[-1].pairs

    def decide(self, pairs: Sequence[PairRatios]) -> tuple[Verdict, int]:
        """Return the verdict on pairs in their order, and how many of them it took."""
        for look in self.looks:
            seen = pairs[: look.pairs]
            ratios = {name: [pair.ratios[name] for pair in seen] for name in self.rule.metrics}
            noise = sum_up_noise([reason for pair in seen for reason in pair.noise])
            family = judge_family(ratios, self.rule, noise, level=look.level)
            if family.is_settled:
                break
        return family.verdict, look.pairs


def in_a_row(pairs: Sequence[PairRatios], procedure: Procedure) -> Outcomes:
    """Return how comparisons end that are run one after the other, as long as pairs are left.

    Parameters
    ----------
    pairs : sequence of PairRatios
        In the order in which they ran.
    procedure : Procedure
        How each is decided.

    Returns
    -------
    Outcomes
        Of every comparison that came to its end.
    """
    ended, begin = [], 0
    while begin + procedure.most_pairs <= len(pairs):
        verdict, took = procedure.decide(pairs[begin : begin + procedure.most_pairs])
        ended.append((verdict, took))
        begin += took
    return _count(ended)


def resampled(
    pairs: Sequence[PairRatios],
    procedure: Procedure,
    *,
    times: int,
    seed: int,
    renames: bool = False,
) -> Outcomes:
    """Return how comparisons end that are made of blocks of the pairs.

    Parameters
    ----------
    pairs : sequence of PairRatios
        In the order in which they ran, at least one.
    procedure : Procedure
        How each is decided.
    times : int
        How many.
    seed : int
        Of the drawing.
    renames : bool
        Whether to draw by lot, pair by pair, which of its sides is called a.

    Returns
    -------
    Outcomes
        Of all of them.
    """
    lots = np.random.default_rng((seed, 1)).integers(2, size=(times, procedure.most_pairs))
    named = [(pair, pair.renamed() if renames else pair) for pair in pairs]
    draws = _draws(len(pairs), procedure.most_pairs, times, seed)
    return _count(
        procedure.decide([named[at][lot] for at, lot in zip(places, row, strict=True)])
        for places, row in zip(draws, lots.tolist(), strict=True)
    )


def _draws(size: int, length: int, times: int, seed: int) -> Iterator[list[int]]:
    """Yield places of pairs, in blocks of neighbours; the first follows the last."""
    random = np.random.default_rng(seed)
    blocks = math.ceil(length / BLOCK)
    for _ in range(times):
        starts = random.integers(size, size=blocks)
        places = (starts[:, None] + np.arange(BLOCK)).ravel() % size
        yield places[:length].tolist()


def _count(ended: Sequence[tuple[Verdict, int]] | Iterator[tuple[Verdict, int]]) -> Outcomes:
    known = list(ended)
    verdicts = [verdict for verdict, _ in known]
    return Outcomes(
        comparisons=len(known),
        better=verdicts.count("better"),
        worse=verdicts.count("worse"),
        same=verdicts.count("same"),
        inconclusive=verdicts.count("inconclusive"),
        median_pairs=median(took for _, took in known) if known else None,
    )


def smallest_found(
    pairs: Sequence[PairRatios], procedure: Procedure, *, times: int, seed: int, power: float
) -> float | None:
    """Return the smallest slowdown that comparisons of these pairs would find.

    Parameters
    ----------
    pairs : sequence of PairRatios
        Of equal sides.
    procedure : Procedure
        How a comparison is decided.
    times : int
        How many comparisons are made for each slowdown that is tried.
    seed : int
        Of the drawing.
    power : float
        The share of comparisons that shall find it.

    Returns
    -------
    float or None
        As a fraction, to a thousandth; None if not even twice the time is found.
    """

    def is_found(thousandths: int) -> bool:
        slowed = [pair.slowed(1.0 + thousandths / 1000) for pair in pairs]
        return resampled(slowed, procedure, times=times, seed=seed).worse >= power * times

    low, high = 0, 1000
    if not is_found(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_found(middle) else (middle, high)
    return high / 1000


def describe_sides(
    sides: str, pairs: Sequence[PairRatios], procedure: Procedure, *, times: int, seed: int
) -> SidesTested:
    """Return what was measured of two sides, and how comparisons made of it end.

    Parameters
    ----------
    sides : str
        ``equal`` or ``slowed``.
    pairs : sequence of PairRatios
        In the order in which they ran, at least one.
    procedure : Procedure
        How a comparison is decided.
    times : int
        How many comparisons are resampled.
    seed : int
        Of the resampling.

    Returns
    -------
    SidesTested
        For the result.
    """
    ratios = [pair.ratios[procedure.rule.metrics[0]] for pair in pairs]
    logs = [math.log(ratio) for ratio in ratios]
    centre = median(logs)
    return SidesTested.model_validate(
        {
            "sides": sides,
            "pairs": len(pairs),
            "ratio": math.exp(centre),
            "spread": median(abs(each - centre) for each in logs) / _NORMAL_DEVIATION,
            "correlation": _with_the_one_before(logs),
            "ratios": ratios,
            "in_a_row": in_a_row(pairs, procedure),
            "resampled": resampled(
                pairs, procedure, times=times, seed=seed, renames=sides == "equal"
            ),
        }
    )


def _with_the_one_before(values: Sequence[float]) -> float:
    before, after = zip(*pairwise(values), strict=True) if len(values) > 2 else ((), ())
    if len(set(before)) < 2 or len(set(after)) < 2:
        return 0.0  # too few to say, or all the same
    return correlation(before, after)
