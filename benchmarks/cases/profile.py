"""Recorded traces: what following the recommendation of a profile costs, and what making it does.

The truth of a trace is the time of every candidate in the map over all of it: the median of rounds
in turns. The regret of a recommendation is the truth of its pick by that of the best fixed engine.
These rounds may use every CPU, as a replay of a user does: on one CPU the thread that reads the
trace stops the one that replays it, mostly while that one parses, and no clock tells how much of
the lost time was the map's.

Where two engines are nearer than the machine can tell, the regret of the best possible pick is not
1.00 either. So the floor is measured as well: an oracle picks the best engine by one half of the
rounds and is judged by the other half.

The time of a profile is the CPU time of the call, in a process that has profiled before: libraries
are loaded and so is the calibration. The first call, which loads them, is told apart. It is held
against the CPU time of replaying the trace once on every candidate, in the same process.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from benchmarks.children import in_child
from benchmarks.inputs import CACHE, recorded
from benchmarks.machine import on_all_cpus
from benchmarks.plan import Plan
from benchmarks.replays import replay_anew
from benchmarks.report import Bar, CaseReport, Finding, table
from benchmarks.rounds import interleave, stopwatch
from benchmarks.spread import Spread, spread_of

# Traces of fewer operations end before a clock can tell engines apart.
_LEAST_ROWS = 50_000
# The method that is held against the bars, and those it is compared with.
_METHODS = ("auto", "forecast", "race")
_HEADINGS = ["", "rows", "best", "floor"]
_HEADINGS += [f"{method}: picks regret (worst) share" for method in _METHODS]
_REGRET = Bar(limit=1.03, side="at most")
_WORST_REGRET = Bar(limit=1.15, side="at most")
_SHARE = Bar(limit=0.1, side="at most")


def run(plan: Plan) -> CaseReport:
    """Profile each trace a few times, and hold the picks against the truth."""
    report = CaseReport(name="profile", title="regret of the recommended engine, recorded traces")
    traces = recorded(plan.traces)
    if not traces:
        report.notes.append(f"no traces in {plan.traces}: name their folder with --traces")
        return report
    calibrated = in_child(calibrate, folder=str(CACHE / "calibration"))
    report.data["calibration"] = calibrated
    rounds, profiles = plan.rounds_or(10, 4), 2 if plan.quick else 3
    measured = {
        path.stem: in_child(
            measure,
            csv=str(path),
            rounds=rounds,
            profiles=profiles,
            calibration=calibrated["file"],
        )
        for path in traces
    }
    report.data["traces"] = measured
    long = {name: each for name, each in measured.items() if each["ops"] >= _LEAST_ROWS}
    report.tables.append(table([_HEADINGS, *(_row(name, each) for name, each in long.items())]))
    report.findings += [each for method in _METHODS for each in _findings(long, method)]
    report.findings += _floor(long)
    report.notes += _notes(long, calibrated)
    return report


def calibrate(*, folder: str) -> dict[str, Any]:
    """Measure the machine anew and return where that lies and what it took."""
    from adhash.analysis.calibration import calibrate

    with stopwatch() as cost:
        result = calibrate(cache_dir=folder, force=True)
    return {
        "file": result.file,
        "wall_s": cost.wall_s,
        "cpu_s": cost.cpu_s,
        "noise": result.calibration.noise.model_dump(),
    }


def measure(*, csv: str, rounds: int, profiles: int, calibration: str) -> dict[str, Any]:
    """Return the truth of a trace and what profiles said of it."""
    first = _profile(csv, "auto", 0, calibration)
    names = list(first["candidates"])
    runs = {name: partial(replay_anew, csv=csv, mode=name) for name in names}
    with on_all_cpus():
        results = interleave(runs, rounds=rounds)
    return {
        "ops": results[names[0]][0]["summary"]["ops"]["total"],
        "truth": {name: list(map(_map_s, each)) for name, each in results.items()},
        "memory": {name: each[0]["summary"]["memory"]["bytes"] for name, each in results.items()},
        "once_s": sum(statistics.median(e["cpu_s"] for e in each) for each in results.values()),
        "first": first,
        "profiles": {
            method: [_profile(csv, method, seed, calibration) for seed in range(1, profiles + 1)]
            for method in _METHODS
        },
    }


def _profile(csv: str, method: str, seed: int, calibration: str) -> dict[str, Any]:
    from adhash.analysis.profile import profile

    own: dict[str, Any] = {} if method == "race" else {"calibration": calibration}
    with stopwatch() as cost:
        result = profile(csv, seed=seed, method=method, **own)
    return {
        "pick": result.recommended_mode,
        "method": result.method,
        "confidence": result.confidence,
        "candidates": {each.mode: each.predicted_s for each in result.candidates},
        "forecasts": {each.mode: each.forecast_s for each in result.candidates},
        "memory": {each.mode: each.predicted_memory_bytes for each in result.candidates},
        "cpu_s": cost.cpu_s,
        "wall_s": cost.wall_s,
    }


def _map_s(result: dict[str, Any]) -> float:
    """Return the seconds in the map, less those in which the system took the CPU away."""
    summary = result["summary"]
    lost = summary["manifest"]["noise"]["wall_over_cpu"] or 1.0
    return float(summary["phases"]["execute_s"] / max(1.0, lost))


# --- what follows from the measurements ----------------------------------------------------------


def _medians(found: Mapping[str, Any], rows: slice = slice(None)) -> dict[str, float]:
    return {name: statistics.median(each[rows]) for name, each in found["truth"].items()}


def _best(truth: Mapping[str, float]) -> str:
    return min((name for name in truth if name != "adaptive"), key=lambda name: truth[name])


def _regrets(found: Mapping[str, Any], method: str) -> list[float]:
    truth = _medians(found)
    return [truth[e["pick"]] / truth[_best(truth)] for e in found["profiles"][method]]


def _floors(found: Mapping[str, Any]) -> list[float]:
    """Return the regret of who knows one half of the rounds, judged by the other half."""
    halves = [_medians(found, slice(0, None, 2)), _medians(found, slice(1, None, 2))]
    pairs = [(halves[0], halves[1]), (halves[1], halves[0])]
    return [judge[_best(known)] / judge[_best(judge)] for known, judge in pairs]


def _cost_s(found: Mapping[str, Any], method: str) -> float:
    return statistics.median(each["cpu_s"] for each in found["profiles"][method])


def _findings(found: Mapping[str, Any], method: str) -> Iterator[Finding]:
    regrets = [regret for each in found.values() for regret in _regrets(each, method)]
    spent, once = (
        sum(_cost_s(each, method) for each in found.values()),
        sum(each["once_s"] for each in found.values()),
    )
    is_held = method == _METHODS[0]
    yield Finding(
        claim=f"{method}: regret of the recommendation, median",
        figure=spread_of(regrets),
        bar=_REGRET if is_held else None,
    )
    yield Finding(
        claim=f"{method}: regret of the recommendation, worst",
        figure=_single(max(regrets)),
        bar=_WORST_REGRET if is_held else None,
    )
    shares = [_cost_s(each, method) / each["once_s"] for each in found.values()]
    yield Finding(
        claim=f"{method}: time of all profiles over replaying each trace once on each candidate",
        figure=_single(spent / once),
        bar=_SHARE if is_held else None,
        note=f"by trace: median {statistics.median(shares):.2f}x, worst {max(shares):.2f}x",
    )


def _floor(found: Mapping[str, Any]) -> Iterator[Finding]:
    floors = [floor for each in found.values() for floor in _floors(each)]
    yield Finding(
        claim="floor: regret of an oracle that knows half of the rounds, by the other half",
        figure=spread_of(floors),
        note="what noise alone costs: no pick can be told to be better",
    )


def _single(value: float) -> Spread:
    return Spread(median=value, low=value, high=value)


def _notes(found: Mapping[str, Any], calibrated: Mapping[str, Any]) -> list[str]:
    errors = list(_model_errors(found))
    memory = [
        each["profiles"]["forecast"][0]["memory"][name] / bytes_held
        for each in found.values()
        for name, bytes_held in each["memory"].items()
    ]
    first = [each["first"]["cpu_s"] for each in found.values()]
    noisy = "; ".join(calibrated["noise"]["reasons"]) or "quiet"
    return [
        f"calibration: {calibrated['wall_s']:.1f} s, {calibrated['cpu_s']:.1f} s of CPU ({noisy})",
        f"forecast of the ratio of two engines' times: standard deviation {_deviation(errors):.3f}",
        f"forecast of memory by what was used: {min(memory):.2f}x to {max(memory):.2f}x, "
        f"median {statistics.median(memory):.2f}x",
        f"first profile of a process, with loading: median {statistics.median(first):.2f} s",
        "share: CPU time of a profile by that of one replay on each candidate",
    ]


def _model_errors(found: Mapping[str, Any]) -> Iterator[float]:
    """Yield by how much each forecast ratio of two engines misses, as a logarithm."""
    for each in found.values():
        truth = _medians(each)
        for told in each["profiles"]["forecast"]:
            names = [name for name in truth if told["forecasts"].get(name)]
            logs = {name: math.log(told["forecasts"][name] / truth[name]) for name in names}
            for at, one in enumerate(names):
                yield from (logs[one] - logs[other] for other in names[at + 1 :])


def _deviation(errors: Sequence[float]) -> float:
    return math.sqrt(sum(error**2 for error in errors) / len(errors)) if errors else math.nan


def _row(name: str, found: Mapping[str, Any]) -> list[str]:
    truth = _medians(found)
    cells = [name, f"{found['ops']:,}", _best(truth), f"{max(_floors(found)):.2f}x"]
    return cells + [_cell(found, method) for method in _METHODS]


def _cell(found: Mapping[str, Any], method: str) -> str:
    picks = [each["pick"] for each in found["profiles"][method]]
    counts = {name: picks.count(name) for name in sorted(set(picks), key=picks.count)[::-1]}
    regrets = _regrets(found, method)
    return (
        f"{' '.join(f'{pick}:{count}' for pick, count in counts.items())} "
        f"{statistics.median(regrets):.2f}x ({max(regrets):.2f}x) "
        f"{_cost_s(found, method) / found['once_s']:.2f}x"
    )
