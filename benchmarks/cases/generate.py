"""How fast traces are generated, into batches that nobody keeps."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.children import in_child
from benchmarks.plan import Plan
from benchmarks.report import Bar, CaseReport, Finding
from benchmarks.rounds import interleave, stopwatch
from benchmarks.spread import spread_of

_WORKLOADS = ("ycsb-a", "ycsb-d", "ycsb-e", "hotspot", "exponential", "churn", "expiry", "queue")
_LIKE = "like zipf"
_SAMPLE = "zipf"
_UNIT = " M rows/s"


def run(plan: Plan) -> CaseReport:
    """Measure named workloads, and a trace that is like a bundled one."""
    rows = 1_000_000 if plan.quick else 5_000_000
    candidates = {name: partial(in_child, draw_named, name=name, rows=rows) for name in _WORKLOADS}
    candidates[_LIKE] = partial(in_child, draw_like, rows=rows)
    results = interleave(candidates, rounds=plan.rounds_or(5, 1))
    report = CaseReport(
        name="generate",
        title=f"{rows:,} generated rows as record batches, one CPU",
        data=results,
    )
    for name, found in results.items():
        speeds = [rows / each[f"{plan.clock}_s"] / 1e6 for each in found]
        bar = None if name == _LIKE else Bar(limit=1.0, side="at least", aim=5.0, unit=_UNIT)
        report.findings.append(Finding(claim=name, figure=spread_of(speeds), bar=bar, unit=_UNIT))
    return report


def draw_named(*, name: str, rows: int) -> dict[str, Any]:
    """Generate a workload by its name."""
    from adhash.options.generate_csv import GenerateCsvOptions
    from adhash.workloads.chosen_trace import chosen_trace
    from adhash.workloads.generators import generate

    options = GenerateCsvOptions.model_validate({"out": "t.csv", "workload": name, "rows": rows})
    spec = chosen_trace(options).spec
    with stopwatch() as cost:
        made = sum(len(batch) for batch in generate(spec))
    assert made == rows
    return {"cpu_s": cost.cpu_s, "wall_s": cost.wall_s}


def draw_like(*, rows: int) -> dict[str, Any]:
    """Generate a trace like a bundled one; fitting is not measured."""
    from adhash.analysis.likeness.fit import fit_trace
    from adhash.analysis.likeness.reading import read_rows
    from adhash.cancellation import CancelToken
    from adhash.workloads.fitted_generator import LikeTrace
    from adhash.workloads.samples import sample_path

    trace = read_rows(
        str(sample_path(_SAMPLE)),
        key_type=None,
        most_rows=rows,
        cancel=CancelToken(),
        watch=lambda _done, _total: None,
        environ={},
    )
    like = LikeTrace(fit_trace(trace, seed=1), seed=1)
    with stopwatch() as cost:
        made = sum(len(batch) for batch in like.batches(rows))
    assert made == rows
    return {"cpu_s": cost.cpu_s, "wall_s": cost.wall_s}
