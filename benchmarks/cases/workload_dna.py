"""What a trace is like, from file to result: rows a second with all figures, and bounded memory."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.children import in_child
from benchmarks.inputs import generated, growth_spec, recorded, replay_spec
from benchmarks.machine import peak_rss_bytes
from benchmarks.plan import Plan
from benchmarks.report import Bar, CaseReport, Finding, table
from benchmarks.rounds import interleave, stopwatch
from benchmarks.spread import Spread, spread_of

# Traces of fewer operations end before anything but the start counts.
_LEAST_ROWS = 50_000
_MILLION = 1e6
_BAR = Bar(limit=5.0, side="at least", aim=10.0, unit=" M rows/s")
_FEW_KEYS = 100_000
_MOST_BYTES = 250_000_000


def run(plan: Plan) -> CaseReport:
    """Read each trace some times, in turns, and one of distinct keys with a low limit."""
    report = CaseReport(name="workload_dna", title="workload DNA, from file to result")
    uniform = generated("uniform.csv", replay_spec(quick=plan.quick))
    traces = [uniform, *recorded(plan.traces)]
    runs = {path.stem: partial(in_child, read, csv=str(path)) for path in traces}
    results = interleave(runs, rounds=plan.rounds_or(5, 2))
    report.data.update(results)
    report.tables.append(_table(results, plan))
    for path in traces:
        found = results[path.stem]
        if found[0]["rows"] >= _LEAST_ROWS:
            claim = f"{path.stem}: {found[0]['rows']:,} rows"
            report.findings.append(Finding(claim=claim, figure=_speed(found, plan), bar=_BAR))
    if len(traces) == 1:
        report.notes.append(f"no traces in {plan.traces}: name their folder with --traces")
    report.findings.append(_bounded_memory(plan, report))
    return report


def read(*, csv: str, max_tracked_keys: int | None = None) -> dict[str, Any]:
    """Read a trace and return what that cost, and what the process took at most.

    A bundled trace is read before it: that loads what is loaded when it is first used.
    """
    from adhash.analysis.dna import workload_dna

    workload_dna(sample="zipf")
    before = peak_rss_bytes()
    limits = {} if max_tracked_keys is None else {"max_tracked_keys": max_tracked_keys}
    with stopwatch() as cost:
        dna = workload_dna(csv, **limits)
    return {
        "wall_s": cost.wall_s,
        "cpu_s": cost.cpu_s,
        "rows": dna.rows,
        "keys": dna.keys.unique,
        "key_share": dna.sampling.key_share,
        "before": before,
        "peak": peak_rss_bytes(),
    }


def _speed(found: list[dict[str, Any]], plan: Plan) -> Spread:
    clock = f"{plan.clock}_s"
    return spread_of([each["rows"] / each[clock] / _MILLION for each in found])


def _table(results: dict[str, list[dict[str, Any]]], plan: Plan) -> str:
    rows = [["medians", "rows", "keys", "M rows/s", "MB at most"]]
    for name, found in results.items():
        peak = spread_of([each["peak"] / _MILLION for each in found]).median
        counts = [f"{found[0][figure]:,}" for figure in ("rows", "keys")]
        rows.append([name, *counts, f"{_speed(found, plan).median:.2f}", f"{peak:.0f}"])
    return table(rows)


def _bounded_memory(plan: Plan, report: CaseReport) -> Finding:
    """Return how much memory a trace of distinct keys takes of which few may be followed."""
    trace: Path = generated("growth.arrow", growth_spec(quick=plan.quick))
    found = in_child(read, csv=str(trace), max_tracked_keys=_FEW_KEYS)
    report.data["bounded"] = [found]
    peak, before = found["peak"] / _MILLION, found["before"] / _MILLION
    return Finding(
        claim=f"peak RSS over {_MOST_BYTES / _MILLION:.0f} MB: {found['rows']:,} distinct keys, "
        f"{_FEW_KEYS:,} followed",
        figure=spread_of([found["peak"] / _MOST_BYTES]),
        bar=Bar(limit=1.0, side="at most"),
        note=f"{peak:.0f} MB, {before:.0f} MB of them before",
    )
