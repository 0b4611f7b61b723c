"""The worst single insert while a map grows, which growing all at once makes a long one."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.children import in_child
from benchmarks.inputs import generated, growth_spec
from benchmarks.plan import Plan
from benchmarks.replays import cost_of, engines, replay
from benchmarks.report import CaseReport, Finding, Timing, table
from benchmarks.rounds import interleave
from benchmarks.spread import paired_ratios, spread_of

_NO_PAUSE = {"ns": 0, "cause": "", "at_s": 0.0}


def run(plan: Plan) -> CaseReport:
    """Insert distinct keys into each engine, each time in a fresh process."""
    spec = growth_spec(quick=plan.quick)
    trace = str(generated("growth.arrow", spec))
    names = in_child(engines)
    results = interleave(
        {name: partial(in_child, replay, csv=trace, mode=name) for name in names},
        rounds=plan.rounds_or(3, 1),
    )
    report = CaseReport(
        name="growth_pauses",
        title=f"the longest pause while inserting {spec['rows']:,} distinct keys",
        timings=[
            Timing(
                name=name,
                costs=[cost_of(each) for each in found],
                per=spec["rows"],
                unit="ns",
            )
            for name, found in results.items()
        ],
        tables=[_table(results)],
        notes=["pauses are wall time: on a busy machine the worst is the machine's own"],
    )
    worst = {name: [_worst_ms(each) for each in found] for name, found in results.items()}
    for name in names[1:]:
        claim = f"worst pause of {name} over that of adaptive"
        figure = spread_of(paired_ratios(worst[name], worst["adaptive"]))
        report.findings.append(Finding(claim=claim, figure=figure))
    report.data["worst_ms"] = worst
    return report


def _worst_ms(result: dict[str, Any]) -> float:
    return max((pause["ns"] for pause in result["summary"]["pauses"]), default=0) / 1e6


def _table(results: dict[str, list[dict[str, Any]]]) -> str:
    rows = [["last round", "worst ms", "cause", "at s", "pauses listed", "p99.99 ns (sampled)"]]
    for name, found in results.items():
        summary = found[-1]["summary"]
        pauses = summary["pauses"]
        worst: dict[str, Any] = max(pauses, key=lambda pause: pause["ns"], default=_NO_PAUSE)
        rows.append(
            [
                name,
                f"{worst['ns'] / 1e6:.2f}",
                worst["cause"],
                f"{worst['at_s']:.2f}",
                str(len(pauses)),
                f"{summary['latency_ns']['put']['p9999']:,}",
            ]
        )
    return table(rows)
