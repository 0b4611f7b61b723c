"""One look-up from Python, against a dict's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.children import in_child
from benchmarks.plan import Plan
from benchmarks.replays import cost_of
from benchmarks.report import Bar, CaseReport, Finding, Timing
from benchmarks.rounds import Cost, interleave, timed

_LOOKUPS = 200_000
_SIZES = (("int64", 1_000), ("str", 1_000), ("int64", 1_000_000))
_BAR = Bar(limit=2, side="at most", aim=1.3)


def run(plan: Plan) -> CaseReport:
    """Measure ``m[k]`` and ``m.get(k)`` at three sizes, less the loop around them."""
    report = CaseReport(
        name="single_get",
        title="one look-up of a key that is there, from Python",
        notes=["times are less those of an empty loop over the same keys"],
    )
    for key, size in _SIZES[: 2 if plan.quick else 3]:
        results = in_child(measure, key=key, size=size, rounds=plan.rounds_or(31, 15))
        _report_size(plan, report, f"{key} n={size:,}", results)
        report.data[f"{key} {size}"] = results
    return report


def measure(*, key: str, size: int, rounds: int) -> dict[str, Any]:
    """Time loops of look-ups in turns.

    The keys asked for are equal to those stored, but other objects, as in a program: a dict
    answers faster for the very object that it holds.
    """
    import random

    from adhash.maps import Map

    chance = random.Random(1)
    numbers = chance.sample(range(1, 1 << 62), size)
    plain: dict[Any, Any] = {_spelled(number, key): number >> 40 for number in numbers}
    native: Any = Map(plain, key=key, value="int64")
    asked = [_spelled(number, key) for number in numbers[: min(size, _LOOKUPS)]]
    chance.shuffle(asked)
    asked *= max(1, _LOOKUPS // len(asked))
    loops: dict[str, Callable[[], None]] = {
        "loop": partial(_loop, asked),
        "dict[k]": partial(_subscript, plain, asked),
        "map[k]": partial(_subscript, native, asked),
        "dict.get(k)": partial(_get, plain, asked),
        "map.get(k)": partial(_get, native, asked),
    }
    interleave(loops, rounds=1)
    results = interleave(
        {name: partial(timed, loop) for name, loop in loops.items()}, rounds=rounds
    )
    return {name: [vars(cost) for cost in costs] for name, costs in results.items()}


def _spelled(number: int, key: str) -> Any:
    return str(number) if key == "str" else number + 0


def _loop(keys: list[Any]) -> None:
    for key in keys:
        key  # noqa: B018


def _subscript(table: Any, keys: list[Any]) -> None:
    for key in keys:
        table[key]


def _get(table: Any, keys: list[Any]) -> None:
    for key in keys:
        table.get(key)


def _report_size(plan: Plan, report: CaseReport, label: str, results: dict[str, Any]) -> None:
    gross = {name: [cost_of(each) for each in found] for name, found in results.items()}
    loop = gross.pop("loop")
    costs = {name: _less(found, loop) for name, found in gross.items()}
    for name, found in costs.items():
        name = f"{label} {name}"
        report.timings.append(Timing(name=name, costs=found, per=_LOOKUPS, unit="ns"))
    for form in ("[k]", ".get(k)"):
        figure, note = plan.ratio(costs[f"map{form}"], costs[f"dict{form}"])
        with_loop, _ = plan.ratio(gross[f"map{form}"], gross[f"dict{form}"])
        report.findings.append(
            Finding(
                claim=f"{label}: time of map{form} over dict{form}",
                figure=figure,
                bar=_BAR if label == "int64 n=1,000" else None,
                note=f"{note}; with the loop {with_loop.median:.3g}x",
            )
        )


def _less(costs: list[Cost], loop: list[Cost]) -> list[Cost]:
    return [
        Cost(wall_s=cost.wall_s - empty.wall_s, cpu_s=cost.cpu_s - empty.cpu_s)
        for cost, empty in zip(costs, loop, strict=True)
    ]
