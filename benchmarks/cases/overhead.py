"""What ticks and sampled latencies cost: the same replay with and without, many times in turns."""

from __future__ import annotations

import tempfile
from functools import partial
from typing import Any

from benchmarks.children import in_child
from benchmarks.inputs import generated, replay_spec
from benchmarks.plan import Plan
from benchmarks.replays import cost_of, replay
from benchmarks.report import Bar, CaseReport, Finding, Timing
from benchmarks.rounds import ClockName, Cost, interleave
from benchmarks.spread import Spread, bootstrap_of, paired_ratios

_TICK_MS = 200
_RARELY_MS = 60_000
_KINDS = ("without", "ticks", "samples", "ticks and samples")


def run(plan: Plan) -> CaseReport:
    """Measure all four combinations of ticks and samples, in one process that is warm."""
    spec = replay_spec(quick=plan.quick)
    trace = generated("uniform.csv", spec)
    results = in_child(measure, csv=str(trace), rounds=plan.rounds_or(21, 9))
    costs = {name: [cost_of(each) for each in found] for name, found in results["costs"].items()}
    report = CaseReport(
        name="overhead",
        title=f"ticks every {_TICK_MS} ms and one latency in 1,024, {spec['rows']:,} rows",
        timings=[Timing(name=name, costs=found) for name, found in costs.items()],
        notes=[
            "figures are medians of paired ratios with their 95 % bootstrap intervals",
            f"{results['ticks']} ticks a run",
        ],
        data=results,
    )
    for name in _KINDS[1:]:
        report.findings.append(_finding(plan, name, costs))
    return report


def measure(*, csv: str, rounds: int) -> dict[str, Any]:
    """Replay in turns; the first run of each, which warms memory, is left out."""
    with tempfile.TemporaryDirectory() as folder:
        runs = {
            "without": partial(_replay, csv=csv),
            "ticks": partial(_replay, csv=csv, folder=folder),
            "samples": partial(_replay, csv=csv, sample_every=1024),
            "ticks and samples": partial(_replay, csv=csv, folder=folder, sample_every=1024),
        }
        interleave(runs, rounds=1)
        results = interleave(runs, rounds=rounds)
    ticks = results["ticks"][0].pop("ticks")
    return {"costs": results, "ticks": ticks}


def _replay(*, csv: str, folder: str | None = None, sample_every: int = 0) -> dict[str, Any]:
    from adhash.config_models import MetricsSettings, Settings

    interval_ms = _RARELY_MS if folder is None else _TICK_MS
    settings = Settings(metrics=MetricsSettings(interval_ms=interval_ms))
    result = replay(
        csv=csv,
        mode="adaptive",
        settings=settings,
        metrics_out_dir=folder,
        latency_sample_every=sample_every,
    )
    cost = {name: result[name] for name in ("wall_s", "cpu_s")}
    return cost | {"ticks": result["summary"]["ticks"]["emitted"]}


def _finding(plan: Plan, name: str, costs: dict[str, list[Cost]]) -> Finding:
    other: ClockName = "wall" if plan.clock == "cpu" else "cpu"
    told = _ratio(costs, name, other)
    return Finding(
        claim=f"time with {name}, over without",
        figure=_ratio(costs, name, plan.clock),
        bar=Bar(limit=1.03, side="at most") if name == _KINDS[-1] else None,
        note=f"by {other} time {told.median:.3f}x [{told.low:.3f} - {told.high:.3f}]",
    )


def _ratio(costs: dict[str, list[Cost]], name: str, clock: ClockName) -> Spread:
    above = [cost.by(clock) for cost in costs[name]]
    return bootstrap_of(paired_ratios(above, [cost.by(clock) for cost in costs["without"]]))
