"""The same trace from an Arrow file and from Parquet, against from CSV."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.children import in_child
from benchmarks.inputs import generated, replay_spec
from benchmarks.plan import Plan
from benchmarks.replays import cost_of, replay
from benchmarks.report import Bar, CaseReport, Finding, Timing
from benchmarks.rounds import interleave

_FORMATS = ("csv", "arrow", "parquet")
_MODE = "adaptive"
# A replay is mostly the table's work, which no format can make less: reading alone is told apart.
_BARS = {
    ("arrow", "replayed"): Bar(limit=2.0, side="at least"),
    ("arrow", "only read"): Bar(limit=1.5, side="at least", aim=2.0),
    ("parquet", "replayed"): None,
    ("parquet", "only read"): None,
}


def run(plan: Plan) -> CaseReport:
    """Measure replays and dry runs of one trace in three formats, in turns."""
    spec = replay_spec(quick=plan.quick)
    candidates: dict[str, Callable[[], dict[str, Any]]] = {}
    for name in _FORMATS:
        work = partial(in_child, replay, csv=str(generated(f"uniform.{name}", spec)), mode=_MODE)
        candidates[f"{name} replayed"] = work
        candidates[f"{name} only read"] = partial(work, dry_run=True)
    results = interleave(candidates, rounds=plan.rounds_or(7, 3))
    costs = {name: [cost_of(each) for each in found] for name, found in results.items()}
    report = CaseReport(
        name="replay_columns",
        title=f"{spec['rows']:,} rows from file to summary, by format",
        timings=[Timing(name=name, costs=found) for name, found in costs.items()],
    )
    for (name, what), bar in _BARS.items():
        figure, note = plan.ratio(costs[f"csv {what}"], costs[f"{name} {what}"])
        claim = f"{name} is {what} as fast as csv, times"
        report.findings.append(Finding(claim=claim, figure=figure, bar=bar, note=note))
    return report
