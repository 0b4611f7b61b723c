"""The peak memory of a replay, against what its table holds: the trace is streamed, never held."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.children import in_child
from benchmarks.inputs import generated, replay_spec
from benchmarks.machine import peak_rss_bytes
from benchmarks.plan import Plan
from benchmarks.replays import engines, replay
from benchmarks.report import Bar, CaseReport, Finding, table
from benchmarks.rounds import interleave
from benchmarks.spread import Spread, spread_of

_ALLOWANCE_BYTES = 100_000_000
_TABLES = 1.5
_MB = 1e6


def run(plan: Plan) -> CaseReport:
    """Measure the peak of a fresh process for each engine."""
    spec = replay_spec(quick=plan.quick)
    trace = str(generated("uniform.csv", spec))
    names = in_child(engines)
    results = interleave(
        {name: partial(in_child, replay_and_weigh, csv=trace, mode=name) for name in names},
        rounds=plan.rounds_or(3, 1),
    )
    report = CaseReport(
        name="memory",
        title=f"peak RSS of a fresh process that replays {spec['rows']:,} rows",
        tables=[_table(results)],
        data=results,
    )
    for name, weights in results.items():
        report.findings.append(_finding(name, weights))
    return report


def replay_and_weigh(*, csv: str, mode: str) -> dict[str, Any]:
    """Replay a trace and return the bytes of the table and of the process."""
    before = peak_rss_bytes()
    summary = replay(csv=csv, mode=mode)["summary"]
    return {
        "before": before,
        "peak": peak_rss_bytes(),
        "table": summary["memory"]["bytes"],
        "entries": summary["final_size"],
    }


def _finding(name: str, weights: list[dict[str, Any]]) -> Finding:
    shares = [each["peak"] / (_TABLES * each["table"] + _ALLOWANCE_BYTES) for each in weights]
    return Finding(
        claim=f"{name}: peak over {_TABLES} tables and {_ALLOWANCE_BYTES / _MB:.0f} MB",
        figure=spread_of(shares),
        bar=Bar(limit=1.0, side="at most") if name == "adaptive" else None,
    )


def _table(results: dict[str, list[dict[str, Any]]]) -> str:
    rows = [["MB (medians)", "peak", "table", "1.5 tables + 100", "bytes an entry"]]
    for name, weights in results.items():
        held = _median(weights, "table").median
        entries = _median(weights, "entries").median
        cells = [_median(weights, "peak").median, held, _TABLES * held + _ALLOWANCE_BYTES]
        row = [f"{cell / _MB:.1f}" for cell in cells]
        rows.append([name, *row, f"{held / entries:.1f}"])
    return table(rows)


def _median(weights: list[dict[str, Any]], key: str) -> Spread:
    return spread_of([each[key] for each in weights])
