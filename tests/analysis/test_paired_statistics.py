"""The statistics of pairs against published tables, brute force and simulation."""

from __future__ import annotations

import itertools
import math
import random
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pytest

from adhash.analysis.ab_result import ComparisonNoise
from adhash.analysis.ab_verdict import Judgement, Rule, judge, sum_up_noise
from adhash.analysis.paired_statistics import (
    Look,
    detectable,
    holm,
    median_interval,
    pairs_needed,
    plan_looks,
    signed_rank_p_value,
    student_quantile,
)

QUIET = ComparisonNoise(verdict="quiet", noisy_runs=0, runs=40, reasons=[])
NOISY = ComparisonNoise(verdict="noisy", noisy_runs=40, runs=40, reasons=["busy"])


# --- the rank test -----------------------------------------------------------------------------


def differences_with_sum(pairs: int, smaller: int) -> list[float]:
    """Return differences 1 to `pairs` whose positive ones add up to `smaller`."""
    left, signed = smaller, []
    for rank in range(pairs, 0, -1):
        is_positive = rank <= left
        left -= rank if is_positive else 0
        signed.append(float(rank if is_positive else -rank))
    assert left == 0
    return signed


# Two-sided critical values of the signed-rank statistic, as every table of it has them (such as
# Hollander and Wolfe, Nonparametric Statistical Methods, table A.4): pairs, then the largest sum
# that is significant at 5 % and at 1 %.
@pytest.mark.parametrize(
    ("pairs", "at_5", "at_1"),
    [(8, 3, 0), (9, 5, 1), (10, 8, 3), (12, 13, 7), (15, 25, 15), (20, 52, 37), (25, 89, 68)],
)
def test_critical_values_are_those_of_the_tables(pairs: int, at_5: int, at_1: int) -> None:
    for critical, level in ((at_5, 0.05), (at_1, 0.01)):
        assert signed_rank_p_value(differences_with_sum(pairs, critical)) <= level
        assert signed_rank_p_value(differences_with_sum(pairs, critical + 1)) > level


def test_the_example_of_hollander_and_wolfe_has_its_published_p_value() -> None:
    before = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
    after = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
    pairs = [one - two for one, two in zip(before, after, strict=True)]
    assert signed_rank_p_value(pairs) == 0.0390625


def brute_force(values: list[float]) -> float:
    """Return the two-sided p-value by trying every choice of signs."""
    sizes = [abs(value) for value in values]
    ranks = [
        sum(other < size for other in sizes) + (sum(other == size for other in sizes) + 1) / 2
        for size in sizes
    ]
    seen = sum(rank for rank, value in zip(ranks, values, strict=True) if value > 0)
    smaller = min(seen, sum(ranks) - seen)
    sums = [
        sum(itertools.compress(ranks, signs))
        for signs in itertools.product([0, 1], repeat=len(ranks))
    ]
    return min(1.0, 2 * sum(each <= smaller for each in sums) / len(sums))


@pytest.mark.parametrize("seed", range(20))
def test_exact_p_values_equal_brute_force_with_ties(seed: int) -> None:
    chance = random.Random(seed)
    values = [float(chance.choice([-3, -2, -1, 1, 2, 3])) for _ in range(chance.randint(1, 11))]
    assert signed_rank_p_value(values) == pytest.approx(brute_force(values), abs=1e-12)


def test_no_difference_at_all_is_no_evidence() -> None:
    assert signed_rank_p_value([0.0] * 10) == 1.0
    assert signed_rank_p_value([]) == 1.0


def test_the_normal_approximation_continues_the_exact_one() -> None:
    chance = random.Random(3)
    values = [chance.gauss(0.5, 1.0) for _ in range(60)]
    exact = signed_rank_p_value(values)
    # One pair more takes the approximation; a tiny one changes nothing else.
    approximate = signed_rank_p_value([*values, 1e-9])
    assert 0.0 < exact < 0.5
    assert approximate == pytest.approx(exact, rel=0.1)


