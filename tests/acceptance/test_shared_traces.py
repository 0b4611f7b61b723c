"""Recorded traces of real programs replay on every engine with no wrong answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from shared_traces import TRACES, converted, counted, needs_traces

from adhash.maps import engines
from adhash.replay import run_modes

pytestmark = needs_traces


def test_every_trace_of_the_folder_is_replayed_here() -> None:
    assert set(counted()) == set(TRACES)


@pytest.mark.parametrize("name", TRACES)
def test_every_engine_answers_a_recorded_trace_as_the_model_does(name: str, tmp_path: Path) -> None:
    expected = counted()[name]
    csv = converted(name, tmp_path)
    assert csv.stat().st_size == expected["csv_bytes"]
    summaries = run_modes(csv, mode="all", verify=True, environ={})
    csv.unlink()  # the largest is 100 MB, and temporary folders are kept for a while
    assert [summary.engine for summary in summaries] == engines()
    for summary in summaries:
        assert summary.verified is not None
        assert (summary.verified.checked, summary.verified.mismatches) == (expected["rows"], 0)
        assert _counts(summary.to_dict()) == {key: expected[key] for key in _COUNTED_AS}
        assert summary.key_type == {"int": "int64", "str": "str"}[expected["key_type"]]


# What the counts are called there, and where they are in a summary.
_COUNTED_AS = {
    "rows": ("ops", "total"),
    "get": ("ops", "get"),
    "put": ("ops", "put"),
    "delete": ("ops", "del"),
    "get_hit": ("hits",),
    "get_miss": ("misses",),
    "put_new": ("inserts",),
    "put_update": ("updates",),
    "del_hit": ("deletes_found",),
    "final_live": ("final_size",),
}


def _counts(summary: dict[str, Any]) -> dict[str, int]:
    found = {}
    for name, path in _COUNTED_AS.items():
        value: Any = summary
        for key in path:
            value = value[key]
        found[name] = value
    return found
