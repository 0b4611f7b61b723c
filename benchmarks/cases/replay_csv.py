"""From a CSV file to a summary, against reading the same file and doing nothing with it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.children import in_child
from benchmarks.inputs import CACHE, generated, replay_spec
from benchmarks.plan import Plan
from benchmarks.replays import cost_of, engines, replay
from benchmarks.report import Bar, CaseReport, Finding, Timing
from benchmarks.rounds import Cost, interleave, stopwatch
from benchmarks.spread import paired_ratios, spread_of

_PARSER = CACHE / "bench_trace"


def run(plan: Plan) -> CaseReport:
    """Measure replays, pyarrow's reader, a Python loop and the parser alone, in turns."""
    spec = replay_spec(quick=plan.quick)
    trace = generated("uniform.csv", spec)
    names = in_child(engines)
    candidates = _candidates(str(trace), names)
    results = interleave(candidates, rounds=plan.rounds_or(5, 3))
    costs = {name: [cost_of(each) for each in found] for name, found in results.items()}
    report = CaseReport(
        name="replay_csv",
        title=f"a CSV of {spec['rows']:,} rows from file to summary, one CPU",
        timings=[Timing(name=name, costs=found) for name, found in costs.items()],
    )
    _judge(plan, report, costs)
    _judge_parser(plan, report, trace, costs["pyarrow read_csv"], results["adaptive"])
    return report


def _candidates(trace: str, names: list[str]) -> dict[str, Callable[[], dict[str, Any]]]:
    candidates: dict[str, Callable[[], dict[str, Any]]] = {
        name: partial(in_child, replay, csv=trace, mode=name) for name in names
    }
    candidates["check only"] = partial(in_child, replay, csv=trace, mode="adaptive", dry_run=True)
    candidates["pyarrow read_csv"] = partial(in_child, read_with_pyarrow, csv=trace)
    candidates["csv + dict"] = partial(in_child, loop_in_python, csv=trace)
    return candidates


def read_with_pyarrow(*, csv: str) -> dict[str, Any]:
    """Read the file into a table, with one thread."""
    import pyarrow as pa
    from pyarrow import csv as pa_csv

    pa.set_cpu_count(1)
    with stopwatch() as cost:
        pa_csv.read_csv(csv, read_options=pa_csv.ReadOptions(use_threads=False))  # noqa: TID251
    return {"wall_s": cost.wall_s, "cpu_s": cost.cpu_s}


def loop_in_python(*, csv: str) -> dict[str, Any]:
    """Run the trace on a dict, as one would write it in Python."""
    import csv as csv_module

    table: dict[int, int] = {}
    hits = 0
    with stopwatch() as cost, Path(csv).open(newline="", encoding="utf-8") as file:
        reader = csv_module.reader(file)
        next(reader)
        for op, key, value in reader:
            if op == "get":
                hits += int(key) in table
            elif op == "put":
                table[int(key)] = int(value)
            else:
                table.pop(int(key), None)
    return {"wall_s": cost.wall_s, "cpu_s": cost.cpu_s, "hits": hits}


def _judge(plan: Plan, report: CaseReport, costs: dict[str, list[Cost]]) -> None:
    claims = (
        ("pyarrow read_csv", Bar(limit=1.3, side="at least", aim=2.0)),
        ("csv + dict", Bar(limit=10, side="at least")),
    )
    for baseline, bar in claims:
        figure, note = plan.ratio(costs[baseline], costs["adaptive"])
        claim = f"adaptive is as fast as {baseline}, times"
        report.findings.append(Finding(claim=claim, figure=figure, bar=bar, note=note))


def _judge_parser(
    plan: Plan,
    report: CaseReport,
    trace: Path,
    reading: list[Cost],
    replays: list[dict[str, Any]],
) -> None:
    """Hold the parser against pyarrow by wall time, the only one that its own loop takes."""
    if _PARSER.exists():
        seconds = [_parse_once(trace) for _ in reading]
        note = "bench_trace, wall time of parsing alone"
    else:
        seconds = [each["summary"]["phases"]["parse_s"] for each in replays]
        note = "phases.parse_s of the replays; `make bench-layouts` builds a sharper measurement"
    figure = spread_of(paired_ratios([cost.by(plan.clock) for cost in reading], seconds))
    bar = Bar(limit=4, side="at least")
    claim = "parsing alone is as fast as pyarrow read_csv, times"
    report.findings.append(Finding(claim=claim, figure=figure, bar=bar, note=note))
    report.data["parse_s"] = seconds
    report.data["phases"] = [each["summary"]["phases"] for each in replays]


def _parse_once(trace: Path) -> float:
    done = subprocess.run(
        [str(_PARSER), str(trace), "1024", "1"], check=True, capture_output=True, text=True
    )
    fields = dict(field.split("=", 1) for field in done.stdout.split() if "=" in field)
    return float(fields["parse_s"])
