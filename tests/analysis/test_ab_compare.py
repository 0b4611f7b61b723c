"""Comparisons: their course on simulated runs, and real ones on small traces."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from process_children import children

pytest.importorskip("adhash.maps", reason="the native module is not built", exc_type=ImportError)

from adhash.analysis.ab_builds import own_interpreter
from adhash.analysis.ab_compare import ab_compare, require_not_worse, run_ab_compare
from adhash.analysis.ab_course import compare
from adhash.analysis.ab_observation import Observation, observe
from adhash.analysis.ab_plan import Comparison, plan_comparison
from adhash.analysis.ab_result import AbCompareResult
from adhash.analysis.ab_sides import Side, resolve_sides
from adhash.cancellation import CancelToken
from adhash.clock import ManualClock
from adhash.config_file import render_given
from adhash.config_sources import load_settings
from adhash.errors import (
    BadInputError,
    ConfigError,
    InterruptedRunError,
    InvariantError,
    StorageError,
)
from adhash.options.ab_compare import METRICS, AbCompareOptions
from adhash.options.base import read_options
from adhash.progress import WorkProgress
from adhash.replay import Summary, run_csv

ENGINES = ["adaptive", "chaining", "robinhood", "swiss", "std"]
ROWS = 300


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a trace of a few hundred operations."""
    path = tmp_path_factory.mktemp("ab") / "trace.csv"
    lines = [f"put,{i % 50},{i}\nget,{i % 70}," for i in range(ROWS // 2)]
    path.write_text("op,key,value\n" + "\n".join(lines) + "\n", "utf-8")
    return path


@pytest.fixture(scope="module")
def real_summary(trace: Path) -> Summary:
    """Return the summary of a real run, for runs that are made up of it."""
    return run_csv(trace, mode="swiss", environ={})


def options_of(trace: Path, **given: Any) -> AbCompareOptions:
    values = {"csv": str(trace), "a": "mode=swiss", "b": "mode=std", "seed": 1, **given}
    return read_options(AbCompareOptions, values)


HERE = replace(own_interpreter(), engines=ENGINES)


def plan_of(trace: Path, **given: Any) -> Comparison:
    interpreters = {"a": HERE, "b": HERE}
    return plan_comparison(options_of(trace, **given), environ={}, interpreters=interpreters)


Simulate = Callable[..., AbCompareResult]


@pytest.fixture
def simulate(trace: Path, real_summary: Summary) -> Simulate:
    """Return a function that compares runs that only say how fast they were."""

    def run(
        speed: Callable[[Side, int], float],
        *,
        change: Callable[[Side, Summary], Summary] = lambda _, summary: summary,
        noise: Callable[[int], str | None] = lambda _: None,
        seconds: float = 1.0,
        cancel: CancelToken | None = None,
        progress: Callable[[WorkProgress], None] = lambda _: None,
        **given: Any,
    ) -> AbCompareResult:
        clock = ManualClock()
        runs = iter(range(100_000))

        def run_side(side: Side, _seed: int, *, replays: int, slowdown: float = 0.0) -> Observation:
            number = next(runs)
            clock.advance(seconds)
            figures = {"ops_per_second": speed(side, number)}
            summary = change(side, real_summary.model_copy(update=figures)).to_dict()
            told = [{"summary": summary, "wall_s": 1.0, "cpu_s": 1.0}] * replays
            return replace(observe(told, who="it", core=3, steal=0.0), noise=noise(number))

        return compare(
            plan_of(trace, **given),
            run_side,
            core=3,
            clock=clock,
            cancel=cancel or CancelToken(),
            progress=progress,
        )

    return run


def noisy_speeds(seed: int, *, b: float, spread: float) -> Callable[[Side, int], float]:
    draw = random.Random(seed)
    return lambda side, _: 1e6 * (b if side.label == "b" else 1.0) * math.exp(draw.gauss(0, spread))


# --- the course --------------------------------------------------------------------------------


@pytest.mark.parametrize(("b", "verdict"), [(0.5, "worse"), (2.0, "better"), (1.0, "same")])
def test_a_clear_case_is_decided_at_the_first_look(
    simulate: Simulate, b: float, verdict: str
) -> None:
    result = simulate(noisy_speeds(1, b=b, spread=0.004))
    assert (result.verdict, result.ended_by, result.decided_after) == (verdict, "verdict", 8)
    assert len(result.pairs) == 8
    assert result.looks == [8]
    assert result.ratio == pytest.approx(b, rel=0.01)
    assert result.interval[0] <= result.ratio <= result.interval[1]
    assert result.interval_confidence == pytest.approx(0.9875)


def test_an_unclear_case_runs_to_the_last_pair_and_stays_open(simulate: Simulate) -> None:
    result = simulate(noisy_speeds(2, b=1.02, spread=0.2))
    assert (result.verdict, result.ended_by) == ("inconclusive", "max_pairs")
    assert result.decided_after is None
    assert len(result.pairs) == 20
    assert result.looks == [8, 12, 20]
    assert result.smallest_effect > 0.1


def test_the_budget_ends_an_unclear_case_after_the_pair_that_spent_it(simulate: Simulate) -> None:
    result = simulate(noisy_speeds(2, b=1.02, spread=0.2), seconds=1.0, budget_s=12.5)
    assert result.ended_by == "budget"
    # The warm-up takes 2 s, each pair as long: the sixth... ends at 14 s.
    assert len(result.pairs) == 6
    assert result.looks == [6]
    assert result.elapsed_s == 14.0


def test_the_first_pair_runs_whatever_the_budget(simulate: Simulate) -> None:
    result = simulate(noisy_speeds(2, b=0.5, spread=0.01), budget_s=0.001)
    assert (len(result.pairs), result.verdict) == (1, "inconclusive")


def test_the_warm_up_pair_does_not_count(simulate: Simulate) -> None:
    result = simulate(lambda side, number: 1.0 if number < 2 else 1e6)
    assert {pair.a.ops_per_second for pair in result.pairs} == {1e6}


def test_orders_are_balanced_random_and_repeatable(simulate: Simulate) -> None:
    def orders(seed: int) -> list[str]:
        result = simulate(noisy_speeds(3, b=1.02, spread=0.2), seed=seed)
        return [pair.order for pair in result.pairs]

    first = orders(1)
    assert first.count("ab") == first.count("ba") == 10
    assert first == orders(1)
    assert len({tuple(orders(seed)) for seed in range(4)}) == 4


def test_a_pair_shares_its_seed_and_pairs_do_not(simulate: Simulate) -> None:
    pairs = simulate(noisy_speeds(1, b=0.5, spread=0.01)).pairs
    assert all(pair.seed_a == pair.seed_b for pair in pairs)
    assert len({pair.seed_a for pair in pairs}) == len(pairs)


def test_a_seed_that_a_side_fixes_is_kept(simulate: Simulate) -> None:
    b = {"mode": "std", "replay.seed": 7}
    pairs = simulate(noisy_speeds(1, b=0.5, spread=0.01), b=b).pairs
    assert {pair.seed_b for pair in pairs} == {7}
    assert len({pair.seed_a for pair in pairs}) == len(pairs)


def test_a_noisy_machine_is_named_and_makes_the_verdict_harder(simulate: Simulate) -> None:
    speeds = noisy_speeds(4, b=0.9, spread=0.02)
    assert simulate(speeds).verdict == "worse"
    result = simulate(noisy_speeds(4, b=0.9, spread=0.02), noise=lambda _: "neighbours")
    assert result.noise.verdict == "noisy"
    assert result.noise.reasons == ["neighbours"]
    assert result.pairs[0].noisy == ["a", "b"]
    assert "the machine disturbed" in result.reason
    assert len(result.pairs) > 8


def test_every_metric_is_told(simulate: Simulate) -> None:
    result = simulate(noisy_speeds(1, b=2.0, spread=0.01))
    assert tuple(each.metric for each in result.metrics) == METRICS
    deciding = result.metrics[METRICS.index("ops_per_second")]
    assert (deciding.ratio, deciding.interval) == (result.ratio, result.interval)
    memory = result.metrics[METRICS.index("memory_bytes")]
    assert (memory.ratio, memory.interval) == (1.0, (1.0, 1.0))


def test_another_metric_decides_where_it_is_asked_to(simulate: Simulate) -> None:
    def half(side: Side, summary: Summary) -> Summary:
        size = 1_000 if side.label == "a" else 500
        memory = summary.memory.model_copy(update={"bytes": size})
        return summary.model_copy(update={"memory": memory})

    result = simulate(noisy_speeds(1, b=0.5, spread=0.01), change=half, metric="memory_bytes")
    assert (result.verdict, result.ratio) == ("better", 0.5)


def test_a_metric_that_was_not_measured_cannot_be_compared(simulate: Simulate) -> None:
    def untimed(_: Side, summary: Summary) -> Summary:
        none = summary.latency_ns.overall.model_copy(update={"p99": 0})
        latency = summary.latency_ns.model_copy(update={"overall": none})
        return summary.model_copy(update={"latency_ns": latency})

    with pytest.raises(BadInputError, match="p99_ns cannot be compared"):
        simulate(lambda *_: 1e6, change=untimed, metric="p99_ns")
    assert simulate(lambda *_: 1e6, change=untimed).metrics[2].ratio is None


def test_sides_that_answer_differently_are_not_compared(simulate: Simulate) -> None:
    def forgetful(side: Side, summary: Summary) -> Summary:
        return summary.model_copy(update={"hits": 1}) if side.label == "b" else summary

    with pytest.raises(InvariantError, match="different answers: hits is"):
        simulate(lambda *_: 1e6, change=forgetful)


def test_a_trace_that_changes_meanwhile_is_refused(simulate: Simulate) -> None:
    digests: Iterator[int] = iter(range(1_000))

    def changed(_: Side, summary: Summary) -> Summary:
        digest = {"trace_sha256": f"{next(digests) // 6:064x}"}
        manifest = summary.manifest.model_copy(update=digest)
        return summary.model_copy(update={"manifest": manifest})

    with pytest.raises(BadInputError, match="changed while it was compared"):
        simulate(lambda *_: 1e6, change=changed)


def test_progress_counts_pairs_and_cancelling_between_runs_ends_it(simulate: Simulate) -> None:
    token = CancelToken()
    told: list[WorkProgress] = []

    def watch(progress: WorkProgress) -> None:
        told.append(progress)
        if progress.done == 3:
            token.cancel()

    with pytest.raises(InterruptedRunError, match="after 3 pairs"):
        simulate(noisy_speeds(1, b=0.5, spread=0.01), progress=watch, cancel=token)
    assert (told[0].done, told[0].total, told[0].unit) == (0, 20, "pairs")
    assert {each.note for each in told} == {"a (swiss)", "b (std)"}


def test_a_worse_candidate_can_be_refused(simulate: Simulate) -> None:
    with pytest.raises(InvariantError, match=r"b is worse than a: ops_per_second of b is 0\.5"):
        require_not_worse(simulate(noisy_speeds(1, b=0.5, spread=0.01)))
    require_not_worse(simulate(noisy_speeds(1, b=2.0, spread=0.01)))


# --- several metrics ---------------------------------------------------------------------------


def test_several_metrics_decide_together_and_share_the_level(simulate: Simulate) -> None:
    metrics = ["ops_per_second", "memory_bytes"]
    result = simulate(noisy_speeds(1, b=2.0, spread=0.004), metric=metrics)
    assert (result.verdict, result.metric) == ("better", "ops_per_second")
    assert result.reason.endswith("corrected for 2 metrics: memory_bytes is same")
    told = {each.metric: each for each in result.metrics}
    assert [name for name, each in told.items() if each.decides] == metrics
    assert (told["memory_bytes"].verdict, told["p50_ns"].verdict) == ("same", None)
    speed = told["ops_per_second"]
    assert speed.p_value is not None
    assert speed.corrected_p_value == pytest.approx(2 * speed.p_value)
    # Two looks share 5 %, and two metrics share each of them.
    assert result.looks == [12]
    assert speed.interval_confidence == pytest.approx(1 - 0.05 / 2 / 2)


def test_one_metric_that_is_worse_decides_whatever_the_others_are(simulate: Simulate) -> None:
    def larger(side: Side, summary: Summary) -> Summary:
        size = 1_000 if side.label == "a" else 2_000
        memory = summary.memory.model_copy(update={"bytes": size})
        return summary.model_copy(update={"memory": memory})

    result = simulate(noisy_speeds(1, b=2.0, spread=0.01), change=larger, metric="all")
    assert (result.verdict, result.metric, result.ratio) == ("worse", "memory_bytes", 2.0)
    assert {pair.ratio for pair in result.pairs} == {2.0}
    assert "ops_per_second is better" in result.reason
    with pytest.raises(InvariantError, match="b is worse than a: memory_bytes"):
        require_not_worse(result)


def test_pairs_go_on_until_every_metric_is_decided(simulate: Simulate) -> None:
    draw = random.Random(5)

    def vague(_: Side, summary: Summary) -> Summary:
        overall = summary.latency_ns.overall
        spread = overall.model_copy(update={"p99": round(1e6 * math.exp(draw.gauss(0, 0.5)))})
        latency = summary.latency_ns.model_copy(update={"overall": spread})
        return summary.model_copy(update={"latency_ns": latency})

    clear = noisy_speeds(1, b=2.0, spread=0.004)
    result = simulate(clear, change=vague, metric="ops_per_second,p99_ns")
    assert (result.verdict, result.ended_by, len(result.pairs)) == ("better", "max_pairs", 20)
    assert "p99_ns is inconclusive" in result.reason


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (["p50_ns", "p50_ns"], "give each metric once"),
        ("speed", "metric must be 'ops_per_second', .*'cpu_s' or 'all'; got 'speed'"),
        ([], "metric: "),
        (["all", "p50_ns"], "metric: all names every metric, so it is given alone"),
    ],
)
def test_wrong_metrics_are_refused(trace: Path, metric: object, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        options_of(trace, metric=metric)


# --- what a run measured -----------------------------------------------------------------------


def test_of_several_replays_the_first_is_left_out_and_the_medians_count(
    real_summary: Summary,
) -> None:
    speeds = [9.0, 1.0, 4.0, 2.0]
    replays = [
        {
            "summary": real_summary.model_copy(update={"ops_per_second": speed}).to_dict(),
            "wall_s": 1.0,
            "cpu_s": 1.0 + speed,
        }
        for speed in speeds
    ]
    seen = observe(replays, who="it", core=1, steal=0.0)
    assert (seen.figures.ops_per_second, seen.figures.cpu_s) == (2.0, 3.0)
    assert seen.answers["final_size"] == real_summary.final_size
    alone = observe(replays[:1], who="it", core=1, steal=0.0)
    assert alone.figures.ops_per_second == 9.0


def test_a_build_that_tells_too_little_is_an_error_that_names_it(real_summary: Summary) -> None:
    summary = real_summary.to_dict()
    del summary["deletes_found"]
    with pytest.raises(InvariantError, match="b told no deletes_found"):
        observe([{"summary": summary, "wall_s": 1.0, "cpu_s": 1.0}], who="b", core=1, steal=0.0)


def noise_of(summary: Summary, over: float, *, core: int | None, steal: float = 0.0) -> str | None:
    noise = summary.manifest.noise.model_copy(update={"verdict": "noisy", "reasons": ["switches"]})
    manifest = summary.manifest.model_copy(update={"noise": noise})
    told = summary.model_copy(update={"manifest": manifest}).to_dict()
    replays = [{"summary": told, "wall_s": over, "cpu_s": 1.0}] * 3
    return observe(replays, who="it", core=core, steal=steal).noise


def test_a_bound_run_is_judged_by_its_process_and_not_by_its_own_reader(
    real_summary: Summary,
) -> None:
    assert noise_of(real_summary, 1.05, core=1) is None
    assert noise_of(real_summary, 1.05, core=None) == "switches"
    assert "1.50 times its CPU time" in str(noise_of(real_summary, 1.5, core=1))
    stolen = noise_of(real_summary, 1.0, core=1, steal=0.05)
    assert "5.0% of the CPU time was stolen" in str(stolen)


# --- the two sides -----------------------------------------------------------------------------


def sides_of(trace: Path, environ: dict[str, str] | None = None, **given: Any) -> tuple[Side, Side]:
    interpreters = {"a": HERE, "b": HERE}
    options = options_of(trace, **given)
    return resolve_sides(options, environ=environ or {}, interpreters=interpreters)


def test_both_sides_start_from_file_environment_and_options(trace: Path, tmp_path: Path) -> None:
    config = tmp_path / "base.toml"
    config.write_text("[adaptive]\nhysteresis = 0.5\nmigration_step = 32\n", "utf-8")
    a, b = sides_of(
        trace,
        environ={"ADHASH_ADAPTIVE__MIGRATION_STEP": "64"},
        a={"mode": "adaptive"},
        b={"mode": "adaptive", "adaptive.hysteresis": "0.3"},
        config=str(config),
        key_type="str",
    )
    assert (a.settings.adaptive.hysteresis, b.settings.adaptive.hysteresis) == (0.5, 0.3)
    for side in (a, b):
        assert side.settings.adaptive.migration_step == 64
        assert side.settings.replay.key_type == "str"


def test_mode_stands_for_the_mode_of_the_replay(trace: Path) -> None:
    a, b = sides_of(trace, a="mode=fast-insert", b="replay.mode=swiss")
    assert (a.mode.name, a.mode.engine, b.mode.engine) == ("fast-insert", "chaining", "swiss")
    assert (a.name, b.given) == ("a (fast-insert)", {"replay.mode": "swiss"})


def test_a_side_writes_and_serves_nothing_whatever_the_file_says(
    trace: Path, tmp_path: Path
) -> None:
    config = tmp_path / "base.toml"
    config.write_text(f'[metrics]\nport = 9600\nout_dir = "{tmp_path}/ticks"\n', "utf-8")
    for side in sides_of(trace, config=str(config)):
        assert side.settings.metrics.port is None
        assert side.settings.metrics.out_dir is None


def test_the_file_of_a_child_says_what_its_side_says(trace: Path, tmp_path: Path) -> None:
    side, _ = sides_of(trace, a={"mode": "adaptive", "watchdog.avg_probe": "off"})
    path = tmp_path / "a.toml"
    path.write_text(render_given(side.settings), "utf-8")
    assert load_settings(config=path, environ={}) == side.settings
    # Another build has its own defaults: what was not given is left to it.
    given = [line for line in path.read_text("utf-8").splitlines() if "=" in line]
    assert sorted(given) == [
        'avg_probe = "off"',
        'mode = ["adaptive"]',
        'out_dir = "off"',
        'port = "off"',
    ]


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "replay",
        "replay.",
        ".mode",
        "replay.mode.x",
        "__class__",
        "__class__.__init__",
        "replay.__dict__",
        "model_config.frozen",
        "replay.seed\n",
        "REPLAY.MODE",
        "replay.mode; touch x",
        "$(touch x).y",
        "--config",
        "../../etc/passwd",
        "x" * 100_000,
        "ключ.режим",
    ],
)
def test_a_hostile_name_of_a_setting_is_refused(trace: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"b: .* is not a setting") as caught:
        sides_of(trace, b={name: "1"})
    assert len(caught.value.detail) < 200