@pytest.mark.parametrize(("level", "pairs"), [(0.05, 6), (0.0125, 8), (0.00125, 11), (0.5, 2)])
def test_pairs_needed_is_where_the_test_can_first_decide(level: float, pairs: int) -> None:
    assert pairs_needed(level) == pairs
    assert signed_rank_p_value([1.0 + i for i in range(pairs)]) <= level
    assert signed_rank_p_value([1.0 + i for i in range(pairs - 1)]) > level


# --- the interval ------------------------------------------------------------------------------


# Student's table, two-sided 95 %, 99 % and 99.9 %.
@pytest.mark.parametrize(
    ("freedom", "probability", "quantile"),
    [
        (7, 0.975, 2.3646),
        (7, 0.995, 3.4995),
        (10, 0.975, 2.2281),
        (10, 0.9995, 4.5869),
        (19, 0.975, 2.0930),
        (19, 0.995, 2.8609),
        (100, 0.995, 2.6259),
    ],
)
def test_student_quantiles_are_those_of_the_table(
    freedom: int, probability: float, quantile: float
) -> None:
    assert student_quantile(probability, freedom) == pytest.approx(quantile, rel=0.01)


DISTRIBUTIONS = {
    "normal": lambda random, n: random.normal(size=n),
    "long tails": lambda random, n: random.standard_t(3, size=n),
    "skewed": lambda random, n: random.lognormal(size=n) - 1.0,
    "two humps": lambda random, n: random.normal(size=n) / 10 + random.choice([-1, 1], size=n),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize(("level", "pairs"), [(0.05, 8), (0.05, 20), (0.0125, 8), (0.0125, 20)])
def test_the_interval_covers_the_median_as_often_as_it_says(
    name: str, level: float, pairs: int
) -> None:
    rng = np.random.default_rng(7)
    rounds = 400
    covered = 0
    for _ in range(rounds):
        low, high = median_interval(DISTRIBUTIONS[name](rng, pairs), level=level)
        covered += low <= 0.0 <= high
    # Three standard errors of the simulation below what is promised.
    slack = 3 * math.sqrt(level * (1 - level) / rounds)
    assert covered / rounds >= 1 - level - slack


@pytest.mark.parametrize("pairs", [1, 2, 3, 8, 9, 20, 21, 60, 202])
@pytest.mark.parametrize("level", [0.2, 0.0125])
def test_the_interval_is_that_of_very_many_resamples(pairs: int, level: float) -> None:
    rng = np.random.default_rng(pairs)
    values = rng.normal(size=pairs)
    medians = np.median(rng.choice(values, size=(40_000, pairs)), axis=1)
    low, high = median_interval(values, level=level)
    # Where the ends are, so many resamples lie outside, as Hesterberg widens it.
    tail = NormalDist().cdf(-reach_of(level, pairs)) if pairs > 1 else level / 2
    slack = 4 * math.sqrt(tail / 40_000) + (0.01 if pairs > 200 else 0.0)
    assert (medians < low).mean() <= tail + slack
    assert (medians <= low).mean() >= tail - slack
    assert (medians > high).mean() <= tail + slack
    assert (medians >= high).mean() >= tail - slack


def reach_of(level: float, pairs: int) -> float:
    return math.sqrt(pairs / (pairs - 1)) * student_quantile(1 - level / 2, pairs - 1)


def test_the_interval_holds_the_median_and_mirrors_the_sample() -> None:
    values = [0.1, 0.4, -0.2, 0.3, 0.25, 0.15, 0.2, 0.22]
    low, high = median_interval(values, level=0.05)
    assert low <= 0.21 <= high
    assert median_interval([-each for each in values], level=0.05) == (-high, -low)
    assert median_interval([0.5] * 9, level=0.05) == (0.5, 0.5)


@pytest.mark.parametrize("pairs", [5_000, 5_001])
def test_a_large_sample_gives_a_narrow_interval(pairs: int) -> None:
    values = np.random.default_rng(1).normal(size=pairs)
    low, high = median_interval(values, level=0.05)
    assert -0.1 < low < high < 0.1


def test_the_detectable_shift_is_found_in_four_cases_of_five() -> None:
    rng = np.random.default_rng(11)
    pairs, level, margin = 16, 0.05, 0.02
    reach = [
        detectable(low, high, level=level, margin=margin, power=0.8)
        for _ in range(60)
        for low, high in [median_interval(rng.normal(0, 0.02, pairs), level=level)]
    ]
    shift = float(np.median(reach))
    found = sum(
        median_interval(rng.normal(shift, 0.02, pairs), level=level)[0] > margin for _ in range(200)
    )
    assert 0.65 <= found / 200 <= 0.95


# --- when to look ------------------------------------------------------------------------------


@pytest.mark.parametrize("bounds", [(3, 3), (5, 20), (3, 10_000), (10, 11), (20, 5)])
@pytest.mark.parametrize("chance", [0.4, 0.05, 0.001])
def test_looks_share_the_chance_of_error_and_end_at_the_last_pair(
    bounds: tuple[int, int], chance: float
) -> None:
    looks = plan_looks(min_pairs=bounds[0], max_pairs=bounds[1], chance=chance)
    counts = [look.pairs for look in looks]
    assert counts == sorted(set(counts))
    assert counts[-1] == bounds[1]
    assert math.fsum(look.level for look in looks) == pytest.approx(chance)
    assert len(looks) == 1 or looks[-1].level == chance / 2
    assert all(look.pairs >= pairs_needed(look.level) for look in looks[:-1])
    assert counts[0] >= min(bounds)
    assert all(later >= 1.2 * earlier for earlier, later in pairwise(counts[1:]))


def test_looks_that_could_not_decide_are_left_out() -> None:
    assert plan_looks(min_pairs=5, max_pairs=20, chance=0.05) == [
        Look(pairs=8, level=0.0125),
        Look(pairs=12, level=0.0125),
        Look(pairs=20, level=0.025),
    ]
    assert plan_looks(min_pairs=5, max_pairs=5, chance=0.05) == [Look(pairs=5, level=0.05)]


# --- several tests -----------------------------------------------------------------------------


def test_holm_corrects_as_its_paper_and_the_tables_of_others_do() -> None:
    # The example of R's p.adjust(c(0.01, 0.02, 0.03, 0.04), "holm"), in another order.
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5]) == [0.5]
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize("seed", range(10))
def test_holm_lies_between_nothing_and_bonferroni_and_keeps_the_order(seed: int) -> None:
    chance = random.Random(seed)
    plain = [chance.random() ** 3 for _ in range(7)]
    corrected = holm(plain)
    for one, other in zip(plain, corrected, strict=True):
        assert one <= other <= min(1.0, 7 * one) + 1e-12
    order = sorted(range(7), key=lambda at: plain[at])
    assert [corrected[at] for at in order] == sorted(corrected)


