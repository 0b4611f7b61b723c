"""Rows to replay, what a dict does with them, and what must hold of every summary."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from adhash.replay import Summary

QUIET: Any = {"environ": {}, "announce": lambda text: None}


def random_rows(count: int, *, key: str = "{}", value: str = "{}", seed: int = 1) -> list[str]:
    chance = random.Random(seed)
    rows = []
    for number in range(count):
        name = key.format(chance.randrange(count // 10))
        op = chance.choices(["put", "get", "del"], weights=[4, 5, 1])[0]
        rows.append(f"{op},{name},{value.format(number) if op == 'put' else ''}")
    return rows


def outcome_of(rows: list[str]) -> tuple[Counter[str], dict[str, str]]:
    """Return what a dict does with rows: how often each outcome, and what is left."""
    counted: Counter[str] = Counter()
    entries: dict[str, str] = {}
    for row in rows:
        op, key, value = row.split(",")
        counted[op] += 1
        if op == "get":
            counted["hits" if key in entries else "misses"] += 1
        elif op == "put":
            counted["updates" if key in entries else "inserts"] += 1
            entries[key] = value
        else:
            counted["deletes_found"] += entries.pop(key, None) is not None
    return counted, entries


def counts_of(summary: Summary) -> dict[str, int]:
    names = ("hits", "misses", "inserts", "updates", "deletes_found")
    ops = summary.ops.model_dump(by_alias=True)
    del ops["total"]
    return {**ops, **{name: getattr(summary, name) for name in names}}


def check_consistency(summary: Summary) -> None:
    """Require what must hold of every summary of a run."""
    assert summary.ops.total == summary.ops.get + summary.ops.put + summary.ops.del_
    assert summary.hits + summary.misses == summary.ops.get
    assert summary.inserts + summary.updates == summary.ops.put
    assert summary.deletes_found <= summary.ops.del_
    for latency in (summary.latency_ns.overall, summary.latency_ns.get, summary.latency_ns.put):
        assert latency.p50 <= latency.p90 <= latency.p99 <= latency.p999 <= latency.p9999
        assert latency.p9999 <= latency.max or latency.samples == 0
    assert summary.elapsed_s > 0
    assert all(0 <= pause.at_s <= summary.elapsed_s for pause in summary.pauses)
    assert [pause.at_s for pause in summary.pauses] == sorted(p.at_s for p in summary.pauses)