@pytest.mark.parametrize("name", ["metrics.out_dir", "metrics.port", "metrics.host"])
def test_a_setting_that_leaves_or_serves_something_is_refused(trace: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="a comparison does neither"):
        sides_of(trace, b={"mode": "std", name: "x"})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mode": "nope"}, "b: unknown mode 'nope'"),
        ({"mode": "all"}, "b must have one mode; got adaptive, chaining"),
        ({"mode": "swiss,std"}, "b must have one mode"),
        ({"mode": "swiss", "replay.mode": "std"}, "replay.mode is given twice"),
        ({"replay.rate": -1}, "b: replay.rate must be 0 to"),
        ({"adaptive.hysteresis": "much"}, "b: adaptive.hysteresis must be"),
    ],
)
def test_a_wrong_side_is_named_with_its_fault(
    trace: Path, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInputError, match=message):
        sides_of(trace, b=given)


def test_a_name_that_is_nearly_right_is_suggested(trace: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        sides_of(trace, b={"hysteresis": 1})
    assert caught.value.hint == "did you mean adaptive.hysteresis?"


def test_options_that_contradict_each_other_are_refused(trace: Path) -> None:
    with pytest.raises(BadInputError, match=r"max_pairs \(4\) must be at least min_pairs \(9\)"):
        options_of(trace, min_pairs=9, max_pairs=4)
    with pytest.raises(BadInputError, match="give each setting once"):
        options_of(trace, b=["mode=std", "mode=swiss"])
    assert [look.pairs for look in plan_of(trace, max_pairs=3).looks] == [3]


def test_standard_input_is_refused_because_it_can_be_read_once(trace: Path) -> None:
    with pytest.raises(BadInputError, match="standard input can be read once"):
        plan_of(trace, csv="-")


# --- real runs ---------------------------------------------------------------------------------

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def test_two_engines_are_compared_in_processes(trace: Path, tmp_path: Path) -> None:
    out = tmp_path / "results" / "ab.json"
    result = ab_compare(
        trace, a="mode=swiss", b={"mode": "std"}, max_pairs=3, seed=5, json_out=str(out)
    )
    assert len(result.pairs) == 3
    assert result.verdict == "inconclusive"
    assert (result.a.engine, result.b.engine) == ("swiss", "std")
    assert result.trace_sha256 is not None
    assert all(pair.a.memory_bytes > 0 and pair.b.ops_per_second > 0 for pair in result.pairs)
    assert json.loads(out.read_text("utf-8")) == result.to_dict()
    assert result.to_dict()["schema"] == "adhash.ab-compare.v1"
    assert AbCompareResult.model_validate_json(result.to_json()) == result


def test_memory_of_two_engines_is_told_apart_exactly(trace: Path) -> None:
    options = options_of(trace, metric="memory_bytes", max_pairs=8)
    result = run_ab_compare(options)
    assert result.verdict in ("better", "worse")
    assert result.decided_after == 8
    assert result.interval[0] == result.interval[1] == result.ratio


def test_a_trace_that_is_missing_is_the_error_of_the_child(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"the run of [ab] \((swiss|std)\): .*missing.csv"):
        run_ab_compare(options_of(tmp_path / "missing.csv"))


def test_a_wrong_trace_is_the_error_of_the_child(tmp_path: Path) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text("op,key,value\njump,1,2\n", "utf-8")
    with pytest.raises(BadInputError, match="line 2") as caught:
        run_ab_compare(options_of(path))
    assert isinstance(caught.value.__cause__, BadInputError)


@only_linux
def test_a_run_that_is_killed_from_outside_ends_the_comparison(trace: Path) -> None:
    killed: list[int] = []
    stop = threading.Event()
    before = children()

    def kill_the_first_child() -> None:
        while not stop.wait(0.005):
            for pid in children() - before:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
                return

    killer = threading.Thread(target=kill_the_first_child)
    killer.start()
    try:
        with pytest.raises(StorageError, match="was ended by signal 9"):
            run_ab_compare(options_of(trace))
    finally:
        stop.set()
        killer.join()
    assert killed


@only_linux
def test_cancelling_a_real_comparison_leaves_no_process(trace: Path) -> None:
    token = CancelToken()
    before = children()

    def cancel_soon(progress: WorkProgress) -> None:
        if progress.done >= 1:
            threading.Timer(0.05, token.cancel).start()

    with pytest.raises(InterruptedRunError):
        run_ab_compare(options_of(trace), progress=cancel_soon, cancel=token)
    assert children() <= before
