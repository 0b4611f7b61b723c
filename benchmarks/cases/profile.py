"""Recorded traces: what following the recommendation of a profile costs, and what making it does.

The truth of a trace is the time of every candidate in the map over all of it, rounds in turns. The
regret of a recommendation is the truth of its pick by that of the best fixed engine. Where two
engines are so near that their measured order is chance, so is the last percent of the regret.
"""

from __future__ import annotations

import statistics
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.children import in_child
from benchmarks.inputs import recorded
from benchmarks.plan import Plan
from benchmarks.replays import replay
from benchmarks.report import Bar, CaseReport, Finding, table
from benchmarks.rounds import interleave, stopwatch
from benchmarks.spread import Spread, spread_of

# Traces of fewer operations end before a clock can tell engines apart.
_LEAST_ROWS = 50_000
_HEADINGS = ["", "rows", "best", "picks", "median regret", "worst", "profile", "all once", "share"]


def run(plan: Plan) -> CaseReport:
    """Profile each trace a few times, and hold the picks against the truth."""
    report = CaseReport(name="profile", title="regret of the recommended engine, recorded traces")
    rows = [_HEADINGS]
    regrets: list[float] = []
    once_s, profiles_s = 0.0, 0.0
    for path in recorded(plan.traces):
        found = in_child(
            measure, csv=str(path), rounds=plan.rounds_or(9, 3), profiles=3 if plan.quick else 5
        )
        report.data[path.stem] = found
        if found["ops"] < _LEAST_ROWS:
            continue
        rows.append(_row(path, found))
        regrets += _regrets(found)
        once_s += found["once_s"]
        profiles_s += statistics.median(each["cpu_s"] for each in found["profiles"])
    if not regrets:
        report.notes.append(f"no traces in {plan.traces}: name their folder with --traces")
        return report
    report.tables.append(table(rows))
    report.findings += _findings(regrets, profiles_s / once_s, rounds=plan.rounds_or(9, 3))
    report.notes.append("share: CPU time of a profile by that of one replay on each candidate")
    return report


def _findings(regrets: list[float], share: float, *, rounds: int) -> list[Finding]:
    worst = max(regrets)
    return [
        Finding(
            claim="regret of the recommendation, median",
            figure=spread_of(regrets),
            bar=Bar(limit=1.03, side="at most"),
        ),
        Finding(
            claim="regret of the recommendation, worst",
            figure=Spread(median=worst, low=worst, high=worst),
            bar=Bar(limit=1.15, side="at most"),
        ),
        Finding(
            claim="time of all profiles over that of replaying each trace once on each candidate",
            figure=Spread(median=share, low=share, high=share),
            note=f"over trying everything as carefully, {rounds} times: {share / rounds:.2g}x",
        ),
    ]


def measure(*, csv: str, rounds: int, profiles: int) -> dict[str, Any]:
    """Return the truth of a trace and what profiles said of it."""
    found = [_profile(csv, seed) for seed in range(1, profiles + 1)]
    runs = {name: partial(replay, csv=csv, mode=name) for name in found[0]["candidates"]}
    results = interleave(runs, rounds=rounds)
    return {
        "ops": results[next(iter(results))][0]["summary"]["ops"]["total"],
        "truth": {name: statistics.median(map(_map_s, each)) for name, each in results.items()},
        "once_s": sum(statistics.median(e["cpu_s"] for e in each) for each in results.values()),
        "profiles": found,
    }


def _profile(csv: str, seed: int) -> dict[str, Any]:
    from adhash.analysis.profile import profile

    with stopwatch() as cost:
        result = profile(csv, seed=seed)
    return {
        "pick": result.recommended_mode,
        "confidence": result.confidence,
        "candidates": {each.mode: each.predicted_s for each in result.candidates},
        "cpu_s": cost.cpu_s,
        "wall_s": cost.wall_s,
    }


def _map_s(result: dict[str, Any]) -> float:
    """Return the seconds in the map, less those in which the system took the CPU away."""
    summary = result["summary"]
    lost = summary["manifest"]["noise"]["wall_over_cpu"] or 1.0
    return float(summary["phases"]["execute_s"] / max(1.0, lost))


def _regrets(found: dict[str, Any]) -> list[float]:
    truth = found["truth"]
    best = min(seconds for name, seconds in truth.items() if name != "adaptive")
    return [truth[each["pick"]] / best for each in found["profiles"]]


def _row(path: Path, found: dict[str, Any]) -> list[str]:
    truth, profiles, regrets = found["truth"], found["profiles"], _regrets(found)
    best = min((name for name in truth if name != "adaptive"), key=lambda name: truth[name])
    picks = [each["pick"] for each in profiles]
    counts = {name: picks.count(name) for name in sorted(set(picks), key=picks.count)[::-1]}
    cpu_s = statistics.median(each["cpu_s"] for each in profiles)
    return [
        path.stem,
        f"{found['ops']:,}",
        best,
        " ".join(f"{name}:{count}" for name, count in counts.items()),
        f"{statistics.median(regrets):.2f}x",
        f"{max(regrets):.2f}x",
        f"{cpu_s:.2f} s",
        f"{found['once_s']:.2f} s",
        f"{cpu_s / found['once_s']:.2f}x",
    ]
