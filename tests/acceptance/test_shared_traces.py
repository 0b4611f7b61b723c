"""Recorded traces of real programs replay on every engine with no wrong answer.

The traces do not belong to the project. They lie beside the checkout, in ``../shared/data``, or
where ``ADHASH_SHARED_DATA`` says, with a program that makes CSV of them and what it counted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adhash.maps import engines
from adhash.replay import run_modes

_CHECKOUT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("ADHASH_SHARED_DATA", _CHECKOUT.parent / "shared" / "data"))
TRACES = (
    "arc_oltp",
    "arc_p3",
    "cache2k_orm_busy",
    "cache2k_web12",
    "cachelib_block_sample",
    "cachelib_kv_sample",
    "debian_deps",
    "git_objwalk",
    "malloc_cc1plus",
    "path_lookups_build",
    "urls_kasztp",
    "word_count",
)

pytestmark = pytest.mark.skipif(
    not (DATA / "convert.py").is_file(),
    reason=f"{DATA} holds no traces; ADHASH_SHARED_DATA names another place",
)


@cache
def counted() -> dict[str, dict[str, Any]]:
    """Return what was counted in each trace, by its name."""
    listed = json.loads((DATA / "stats.json").read_text(encoding="utf-8"))
    return {each["name"]: each for each in listed}


def test_every_trace_of_the_folder_is_replayed_here() -> None:
    assert set(counted()) == set(TRACES)


@pytest.mark.parametrize("name", TRACES)
def test_every_engine_answers_a_recorded_trace_as_the_model_does(name: str, tmp_path: Path) -> None:
    expected = counted()[name]
    csv = _converted(name, tmp_path)
    assert csv.stat().st_size == expected["csv_bytes"]
    summaries = run_modes(csv, mode="all", verify=True, environ={})
    csv.unlink()  # the largest is 100 MB, and temporary folders are kept for a while
    assert [summary.engine for summary in summaries] == engines()
    for summary in summaries:
        assert summary.verified is not None
        assert (summary.verified.checked, summary.verified.mismatches) == (expected["rows"], 0)
        assert _counts(summary.to_dict()) == {key: expected[key] for key in _COUNTED_AS}
        assert summary.key_type == {"int": "int64", "str": "str"}[expected["key_type"]]


def _converted(name: str, folder: Path) -> Path:
    command = [sys.executable, str(DATA / "convert.py"), name, "--out", str(folder)]
    options = ["--fill", counted()[name]["fill"], "--value-cap", str(counted()[name]["value_cap"])]
    subprocess.run([*command, *options], check=True, capture_output=True)
    return folder / f"{name}.csv"


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
