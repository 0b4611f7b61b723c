"""A batch of look-ups, against the index of pandas."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.children import in_child
from benchmarks.plan import Plan
from benchmarks.replays import cost_of
from benchmarks.report import Bar, CaseReport, Finding, Timing
from benchmarks.rounds import interleave, timed

_LOOKUPS = 1_000_000
_JUDGED = 1_000_000
_BAR = Bar(limit=3, side="at least", aim=5)


def run(plan: Plan) -> CaseReport:
    """Measure batches of hits in tables of several sizes."""
    report = CaseReport(
        name="get_many", title=f"a batch of {_LOOKUPS:,} hits, random int64 keys, per look-up"
    )
    sizes = (1_000, 100_000, _JUDGED) if plan.quick else (1_000, 100_000, _JUDGED, 10_000_000)
    for size in sizes:
        results = in_child(measure, size=size, rounds=plan.rounds_or(11, 5))
        _report_size(plan, report, size, results)
        report.data[str(size)] = results
    return report


def measure(*, size: int, rounds: int) -> dict[str, Any]:
    """Time batches in turns; pandas has built its hash table before."""
    import numpy as np
    import pandas as pd  # type: ignore[import-untyped]

    from adhash.maps import Map

    chance = np.random.default_rng(1)
    keys = np.unique(chance.integers(0, 1 << 62, size + size // 100 + 10, dtype=np.int64))
    keys = chance.permutation(keys)[:size]
    asked = chance.choice(keys, _LOOKUPS)
    table: Any = Map()
    table.put_many(keys, np.arange(size, dtype=np.int64))
    index = pd.Index(keys)
    _require_agreement(table, index, asked)
    batches: dict[str, Callable[[], object]] = {
        "map.get_many": partial(table.get_many, asked),
        "map.contains_many": partial(table.contains_many, asked),
        "pandas get_indexer": partial(index.get_indexer, asked),
    }
    results = interleave(
        {name: partial(timed, batch) for name, batch in batches.items()}, rounds=rounds
    )
    return {name: [vars(cost) for cost in costs] for name, costs in results.items()}


def _require_agreement(table: Any, index: Any, asked: Any) -> None:
    """Compare the answers, which also builds the hash table of pandas and settles ours."""
    values, found = table.get_many(asked)
    assert found.all()
    assert (values == index.get_indexer(asked)).all()


def _report_size(plan: Plan, report: CaseReport, size: int, results: dict[str, Any]) -> None:
    costs = {name: [cost_of(each) for each in found] for name, found in results.items()}
    for name, found in costs.items():
        name = f"n={size:,} {name}"
        report.timings.append(Timing(name=name, costs=found, per=_LOOKUPS, unit="ns"))
    figure, note = plan.ratio(costs["pandas get_indexer"], costs["map.get_many"])
    report.findings.append(
        Finding(
            claim=f"n={size:,}: get_many is as fast as get_indexer, times",
            figure=figure,
            bar=_BAR if size == _JUDGED else None,
            note=note,
        )
    )
