"""Workloads by name: the mixes of YCSB, their loads, and how options change them."""

from __future__ import annotations

import collections
import typing
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from adhash.errors import BadInputError
from adhash.options.base import read_options
from adhash.options.generate_csv import GenerateCsvOptions, WorkloadName
from adhash.workloads.chosen_trace import ChosenTrace, chosen_trace
from adhash.workloads.generators import generate, operations, trace_schema
from adhash.workloads.trace_presets import PRESETS

GET, PUT, DEL = range(3)


def chosen(**options: Any) -> ChosenTrace:
    return chosen_trace(read_options(GenerateCsvOptions, {"out": "t.csv", **options}))


def run_phase(workload: str, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return operations and ranks behind the load of 1,000 keys."""
    spec = chosen(workload=workload, keys=1000, rows=201_000, **options).spec
    blocks = list(operations(spec))
    assert max(len(block.ops) for block in blocks) <= 65_536
    ops = np.concatenate([block.ops for block in blocks])
    ranks = np.concatenate([block.ranks for block in blocks])
    assert len(ops) == spec.rows
    assert (ops[:1000] == PUT).all()
    assert ranks[:1000].tolist() == list(range(1000))
    return ops[1000:], ranks[1000:]


def test_every_workload_can_be_named_in_options_and_is_explained() -> None:
    assert [each.name for each in PRESETS] == list(typing.get_args(WorkloadName))
    meaning = GenerateCsvOptions.model_fields["workload"].description or ""
    for each in PRESETS:
        letter = each.name.removeprefix("ycsb-")
        assert each.name in meaning or letter in "abcdef"
        assert each.about


@pytest.mark.parametrize("compat", [False, True])
@pytest.mark.parametrize(("workload", "gets"), [("a", 0.5), ("b", 0.95), ("c", 1.0)])
def test_workloads_a_b_c_get_and_update_loaded_keys(
    workload: str, gets: float, compat: bool
) -> None:
    ops, ranks = run_phase(f"ycsb-{workload}", ycsb_compat=compat)
    assert (ops == GET).mean() == pytest.approx(gets, abs=0.005)
    assert (ops == PUT).mean() == pytest.approx(1 - gets, abs=0.005)
    assert ranks.max() < 1000


@pytest.mark.parametrize("compat", [False, True])
def test_workload_d_reads_what_was_inserted_last(compat: bool) -> None:
    ops, ranks = run_phase("ycsb-d", ycsb_compat=compat)
    inserted = ranks[ops == PUT]
    assert inserted.tolist() == list(range(1000, 1000 + len(inserted)))
    assert len(inserted) / len(ops) == pytest.approx(0.05, abs=0.003)
    newest = 999 + np.cumsum(ops == PUT)
    ages = (newest - ranks)[ops == GET]
    assert ages.min() == 0
    if compat:  # whose formula drifts as keys are added; see test_ycsb_zipfian.py
        assert (ages < 10).mean() > 0.1
        return
    # Ages are Zipf distributed over all keys, of which there are eleven times as many at the end.
    share = (np.arange(1, 11) ** -0.99).sum() / (np.arange(1, 6001) ** -0.99).sum()
    assert (ages < 10).mean() == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize("compat", [False, True])
def test_workload_e_scans_neighbours_and_inserts(compat: bool) -> None:
    ops, ranks = run_phase("ycsb-e", ycsb_compat=compat)
    inserted = ranks[ops == PUT]
    assert inserted.tolist() == list(range(1000, 1000 + len(inserted)))
    # 95 scans of 50.5 gets, some cut at the newest key, for five inserts.
    assert (ops == GET).sum() / len(inserted) == pytest.approx(0.95 * 50.5 / 0.05, rel=0.08)
    steps = np.diff(ranks)[(ops[1:] == GET) & (ops[:-1] == GET)]
    assert (steps == 1).mean() > 0.95
    newest = 999 + np.cumsum(ops == PUT)
    assert (ranks <= newest).all()


def test_scans_have_every_length_equally_often() -> None:
    # Starts are uniform, so that a scan ends where its keys stop being neighbours.
    spec = chosen(rows=300_000, keys=10_000_000, get=0, put=0, delete=0, scan=1, max_scan=8).spec
    ranks = np.concatenate([block.ranks for block in operations(spec)])
    ends = np.flatnonzero(np.diff(ranks) != 1)
    lengths = np.diff(ends)
    counts = np.bincount(lengths, minlength=9)[1:9]
    assert lengths.max() <= 8
    assert counts / counts.sum() == pytest.approx(np.full(8, 1 / 8), rel=0.04)


def test_workload_f_writes_what_it_just_read() -> None:
    ops, ranks = run_phase("ycsb-f")
    puts = np.flatnonzero(ops == PUT)
    assert (ops[puts - 1] == GET).all()
    assert (ranks[puts] == ranks[puts - 1]).all()
    # Half of the requests are of two rows.
    assert len(puts) / len(ops) == pytest.approx(1 / 3, abs=0.005)


def test_ycsb_keys_are_named_by_the_option() -> None:
    trace = chosen(workload="ycsb-c", rows=1100, keys=1000, ycsb_compat=True, key_type="str")
    table = pa.Table.from_batches(generate(trace.spec), trace_schema(trace.spec))
    assert table.column("key")[0].as_py() == "user6284781860667377211"


def test_options_change_what_a_workload_sets() -> None:
    spec = chosen(workload="ycsb-a", keys=50, rows=500, put=0, exponent=0.5, preload=7).spec
    assert (spec.keys, spec.rows, spec.put, spec.exponent, spec.preload) == (50, 500, 0, 0.5, 7)
    assert spec.get == 50
    loaded = chosen(workload="ycsb-a").spec
    assert (loaded.preload, loaded.rows) == (100_000, 1_100_000)
    alone = chosen().spec
    assert (alone.preload, alone.rows, alone.keys) == (0, 1_000_000, 1_000_000)


@pytest.mark.parametrize("workload", typing.get_args(WorkloadName))
def test_the_same_seed_gives_the_same_operations(workload: str) -> None:
    def made(seed: int) -> bytes:
        spec = chosen(workload=workload, keys=6000, rows=12_000, seed=seed).spec
        blocks = list(operations(spec))
        return b"".join(block.ops.tobytes() + block.ranks.tobytes() for block in blocks)

    assert made(5) == made(5)
    assert made(5) != made(6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workload": "ycsb-a", "rows": 100_000}, "taken by the load"),
        ({"distribution": "sequential", "insert": 5}, "does not go with"),
        ({"distribution": "sequential", "ycsb_compat": True}, "does not go with"),
        ({"ycsb_compat": True, "key_bits": 20}, "names the keys itself"),
        ({"ycsb_compat": True, "distribution": "zipf", "exponent": 1.5}, None),
        ({"ycsb_compat": True, "keys": 5}, "at least 10"),
        ({"hash_seed": 5}, "needs adversarial"),
        ({"adversarial": "swiss", "insert": 5}, "new keys would have to collide"),
        ({"key_bits": 10, "keys": 1000, "rows": 1000, "insert": 5}, "do not fit"),
        ({"max_scan": 0}, "max_scan"),
        ({"hot_set": 1.5}, "hot_set"),
        ({"exp_percentile": 100}, "exp_percentile"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], message: str | None) -> None:
    with pytest.raises(BadInputError, match=message or "exponent"):
        list(operations(chosen(**options).spec))


def test_a_deleted_key_was_put_by_any_kind_of_put() -> None:
    spec = chosen(
        rows=50_000, keys=200, get=0, put=1, insert=1, rmw=1, scan=1, max_scan=3, delete=2
    ).spec
    put: collections.Counter[int] = collections.Counter()
    deletes = 0
    for block in operations(spec):
        for op, rank in zip(block.ops.tolist(), block.ranks.tolist(), strict=True):
            if op == PUT:
                put[rank] += 1
            elif op == DEL:
                deletes += 1
                assert put[rank]
    assert deletes > 5000
