"""Medians, ratios and verdicts: what a figure says must not depend on how it was come by."""

import statistics

import pytest

from benchmarks.report import Bar, Finding, table
from benchmarks.rounds import interleave, timed
from benchmarks.spread import Spread, bootstrap_of, paired_ratios, spread_of


def test_spread_is_the_median_between_the_extremes():
    assert spread_of([3.0, 1.0, 2.0]) == Spread(median=2.0, low=1.0, high=3.0)


def test_spread_of_nothing_is_refused():
    with pytest.raises((statistics.StatisticsError, ValueError)):
        spread_of([])


def test_ratios_are_of_the_same_round():
    assert paired_ratios([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]


def test_ratios_of_unequal_rounds_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        paired_ratios([1.0, 2.0], [1.0])


def test_bootstrap_interval_holds_the_median_and_is_repeatable():
    values = [1.0 + i % 7 for i in range(40)]
    interval = bootstrap_of(values)
    assert interval.low <= interval.median <= interval.high
    assert interval.low > min(values)
    assert interval == bootstrap_of(values)


def test_candidates_turn_around_with_every_round():
    order: list[str] = []
    results = interleave(
        {name: lambda name=name: order.append(name) or len(order) for name in "ab"}, rounds=3
    )
    assert "".join(order) == "abbaab"
    assert results == {"a": [1, 4, 5], "b": [2, 3, 6]}


def test_timed_work_is_done_once():
    calls: list[int] = []
    cost = timed(lambda: calls.append(1))
    assert calls == [1]
    assert cost.wall_s > 0
    assert cost.by("cpu") == cost.cpu_s


@pytest.mark.parametrize(
    ("side", "figure", "is_met"),
    [
        ("at least", 1.3, True),
        ("at least", 1.29, False),
        ("at most", 1.3, True),
        ("at most", 1.31, False),
    ],
)
def test_bar_is_met_on_its_side_and_at_its_limit(side, figure, is_met):
    bar = Bar(limit=1.3, side=side)
    assert bar.is_met_by(figure) is is_met
    verdict = bar.verdict(Spread(median=figure, low=figure, high=figure))
    assert verdict == f"{side} 1.3x: {'met' if is_met else 'not met'}"


def test_verdict_says_when_the_spread_lies_across_the_bar():
    verdict = Bar(limit=2, side="at most", aim=1.3).verdict(Spread(median=1.5, low=1.2, high=2.5))
    assert verdict == "at most 2x: met (the spread lies across it); aim 1.3x: not reached"


def test_finding_without_a_bar_is_only_told():
    finding = Finding(claim="regret", figure=Spread(median=9.0, low=8.0, high=10.0))
    assert finding.is_met
    assert finding.text() == "  regret: 9x [8 - 10]"


def test_table_aligns_its_columns():
    assert table([["", "ns"], ["map", "7"]]) == "       ns\n  map   7"
