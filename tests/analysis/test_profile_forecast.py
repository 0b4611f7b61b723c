"""Forecasts: finite, in proportion, and right where a calibration leaves no doubt."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from calibrations import calibration, curve
from hypothesis import given
from hypothesis import strategies as st
from profile_traces import operations, read_through

from adhash.analysis.calibration.classes import (
    CLASSES,
    KEY_BYTES,
    VALUE_BYTES,
    Class,
    KeyClass,
)
from adhash.analysis.calibration.costs import OPERATIONS, CostModel
from adhash.analysis.profile.expectation import (
    MODEL_ERROR,
    Expectation,
    confidence_of,
    expectations,
    finalists,
)
from adhash.analysis.profile.forecast import Forecast, forecast
from adhash.analysis.profile.history import infer_history
from adhash.analysis.profile.race import Lap
from adhash.analysis.profile.sample import Sample
from adhash.analysis.profile.standing import Scale, Standing, rank
from adhash.analysis.profile.traffic import Share, Traffic, is_dense, traffic_of
from adhash.replay import run_csv
from adhash.replay.table_types import TableTypes

ENGINES = ("swiss", "chaining")
MODEL = CostModel(calibration())
amounts = st.floats(0, 1e12)


def traffic(
    counts: Mapping[str, float] | None = None,
    *,
    entries: float = 1000.0,
    keys: Mapping[KeyClass, Share] | None = None,
) -> Traffic:
    """Return the traffic of a trace with one piece."""
    made = dict.fromkeys(OPERATIONS, 0.0) | dict(counts or {"hit": 1e6, "insert": 1000.0})
    return Traffic(
        counts={name: np.array([count]) for name, count in made.items()},
        entries=np.array([entries]),
        peak=entries,
        keys=keys or {"word": Share(part=1.0, mean_bytes=8)},
        values={"word": Share(part=1.0, mean_bytes=8)},
    )


def times(of: Traffic, model: CostModel = MODEL) -> dict[str, float]:
    return {
        name: each.time_ns for name, each in forecast(ENGINES, of, model, is_sampled=True).items()
    }


@given(
    counts=st.fixed_dictionaries(dict.fromkeys(OPERATIONS, amounts)),
    entries=st.floats(1, 1e10),
)
def test_a_forecast_is_finite_and_rises_with_every_count(
    counts: dict[str, float], entries: float
) -> None:
    own = times(traffic(counts, entries=entries))
    assert all(math.isfinite(ns) and ns >= 0 for ns in own.values())
    for name in OPERATIONS:
        more = times(traffic({**counts, name: counts[name] + 1e6}, entries=entries))
        assert all(more[engine] >= own[engine] for engine in ENGINES)


@given(counts=st.fixed_dictionaries(dict.fromkeys(OPERATIONS, st.floats(1, 1e9))))
def test_an_engine_that_costs_half_takes_half(counts: dict[str, float]) -> None:
    own = times(traffic(counts))
    assert own["chaining"] == pytest.approx(2 * own["swiss"])


def test_each_operation_has_its_own_price() -> None:
    prices = {f"{name}_ns": [float(10**at)] * 3 for at, name in enumerate(OPERATIONS)}
    model = CostModel(calibration(curve("swiss", **prices)))
    for at, name in enumerate(OPERATIONS):
        found = forecast(["swiss"], traffic({name: 5.0, "insert": 0.0}), model, is_sampled=False)
        expected = 0.0 if name == "insert" else 5.0 * 10**at
        assert found["swiss"].operations_ns == pytest.approx(expected)


@given(part=st.floats(0.01, 0.99))
def test_keys_of_two_kinds_are_priced_by_their_shares(part: float) -> None:
    model = CostModel(
        calibration(
            curve("swiss", key="inline", ns=10.0),
            curve("swiss", key="long", ns=30.0),
        )
    )
    keys: dict[KeyClass, Share] = {
        "inline": Share(part=part, mean_bytes=9),
        "long": Share(part=1 - part, mean_bytes=30),
    }
    found = forecast(["swiss"], traffic({"hit": 1e9}, keys=keys), model, is_sampled=False)
    expected = 1e9 * (10 * part + 30 * (1 - part))
    assert found["swiss"].operations_ns == pytest.approx(expected)


def test_dense_keys_have_prices_of_their_own() -> None:
    model = CostModel(calibration(curve("swiss", ns=30.0), curve("swiss", key="dense", ns=10.0)))
    kinds: tuple[tuple[KeyClass, float], ...] = (("dense", 10.0), ("word", 30.0))
    for kind, ns in kinds:
        of = traffic({"hit": 1e9}, keys={kind: Share(part=1.0, mean_bytes=8)})
        found = forecast(["swiss"], of, model, is_sampled=False)
        assert found["swiss"].operations_ns == pytest.approx(1e9 * ns)


def test_memory_is_that_of_the_largest_table_with_longer_keys_on_top() -> None:
    keys: dict[KeyClass, Share] = {"long": Share(part=1.0, mean_bytes=KEY_BYTES["long"] + 100)}
    long = forecast(["swiss"], traffic(entries=4096, keys=keys), MODEL, is_sampled=False)
    words = forecast(["swiss"], traffic(entries=4096), MODEL, is_sampled=False)
    assert words["swiss"].memory_bytes == pytest.approx(32 * 4096)
    assert long["swiss"].memory_bytes == pytest.approx((32 + 100) * 4096)


def test_engines_that_were_not_calibrated_are_left_out() -> None:
    assert set(forecast(["swiss", "new"], traffic(), MODEL, is_sampled=True)) == {"swiss"}


def test_growth_is_averaged_over_sizes_where_the_size_is_only_inferred() -> None:
    fill = [20.0 * 64 * 2**octave for octave in range(11)]
    fill[6] += 1e6  # a growth between 2048 and 4096 entries
    fill[7:] = [each + 1e6 for each in fill[7:]]
    model = CostModel(calibration(curve("swiss", fill_ns=fill)))
    sizes = [traffic(entries=entries) for entries in (3900.0, 4096.0, 4300.0)]

    exact = [forecast(["swiss"], each, model, is_sampled=False)["swiss"] for each in sizes]
    about = forecast(["swiss"], sizes[1], model, is_sampled=True)["swiss"]

    assert exact[0].growth_ns < about.growth_ns < exact[2].growth_ns


# --- the traffic of a trace ----------------------------------------------------------------------


def test_the_traffic_of_a_whole_trace_is_what_a_replay_counts(tmp_path: Path) -> None:
    rows = read_through(20_000, 2_000)
    path = tmp_path / "t.csv"
    path.write_text("op,key,value\n" + "".join(f"{op},{k},{v}\n" for op, k, v in rows), "utf-8")
    summary = run_csv(path, mode="swiss", environ={})
    pieces = [operations(rows)]
    history = infer_history(pieces, [1.0], seed=1)
    sample = Sample(
        pieces=pieces,
        weights=[1.0],
        types=TableTypes(key="int64", value="int64"),
        total_rows=len(rows),
        total_bytes=1,
        is_exact=True,
    )

    found = traffic_of(sample, history)

    counts = {name: float(each.sum()) for name, each in found.counts.items()}
    assert counts == {
        "hit": summary.hits,
        "miss": summary.misses,
        "update": summary.updates,
        "delete": summary.deletes_found,
        "insert": summary.inserts,
    }
    assert found.peak == summary.final_size
    assert set(found.keys) == {"dense"}


@given(
    base=st.integers(-(1 << 63), (1 << 63) - 200_001),
    step=st.sampled_from([1, 3, 50]),
    far_off=st.integers(0, 9),
    seed=st.integers(0, 1 << 50),
)
def test_keys_are_dense_where_half_of_their_range_is_keys(
    base: int, step: int, far_off: int, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    seen = base + step * chance.integers(0, 4000, 2000)
    strangers = chance.integers(-(1 << 63), 1 << 63, far_off)
    # 4000 keys at every step; the few that lie elsewhere do not count.
    assert is_dense(np.concatenate([seen, strangers]), entries=4000.0) == (step == 1)


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_keys_may_lie_as_far_from_each_other_as_numbers_can(dtype: type) -> None:
    ends = np.iinfo(dtype)
    near = np.arange(50, dtype=dtype)
    apart = np.concatenate([near + dtype(ends.min), dtype(ends.max) - near])
    assert not is_dense(apart, entries=100.0)
    assert is_dense(
        np.concatenate([apart[:2], apart[-2:], np.arange(100, dtype=dtype)]), entries=100.0
    )


@given(factor=st.floats(0.01, 1e4))
def test_a_longer_trace_has_more_of_everything(factor: float) -> None:
    own, longer = traffic(), traffic().scaled(factor)
    assert longer.peak == pytest.approx(factor * own.peak)
    assert longer.counts["hit"].sum() == pytest.approx(factor * own.counts["hit"].sum())


# --- what is expected ----------------------------------------------------------------------------

ENGINE_OF = {name: name for name in ("swiss", "chaining", "robinhood")}


def told(**times_ns: float) -> dict[str, Forecast]:
    return {
        name: Forecast(operations_ns=ns, growth_ns=0.0, memory_bytes=1.0, saved_ns=0.0)
        for name, ns in times_ns.items()
    }


def raced(**laps_ns: list[float]) -> list[Standing]:
    laps = {
        name: [Lap(piece_ns=[ns], growths=[], entries=1, memory_bytes=1) for ns in each]
        for name, each in laps_ns.items()
    }
    return rank(laps, Scale(weights=[1.0], growth=1.0))


def expect(
    forecasts: dict[str, Forecast], standings: list[Standing], *, is_whole: bool = False
) -> list[Expectation]:
    return expectations(ENGINE_OF, forecasts, standings, is_whole=is_whole)


def test_without_a_race_the_forecast_is_what_is_expected() -> None:
    found = expect(told(swiss=3.0, chaining=1.0, robinhood=2.0), [])
    assert [each.mode for each in found] == ["chaining", "robinhood", "swiss"]
    assert [each.time_ns for each in found] == [1.0, 2.0, 3.0]
    assert {each.error for each in found} == {MODEL_ERROR}


def test_finalists_are_those_within_the_error_of_the_model() -> None:
    near, far = math.exp(MODEL_ERROR), math.exp(3 * MODEL_ERROR)
    assert finalists(told(swiss=near, chaining=1.0, robinhood=far)) == ["chaining", "swiss"]


def test_a_race_turns_a_close_forecast_round_but_not_a_clear_one() -> None:
    race = raced(swiss=[100.0] * 3, chaining=[125.0] * 3)
    close = expect(told(swiss=1.02, chaining=1.0, robinhood=2.0), race)
    clear = expect(told(swiss=1.5, chaining=1.0, robinhood=2.0), race)
    assert close[0].mode == "swiss"
    assert clear[0].mode == "chaining"


def test_the_race_of_a_whole_trace_decides() -> None:
    race = raced(swiss=[100.0] * 3, chaining=[110.0] * 3)
    forecasts = told(swiss=1.1, chaining=1.0, robinhood=2.0)
    assert expect(forecasts, race, is_whole=True)[0].mode == "swiss"


def test_a_race_makes_an_expectation_surer() -> None:
    race = raced(swiss=[100.0] * 3, chaining=[120.0] * 3)
    found = expect(told(swiss=1.0, chaining=1.0, robinhood=1.0), race)
    errors = {each.mode: each.error for each in found}
    assert errors["swiss"] < MODEL_ERROR
    assert errors["robinhood"] == MODEL_ERROR


def test_a_noisy_race_counts_less() -> None:
    forecasts = told(swiss=1.02, chaining=1.0, robinhood=2.0)
    steady = expect(forecasts, raced(swiss=[100.0] * 4, chaining=[110.0] * 4))
    noisy = expect(forecasts, raced(swiss=[50.0, 150.0] * 2, chaining=[60.0, 160.0] * 2))
    shift = {each.mode: math.log(each.time_ns) for each in steady}
    less = {each.mode: math.log(each.time_ns) for each in noisy}
    assert shift["chaining"] - shift["swiss"] > less["chaining"] - less["swiss"]


@given(ratio=st.floats(1.0, 10.0), seed=st.integers(0, 1 << 50))
def test_confidence_is_a_share_and_grows_with_the_lead(ratio: float, seed: int) -> None:
    def sure(lead: float) -> float:
        found = expect(told(swiss=1.0, chaining=lead, robinhood=lead), [])
        return confidence_of(found, seed=seed)

    assert 0 <= sure(ratio) <= sure(ratio * 1.5) <= 1
    assert sure(10.0) == 1.0


def test_the_only_candidate_is_sure() -> None:
    found = expectations({"swiss": "swiss"}, told(swiss=1.0), [], is_whole=False)
    assert confidence_of(found, seed=1) == 1.0


@pytest.mark.parametrize("kind", CLASSES)
def test_every_kind_of_values_has_a_length(kind: Class) -> None:
    assert VALUE_BYTES[kind] > 0