# --- the verdict -------------------------------------------------------------------------------


def rule_of(metric: str = "ops_per_second", min_effect: float = 0.02) -> Rule:
    return Rule(metric=metric, min_effect=min_effect, level=0.0125)


def ratios_around(centre: float, spread: float, pairs: int = 12) -> list[float]:
    steps = np.linspace(-1, 1, pairs)
    return [centre * math.exp(spread * step) for step in steps]


@pytest.mark.parametrize(
    ("metric", "centre", "verdict"),
    [
        ("ops_per_second", 1.2, "better"),
        ("ops_per_second", 0.8, "worse"),
        ("p99_ns", 1.2, "worse"),
        ("p99_ns", 0.8, "better"),
        ("memory_bytes", 0.5, "better"),
        ("memory_bytes", 1.0, "same"),
        ("ops_per_second", 1.0, "same"),
    ],
)
def test_the_direction_of_the_metric_decides_what_is_better(
    metric: str, centre: float, verdict: str
) -> None:
    judgement = judge(ratios_around(centre, 0.005), rule_of(metric), QUIET)
    assert judgement.verdict == verdict
    assert judgement.ratio == pytest.approx(centre, rel=0.01)
    assert judgement.interval[0] <= judgement.ratio <= judgement.interval[1]


@pytest.mark.parametrize("centre", [1.0, 1.02, 1.05])
def test_an_interval_that_reaches_in_and_out_is_inconclusive(centre: float) -> None:
    judgement = judge(ratios_around(centre, 0.2), rule_of(), QUIET)
    assert judgement.verdict == "inconclusive"
    assert "both inside and outside" in judgement.reason
    assert judgement.smallest_effect > 0.05


