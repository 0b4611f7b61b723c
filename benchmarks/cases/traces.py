"""Recorded traces on every engine: what adaptive costs against the best engine for each."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from benchmarks.children import in_child
from benchmarks.inputs import recorded
from benchmarks.machine import on_all_cpus
from benchmarks.plan import Plan
from benchmarks.replays import engines, replay_anew
from benchmarks.report import CaseReport, Finding, table
from benchmarks.rounds import interleave
from benchmarks.spread import Spread

# Traces of fewer operations end before a clock can tell engines apart.
_LEAST_ROWS = 50_000


def run(plan: Plan) -> CaseReport:
    """Replay each trace on each engine, in turns."""
    report = CaseReport(name="traces", title="recorded traces, ns an operation in the map alone")
    names = in_child(engines)
    rows = [["", "rows", *names, "best fixed", "regret", "layout at the end"]]
    regrets: list[float] = []
    for path in recorded(plan.traces):
        results = in_child(measure, csv=str(path), names=names, rounds=plan.rounds_or(7, 3))
        report.data[path.stem] = results
        if results["adaptive"]["ops"] >= _LEAST_ROWS:
            rows.append(_row(path, names, results))
            regrets.append(_regret(results)[0])
    if not regrets:
        report.notes.append(f"no traces in {plan.traces}: name their folder with --traces")
        return report
    figure = Spread(median=geometric_mean(regrets), low=min(regrets), high=max(regrets))
    report.tables.append(table(rows))
    report.findings.append(Finding(claim="regret of adaptive, geometric mean", figure=figure))
    report.notes.append("the shortest of the rounds counts: the work is the same in each")
    return report


def measure(*, csv: str, names: list[str], rounds: int) -> dict[str, Any]:
    """Return the least execution time of each engine on a trace."""
    runs = {name: partial(replay_anew, csv=csv, mode=name) for name in names}
    with on_all_cpus():
        results = interleave(runs, rounds=rounds)
    return {name: _best(found) for name, found in results.items()}


def _best(found: list[dict[str, Any]]) -> dict[str, Any]:
    summary = found[-1]["summary"]
    return {
        "execute_s": min(each["summary"]["phases"]["execute_s"] for each in found),
        "cpu_s": min(each["cpu_s"] for each in found),
        "ops": summary["ops"]["total"],
        "layout": summary["layout_timeline"][-1]["to_layout"],
    }


def _regret(results: dict[str, Any]) -> tuple[float, str]:
    fixed = {name: each["execute_s"] for name, each in results.items() if name != "adaptive"}
    best = min(fixed, key=lambda name: fixed[name])
    return results["adaptive"]["execute_s"] / fixed[best], best


def _row(path: Path, names: list[str], results: dict[str, Any]) -> list[str]:
    regret, best = _regret(results)
    ops = results["adaptive"]["ops"]
    times = [f"{results[name]['execute_s'] / ops * 1e9:.1f}" for name in names]
    layout = results["adaptive"]["layout"]
    return [path.stem, f"{ops:,}", *times, best, f"{regret:.2f}x", layout]
