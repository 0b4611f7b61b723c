"""Costs between and beyond the measured sizes: finite, never falling, exact where measured."""

from __future__ import annotations

import math

import numpy as np
import pytest
from calibrations import PROBED, SIZES, calibration, curve
from hypothesis import given
from hypothesis import strategies as st

from adhash.analysis.calibration.costs import OPERATIONS, EngineCosts, Slope, Staircase, monotone

costs_ns = st.floats(0.5, 1e5)
entries = st.floats(0, 1e10)
steps = st.lists(st.floats(1, 1e9), min_size=len(SIZES), max_size=len(SIZES))


def staircase(rises: list[float]) -> Staircase:
    return Staircase(sizes=np.array(SIZES, dtype=float), totals=np.cumsum(rises))


@given(rises=steps, low=entries, high=entries)
def test_a_total_never_falls_and_is_finite(rises: list[float], low: float, high: float) -> None:
    low, high = sorted((low, high))
    stairs = staircase(rises)

    assert 0 <= stairs.at(low) <= stairs.at(high) * (1 + 1e-9)
    assert math.isfinite(stairs.at(high))


@given(rises=steps)
def test_a_total_is_what_was_measured_at_the_measured_sizes(rises: list[float]) -> None:
    stairs = staircase(rises)

    assert [stairs.at(size) for size in SIZES] == pytest.approx(np.cumsum(rises).tolist())
    assert stairs.at(0) == 0


@given(rises=steps)
def test_a_total_goes_on_where_the_measurement_ends(rises: list[float]) -> None:
    stairs = staircase(rises)
    last = SIZES[-1]

    # By at most what the octave behind adds in all.
    assert stairs.at(last * (1 + 1e-9)) <= max(stairs.at(last), 2 * stairs.at(last / 2)) * 1.001


def test_beyond_the_last_size_the_steps_of_the_last_octave_are_repeated() -> None:
    sizes = np.array([100.0, 150.0, 200.0, 300.0, 400.0])
    # 1 an entry, and a growth of 500 that comes between 200 and 300 for the second time.
    stairs = Staircase(sizes=sizes, totals=np.array([350.0, 400.0, 450.0, 1050.0, 1150.0]))
    doubled = Staircase(sizes=2 * sizes, totals=2 * stairs.totals)

    rise = 1150 / 400 - 450 / 200
    assert stairs.at(600) == pytest.approx(doubled.at(600) + 600 * rise)
    assert stairs.at(800) == pytest.approx(doubled.at(800) + 800 * rise)


@given(figures=st.lists(costs_ns, min_size=1, max_size=12))
def test_pooled_costs_do_not_fall_keep_their_sum_and_the_order_that_was_right(
    figures: list[float],
) -> None:
    pooled = monotone(figures)

    assert np.all(np.diff(pooled) >= 0)
    assert pooled.sum() == pytest.approx(sum(figures))
    assert monotone(sorted(figures)).tolist() == pytest.approx(sorted(figures))


@given(figures=st.lists(costs_ns, min_size=3, max_size=3), low=entries, high=entries)
def test_an_operation_never_costs_less_in_a_larger_table(
    figures: list[float], low: float, high: float
) -> None:
    slope = Slope(logs=np.log2(PROBED), costs=monotone(figures))
    low, high = sorted((low, high))

    assert 0 < slope.at(low) <= slope.at(high) * (1 + 1e-9)
    assert math.isfinite(slope.at(high))


@given(size=entries)
def test_growth_and_insertions_make_up_filling(size: float) -> None:
    even = calibration(curve("swiss", ns=10.0))
    costs = EngineCosts.of(even.curves[0], even)

    # Filling costs 20 an entry and an insertion 10: the other half is growth.
    assert costs.insertions_ns(size) == pytest.approx(10 * size, rel=0.01, abs=11)
    assert costs.growth_ns(size) + costs.insertions_ns(size) == pytest.approx(
        costs.fill.at(size), rel=1e-9, abs=11
    )


@given(size=entries)
def test_room_that_was_reserved_saves_no_more_than_growth_and_never_costs(size: float) -> None:
    even = calibration(curve("swiss", ns=10.0))
    costs = EngineCosts.of(even.curves[0], even)

    saved = costs.saved_by_reserving_ns(size)

    assert 0 <= saved <= costs.fill.at(size) + 1e-6
    assert saved == pytest.approx(5 * size, rel=0.01, abs=1e-6)


def test_every_operation_has_its_slope() -> None:
    figures = {f"{name}_ns": [float(at)] * 3 for at, name in enumerate(OPERATIONS, 1)}
    own = calibration(curve("swiss", **figures))
    costs = EngineCosts.of(own.curves[0], own)

    assert [costs.operations[name].at(1000) for name in OPERATIONS] == [1, 2, 3, 4, 5]