@pytest.mark.parametrize("centre", [0.5, 1.0, 2.0])
def test_too_few_pairs_decide_nothing(centre: float) -> None:
    judgement = judge([centre] * 7, rule_of(), QUIET)
    assert judgement.verdict == "inconclusive"
    assert "takes 8 pairs or more" in judgement.reason


def test_a_noisy_machine_asks_for_more_and_says_so() -> None:
    ratios = ratios_around(0.9, 0.03, pairs=8)
    assert judge(ratios, rule_of(), QUIET).verdict == "worse"
    noisy = judge(ratios, rule_of(), NOISY)
    assert noisy.verdict == "inconclusive"
    assert "disturbed 40 of 40 runs" in noisy.reason
    assert noisy.level == pytest.approx(0.00125)
    assert judge(ratios, rule_of("memory_bytes"), NOISY).verdict == "better"


def test_noise_counts_runs_and_keeps_examples() -> None:
    noise = sum_up_noise(["steal", None, "steal", "switches"])
    assert (noise.verdict, noise.noisy_runs, noise.runs) == ("noisy", 3, 4)
    assert noise.reasons == ["steal", "switches"]
    assert sum_up_noise(["steal", None, None, None]).verdict == "quiet"
    assert sum_up_noise([]).verdict == "quiet"


def sequential(draw: random.Random, shift: float, spread: float, min_effect: float) -> Judgement:
    """Judge simulated pairs as a comparison does: at every look, until one decides."""
    looks = plan_looks(min_pairs=5, max_pairs=20, chance=0.05)
    ratios = [math.exp(draw.gauss(math.log1p(shift), spread)) for _ in range(looks[-1].pairs)]
    judgement = None
    for look in looks:
        rule = Rule(metric="p99_ns", min_effect=min_effect, level=look.level)
        judgement = judge(ratios[: look.pairs], rule, QUIET)
        if judgement.verdict != "inconclusive":
            break
    assert judgement is not None
    return judgement


def test_equal_sides_are_rarely_told_apart_in_spite_of_several_looks() -> None:
    draw = random.Random(2)
    verdicts = [sequential(draw, 0.0, 0.03, 0.0).verdict for _ in range(200)]
    assert sum(verdict in ("better", "worse") for verdict in verdicts) <= 10
    draw = random.Random(3)
    verdicts = [sequential(draw, 0.0, 0.03, 0.02).verdict for _ in range(200)]
    assert sum(verdict in ("better", "worse") for verdict in verdicts) <= 2


def test_a_difference_of_a_twentieth_is_found_within_twenty_pairs() -> None:
    draw = random.Random(4)
    verdicts = [sequential(draw, 0.05, 0.015, 0.02).verdict for _ in range(100)]
    assert verdicts.count("worse") >= 90
    assert "better" not in verdicts


def test_equal_sides_are_rarely_called_same_when_they_differ_by_more_than_nothing() -> None:
    draw = random.Random(5)
    verdicts = [sequential(draw, 0.02, 0.015, 0.02).verdict for _ in range(100)]
    assert verdicts.count("same") + verdicts.count("worse") <= 8
