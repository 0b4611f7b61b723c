"""Workload DNA of recorded traces of real programs is what was counted when they were made.

Where the traces lie: see `shared_traces`. Sizes of values are those that the program recorded,
while a trace holds at most ``value_cap`` bytes of each.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from shared_traces import TRACES, converted, counted, needs_traces

from adhash.analysis.dna import WorkloadDnaResult, workload_dna

pytestmark = needs_traces


@pytest.mark.parametrize("name", TRACES)
def test_the_figures_are_those_that_were_counted(name: str, tmp_path: Path) -> None:
    expected = counted()[name]
    csv = converted(name, tmp_path)
    found = _as_counted(workload_dna(csv))
    csv.unlink()
    assert found == {figure: expected[figure] for figure in found}


def test_every_figure_is_compared_but_for_sizes_of_values() -> None:
    about = {"name", "fill", "value_cap", "csv_bytes", "key_type"}
    values = {"value_size_mean", "value_size_max"}
    compared = set(_as_counted(workload_dna(sample="zipf")))
    assert set(counted()["arc_p3"]) == compared | about | values


def test_lengths_of_values_are_the_sizes_where_none_was_cut(tmp_path: Path) -> None:
    expected = counted()["debian_deps"]
    assert expected["value_size_max"] < expected["value_cap"]
    lengths = workload_dna(converted("debian_deps", tmp_path)).value_lengths
    assert (round(lengths.mean, 1), lengths.max) == (
        expected["value_size_mean"],
        expected["value_size_max"],
    )


def _as_counted(dna: WorkloadDnaResult) -> dict[str, Any]:
    """Return figures under the names, and with the digits, of the file that they are held to."""
    assert dna.sampling.is_exact
    outcomes, skew = dna.outcomes, dna.skew
    assert skew.log_log is not None
    return {
        "rows": dna.rows,
        "unique": dna.keys.unique,
        "get": dna.operations.get.count,
        "put": dna.operations.put.count,
        "delete": dna.operations.del_.count,
        "get_hit": outcomes.hits,
        "get_miss": outcomes.misses,
        "put_new": outcomes.inserts,
        "put_update": outcomes.updates,
        "del_hit": outcomes.deletes_found,
        "peak_live": outcomes.peak_entries,
        "final_live": outcomes.final_entries,
        "top_key_share": round(skew.top_key_share, 4),
        "top1pct_share": round(skew.top_1pct_share, 4),
        "zipf_alpha": round(skew.log_log.exponent, 3),
        "once_only_share": round(dna.keys.once_only_share, 4),
        "reuse_gap_p50_pow2": _power_of_two(dna.reuse_gap.p50),
        "reuse_gap_p90_pow2": _power_of_two(dna.reuse_gap.p90),
        "sequential_share": round(dna.integer_keys.sequential_share, 4)
        if dna.integer_keys
        else 0.0,
        "key_len_mean": round(dna.key_lengths.mean, 1),
    }


def _power_of_two(number: int | None) -> int | None:
    return None if number is None else 1 << (number.bit_length() - 1)
