"""Self-tests: on simulated machines whose noise is known, and a real one on a small trace."""

from __future__ import annotations

import json
import math
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from process_children import children

pytest.importorskip("adhash.maps", reason="the native module is not built", exc_type=ImportError)

from adhash.analysis.ab_builds import own_interpreter
from adhash.analysis.ab_compare import run_self_test
from adhash.analysis.ab_family import FamilyRule
from adhash.analysis.ab_observation import Observation, observe
from adhash.analysis.ab_plan import plan_comparison
from adhash.analysis.ab_repetition import (
    BLOCK,
    PairRatios,
    Procedure,
    in_a_row,
    resampled,
    smallest_found,
)
from adhash.analysis.ab_self_test import SLOWDOWN, self_test
from adhash.analysis.ab_self_test_result import AbSelfTestResult
from adhash.analysis.ab_sides import Side
from adhash.analysis.paired_statistics import Look
from adhash.analysis.slowed_replay import SlowedDriver
from adhash.cancellation import CancelToken
from adhash.clock import ManualClock
from adhash.errors import BadInputError, InterruptedRunError
from adhash.options.ab_compare import AbCompareOptions
from adhash.options.base import read_options
from adhash.progress import WorkProgress
from adhash.replay import run_csv

Simulate = Callable[..., AbSelfTestResult]


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a trace of a few hundred operations."""
    path = tmp_path_factory.mktemp("self") / "trace.csv"
    rows = "".join(f"put,{i % 90},{i}\nget,{i % 70},\n" for i in range(200))
    path.write_text("op,key,value\n" + rows, "utf-8")
    return path


@pytest.fixture
def simulate(trace: Path) -> Simulate:
    """Return a function that tests runs that only say how fast they were."""
    summary = run_csv(trace, mode="swiss", environ={}).to_dict()

    def run(
        speed: Callable[[int, float], float],
        *,
        progress: Callable[[WorkProgress], None] = lambda _: None,
        cancel: CancelToken | None = None,
        **given: Any,
    ) -> AbSelfTestResult:
        values = {"csv": str(trace), "a": "mode=swiss", "seed": 1, "self_test": True, **given}
        here = own_interpreter()
        plan = plan_comparison(
            read_options(AbCompareOptions, values),
            environ={},
            interpreters={"a": here, "b": here},
        )
        clock, runs = ManualClock(), iter(range(100_000))

        def run_side(side: Side, _seed: int, *, replays: int, slowdown: float = 0.0) -> Observation:
            clock.advance(1.0)
            told = {**summary, "ops_per_second": speed(next(runs), slowdown)}
            replay = {"summary": told, "wall_s": 1.0, "cpu_s": 1.0}
            return observe([replay] * replays, who="it", core=3, steal=0.0)

        return self_test(
            plan,
            run_side,
            core=3,
            clock=clock,
            cancel=cancel or CancelToken(),
            progress=progress,
        )

    return run


def machine(spread: float, *, drift: float = 0.0) -> Callable[[int, float], float]:
    """Return runs of a machine whose speed spreads, and swings slowly."""
    draw = random.Random(7)

    def speed(number: int, slowdown: float) -> float:
        swing = drift * math.sin(number / 40)
        return 1e6 * math.exp(draw.gauss(0, spread) + swing) / (1 + slowdown)

    return speed


def test_a_quiet_machine_passes_though_its_speed_swings(simulate: Simulate) -> None:
    result = simulate(machine(0.008, drift=0.2))
    assert result.verdict == "passed"
    assert (result.false_positive_rate, result.miss_rate) == (0.0, 0.0)
    assert result.power > 0.95
    assert (result.equal.pairs, result.slowed.pairs) == (200, 100)
    assert result.slowed.ratio == pytest.approx(1 / (1 + SLOWDOWN), rel=0.01)
    assert result.equal.ratio == pytest.approx(1.0, rel=0.01)
    assert 0.008 < result.equal.spread < 0.02
    assert result.smallest_found is not None
    assert result.smallest_found < SLOWDOWN
    assert result.equal.resampled.comparisons == 2_000
    assert result.equal.in_a_row.comparisons >= 10
    assert result.equal.in_a_row.worse == result.equal.in_a_row.better == 0
    assert AbSelfTestResult.model_validate_json(result.to_json()) == result


def test_a_machine_with_much_noise_is_called_noisy_and_not_wrong(simulate: Simulate) -> None:
    result = simulate(machine(0.1))
    assert result.verdict == "noisy"
    assert result.false_positive_rate <= 0.01
    assert result.miss_rate <= 0.01
    assert result.power < 0.5
    assert result.slowed.resampled.inconclusive > 1_000


def test_a_side_that_is_slower_by_its_place_fails_the_test(simulate: Simulate) -> None:
    def biased(number: int, slowdown: float) -> float:
        # A machine on which a slowed run costs nothing: comparisons call the sides the same.
        return 1e6 * (1 + 1e-4 * (number % 7))

    result = simulate(biased)
    assert (result.verdict, result.power) == ("failed", 0.0)
    assert result.miss_rate > 0.9


def test_progress_counts_pairs_and_cancelling_ends_it(simulate: Simulate) -> None:
    token, told = CancelToken(), []

    def watch(progress: WorkProgress) -> None:
        told.append(progress)
        if progress.done == 3:
            token.cancel()

    with pytest.raises(InterruptedRunError, match="after 3 pairs"):
        simulate(machine(0.01), progress=watch, cancel=token)
    assert (told[0].done, told[0].total, told[0].unit) == (0, 200, "pairs")
    assert {each.note for each in told} == {"warm-up", "equal", "slowed"}


def test_a_budget_ends_it_early_and_too_small_a_one_is_refused(simulate: Simulate) -> None:
    result = simulate(machine(0.01), budget_s=70.0)
    assert result.ended_by == "budget"
    assert 20 <= result.equal.pairs < 40
    with pytest.raises(BadInputError, match="one comparison takes 20"):
        simulate(machine(0.01), budget_s=30.0)


def test_a_metric_that_nothing_slows_is_refused(simulate: Simulate) -> None:
    with pytest.raises(BadInputError, match="cannot decide by p99_ns"):
        simulate(machine(0.01), metric=["ops_per_second", "p99_ns"])


# --- repeating comparisons ---------------------------------------------------------------------


def procedure_of(*counts: int) -> Procedure:
    rule = FamilyRule(metrics=("ops_per_second",), min_effect=0.02)
    looks = [Look(pairs=pairs, level=0.05 / len(counts)) for pairs in counts]
    return Procedure(rule=rule, looks=looks)


def pairs_of(ratios: list[float], noise: str | None = None) -> list[PairRatios]:
    return [PairRatios(ratios={"ops_per_second": each}, noise=(noise, noise)) for each in ratios]


def test_comparisons_in_a_row_begin_where_the_one_before_ended() -> None:
    worse, unclear = [0.5] * 8, [0.5, 2.0] * 8
    outcomes = in_a_row(pairs_of([*worse, *unclear, *worse, *worse]), procedure_of(8, 16))
    assert (outcomes.comparisons, outcomes.worse, outcomes.inconclusive) == (3, 2, 1)
    assert outcomes.median_pairs == 8


def test_equal_sides_are_named_anew_in_every_comparison() -> None:
    # By the names that they had, b was always half as fast; but they had them by chance.
    pairs = pairs_of([0.5] * 100)
    kept = resampled(pairs, procedure_of(8), times=200, seed=1)
    assert kept.worse == 200
    renamed = resampled(pairs, procedure_of(8), times=200, seed=1, renames=True)
    assert renamed.worse + renamed.better < 20


def test_too_few_pairs_make_no_comparison_in_a_row() -> None:
    outcomes = in_a_row(pairs_of([1.0] * 7), procedure_of(8))
    assert (outcomes.comparisons, outcomes.median_pairs) == (0, None)


def test_resampling_keeps_neighbours_together() -> None:
    # One half of the time b is twice as fast, the other half as slow: pairs drawn singly would
    # nearly always mix both, blocks of neighbours often do not.
    halves = pairs_of([2.0] * 100 + [0.5] * 100)
    outcomes = resampled(halves, procedure_of(BLOCK), times=400, seed=1)
    assert outcomes.better > 100
    assert outcomes.worse > 100
    assert outcomes == resampled(halves, procedure_of(BLOCK), times=400, seed=1)


def test_resampling_keeps_the_noise_of_a_pair() -> None:
    ratios = [0.9 + 0.001 * (at % 5) for at in range(40)]
    quiet = resampled(pairs_of(ratios), procedure_of(8), times=20, seed=1)
    noisy = resampled(pairs_of(ratios, "busy"), procedure_of(8), times=20, seed=1)
    assert (quiet.worse, noisy.inconclusive) == (20, 20)


@pytest.mark.parametrize("spread", [0.01, 0.03])
def test_the_smallest_slowdown_that_is_found_is_found_and_no_smaller_one(spread: float) -> None:
    draw = random.Random(3)
    pairs = pairs_of([math.exp(draw.gauss(0, spread)) for _ in range(100)])
    procedure = procedure_of(8, 12, 18, 20)
    found = smallest_found(pairs, procedure, times=100, seed=2, power=0.9)
    assert found is not None
    for slowdown, is_found in ((found, True), (found - 0.001, False)):
        slowed = [pair.slowed(1 + slowdown) for pair in pairs]
        outcomes = resampled(slowed, procedure, times=100, seed=2)
        assert (outcomes.worse >= 90) is is_found


def test_a_slowdown_that_is_never_found_has_no_size() -> None:
    wild = pairs_of([10.0, 0.1] * 20)
    assert smallest_found(wild, procedure_of(8), times=20, seed=1, power=0.9) is None


# --- real runs ---------------------------------------------------------------------------------


def test_a_slowed_driver_spins_for_its_share_and_forwards_the_rest() -> None:
    class Working:
        def advance(self, budget_ns: int) -> bool:
            until_ns = time.process_time_ns() + budget_ns
            while time.process_time_ns() < until_ns:
                pass
            return True

        def counters(self) -> str:
            return "counted"

    driver: Any = SlowedDriver(Working(), 1.0)  # type: ignore[arg-type]
    began_ns = time.process_time_ns()
    assert driver.advance(20_000_000) is True
    assert time.process_time_ns() - began_ns >= 40_000_000
    assert driver.counters() == "counted"


def options_of(trace: Path, **given: Any) -> AbCompareOptions:
    values = {"csv": str(trace), "a": "mode=swiss", "seed": 1, "self_test": True, **given}
    return read_options(AbCompareOptions, values)


def test_a_real_self_test_runs_and_is_written(trace: Path, tmp_path: Path) -> None:
    out = tmp_path / "self-test.json"
    result = run_self_test(
        options_of(trace, self_test_pairs=4, max_pairs=4, replays=1, json_out=str(out))
    )
    assert (result.equal.pairs, result.slowed.pairs, result.replays) == (4, 2, 1)
    assert len(result.equal.ratios) == 4
    assert result.noise.runs == 10
    assert json.loads(out.read_text("utf-8")) == result.to_dict()
    assert result.to_dict()["schema"] == "adhash.ab-self-test.v1"


def test_cancelling_a_real_self_test_leaves_no_process(trace: Path) -> None:
    token, before = CancelToken(), children()

    def cancel_soon(progress: WorkProgress) -> None:
        if progress.done >= 1:
            threading.Timer(0.05, token.cancel).start()

    with pytest.raises(InterruptedRunError):
        run_self_test(options_of(trace), progress=cancel_soon, cancel=token)
    assert children() <= before
