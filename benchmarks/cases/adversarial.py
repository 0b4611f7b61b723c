"""Keys made to collide, by one who knows the seed, against random keys."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.children import in_child
from benchmarks.plan import Plan
from benchmarks.replays import cost_of, engines
from benchmarks.report import Bar, CaseReport, Finding, Timing
from benchmarks.rounds import Cost, interleave, stopwatch

_BAR = Bar(limit=5, side="at most")
_SEED = 1


def run(plan: Plan) -> CaseReport:
    """Insert colliding and random keys one by one, in turns."""
    count = 5_000 if plan.quick else 20_000
    report = CaseReport(
        name="adversarial", title=f"{count:,} keys that collide, against random ones, per insert"
    )
    for engine in in_child(engines):
        results = in_child(measure, engine=engine, count=count, rounds=plan.rounds_or(5, 3))
        _report_engine(plan, report, engine, count, results)
        report.data[engine] = results
    return report


def measure(*, engine: str, count: int, rounds: int) -> dict[str, Any]:
    """Fill fresh maps whose seed the keys are aimed at."""
    import numpy as np

    from adhash import maps

    colliding = maps.colliding_keys(engine, "int64", _SEED, count)
    usual = np.random.default_rng(1).integers(0, 1 << 62, count, dtype=np.int64)
    results = interleave(
        {
            "colliding": partial(_fill, engine, colliding),
            "random": partial(_fill, engine, usual),
        },
        rounds=rounds,
    )
    return {name: [vars(cost) for cost in costs] for name, costs in results.items()}


def _fill(engine: str, keys: Any) -> Cost:
    from adhash.maps import Map

    table: Any = Map(engine=engine, seed=_SEED)
    with stopwatch() as cost:
        table.put_many(keys, keys)
    return cost


def _report_engine(
    plan: Plan, report: CaseReport, engine: str, count: int, results: dict[str, Any]
) -> None:
    costs = {name: [cost_of(each) for each in found] for name, found in results.items()}
    for name, found in costs.items():
        name = f"{engine} {name}"
        report.timings.append(Timing(name=name, costs=found, per=count, unit="ns"))
    figure, note = plan.ratio(costs["colliding"], costs["random"])
    report.findings.append(
        Finding(
            claim=f"{engine}: colliding over random",
            figure=figure,
            bar=_BAR if engine == "adaptive" else None,
            note=note,
        )
    )
