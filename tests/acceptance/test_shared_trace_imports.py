"""Recorded traces of real programs, read as they were recorded, give what was counted in them.

Where the traces lie: see `shared_traces`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from shared_traces import DATA, TRACES, converted, counted, needs_traces

from adhash.analysis.conversion import convert
from adhash.replay import run_csv

pytestmark = needs_traces

FILES = {
    "arc_oltp": "arc_OLTP.lis.xz",
    "arc_p3": "arc_P3.lis.xz",
    "cache2k_orm_busy": "cache2k_orm_busy.i32be.xz",
    "cache2k_web12": "cache2k_web12.i32be.xz",
    "cachelib_block_sample": "cachelib_block_sample.csv.xz",
    "cachelib_kv_sample": "cachelib_kv_sample.csv",
    "debian_deps": "debian_bookworm_deps.txt.xz",
    "git_objwalk": "git_objwalk.bin.xz",
    "malloc_cc1plus": "malloc_cc1plus.txt.xz",
    "path_lookups_build": "path_lookups_build.tsv.xz",
    "urls_kasztp": "urls_kasztp.txt.xz",
    "word_count": "war_and_peace.txt.xz",
}
# Plain text does not tell what it is meant as.
NAMED = {"urls_kasztp": "lines", "word_count": "words"}


@pytest.mark.parametrize("name", TRACES)
def test_a_direct_replay_counts_what_was_counted(name: str) -> None:
    found = run_csv(DATA / FILES[name], mode="swiss", format=NAMED.get(name), seed=1)
    expected = counted()[name]
    assert {
        "rows": found.ops.total,
        "get": found.ops.get,
        "put": found.ops.put,
        "delete": found.ops.del_,
        "get_hit": found.hits,
        "get_miss": found.misses,
        "put_new": found.inserts,
        "put_update": found.updates,
        "del_hit": found.deletes_found,
        "final_live": found.final_size,
    } == {figure: expected[figure] for figure in _FIGURES}
    assert found.key_type.startswith(str(expected["key_type"]))


_FIGURES = (
    "rows",
    "get",
    "put",
    "delete",
    "get_hit",
    "get_miss",
    "put_new",
    "put_update",
    "del_hit",
    "final_live",
)


@pytest.mark.parametrize("name", TRACES)
def test_a_conversion_is_the_same_to_the_byte(name: str, tmp_path: Path) -> None:
    out = tmp_path / f"ours-{name}.csv"
    options: Any = {"format": NAMED.get(name), "value_cap": counted()[name]["value_cap"]}
    convert(DATA / FILES[name], out, **options)
    assert out.stat().st_size == counted()[name]["csv_bytes"]
    assert _digest(out) == _digest(converted(name, tmp_path))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
