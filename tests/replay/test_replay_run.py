"""Replays on the real engines."""

from __future__ import annotations

import json
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from replay_samples import QUIET, check_consistency, counts_of, outcome_of, random_rows

from adhash.errors import (
    BadInputError,
    SnapshotError,
    TraceError,
)
from adhash.maps import Map, engines
from adhash.metrics.validation import validate
from adhash.replay import Summary, run_csv, run_modes

if TYPE_CHECKING:
    from conftest import WriteTrace

# --- what runs, and with what result -----------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "types"),
    [
        ("{}", "{}", ("int64", "int64")),
        ("-1{}", "{}", ("int64", "int64")),
        ("k{}", "{}", ("str", "int64")),
        ("{}", "v{}", ("int64", "bytes")),
        ("schlüssel-{}", "wert-{}", ("str", "bytes")),
        ("0{}", "{}", ("str", "int64")),
    ],
)
def test_every_engine_agrees_with_a_dict(
    write_trace: WriteTrace, key: str, value: str, types: tuple[str, str]
) -> None:
    rows = random_rows(5000, key=key, value=value)
    counted, entries = outcome_of(rows)
    summaries = run_modes(write_trace(*rows), verify=True, **QUIET)
    assert [summary.engine for summary in summaries] == engines()
    for summary in summaries:
        assert summary.status == "completed"
        assert (summary.key_type, summary.value_type) == types
        assert counts_of(summary) == counted
        assert summary.final_size == len(entries)
        assert summary.verified is not None
        assert (summary.verified.checked, summary.verified.mismatches) == (len(rows), 0)
        check_consistency(summary)


def test_trace_is_identified_by_its_digest(write_trace: WriteTrace) -> None:
    csv = write_trace(*random_rows(100))
    digest = sha256(csv.read_bytes()).hexdigest()
    assert run_csv(csv, **QUIET).manifest.trace_sha256 == digest
    assert run_csv(csv, dry_run=True, **QUIET).manifest.trace_sha256 == digest


def test_seed_is_kept_and_new_ones_differ_and_fit_a_float(write_trace: WriteTrace) -> None:
    csv = write_trace("put,1,1")
    assert run_csv(csv, seed=2**64 - 1, **QUIET).manifest.seed == 2**64 - 1
    seeds = {run_csv(csv, **QUIET).manifest.seed for _ in range(3)}
    assert len(seeds) == 3
    assert all(int(float(seed)) == seed for seed in seeds)


def test_columns_give_the_same_result_as_their_csv(write_trace: WriteTrace, tmp_path: Path) -> None:
    rows = random_rows(3000)
    columns = zip(*(row.split(",") for row in rows), strict=True)
    op, key, value = (list(column) for column in columns)
    table = pa.table(
        {
            "op": op,
            "key": pa.array([int(each) for each in key]),
            "value": pa.array([int(each) if each else None for each in value]),
        }
    )
    parquet.write_table(table, tmp_path / "trace.parquet")
    from_csv = run_csv(write_trace(*rows), **QUIET)
    from_columns = run_csv(tmp_path / "trace.parquet", verify=True, **QUIET)
    assert counts_of(from_columns) == counts_of(from_csv)
    assert (from_columns.key_type, from_columns.value_type) == ("int64", "int64")
    as_text = run_csv(tmp_path / "trace.parquet", key_type="str", **QUIET)
    assert (as_text.key_type, counts_of(as_text)) == ("str", counts_of(from_csv))


def test_types_are_inferred_again_when_a_later_row_does_not_fit(write_trace: WriteTrace) -> None:
    rows = random_rows(200_000)
    counted, entries = outcome_of([*rows, "put,later,text"])
    csv = write_trace(*rows, "put,later,text")
    assert csv.stat().st_size > 1 << 20  # more than the block from which types are inferred
    summary = run_csv(csv, verify=True, **QUIET)
    assert (summary.key_type, summary.value_type) == ("str", "bytes")
    assert counts_of(summary) == counted
    assert summary.final_size == len(entries)


@pytest.mark.parametrize(
    ("keys", "key_type"),
    [
        (["1", "-1"], "int64"),
        (["1", str(2**63)], "uint64"),
        ([str(-(2**63)), str(2**63 - 1)], "int64"),
        (["-1", str(2**63)], "str"),
        (["1", str(2**64)], "str"),
        (["007"], "str"),
    ],
)
def test_integers_get_the_type_that_holds_them(
    write_trace: WriteTrace, keys: list[str], key_type: str
) -> None:
    summary = run_csv(write_trace(*(f"put,{key},1" for key in keys)), **QUIET)
    assert (summary.key_type, summary.final_size) == (key_type, len(keys))


def test_paced_run_takes_its_time_and_counts_every_latency(write_trace: WriteTrace) -> None:
    rows = random_rows(400)
    summary = run_csv(write_trace(*rows), rate=2000, **QUIET)
    assert summary.elapsed_s >= 399 / 2000
    assert summary.latency_ns.overall.samples == len(rows)


def test_short_trace_has_the_latencies_of_its_operations_not_of_its_growth_alone(
    write_trace: WriteTrace,
) -> None:
    rows = [f"put,{key},1" for key in range(300)] + ["get,7,"] * 300
    latency = run_csv(write_trace(*rows), **QUIET).latency_ns
    assert latency.get.samples == 300
    assert latency.put.samples == 300


def test_latency_sampling_can_be_switched_off(write_trace: WriteTrace) -> None:
    summary = run_csv(write_trace(*["get,1,"] * 5000), latency_sample_every=0, **QUIET)
    assert summary.latency_ns.get.samples == 0
    every = run_csv(write_trace(*["get,1,"] * 5000), latency_sample_every=1, **QUIET)
    assert every.latency_ns.get.samples == 5000


@pytest.mark.parametrize("dry_run", [False, True])
def test_trace_without_rows_is_refused(write_trace: WriteTrace, dry_run: bool) -> None:
    with pytest.raises(TraceError, match="has no rows"):
        run_csv(write_trace(), dry_run=dry_run, **QUIET)


# --- files ------------------------------------------------------------------------------------


def test_summary_file_holds_an_object_for_one_mode_and_a_list_for_several(
    write_trace: WriteTrace, tmp_path: Path
) -> None:
    csv, path = write_trace("put,1,1"), tmp_path / "new" / "folder" / "summary.json"
    one = run_csv(csv, json_summary_out=path, **QUIET)
    assert Summary.model_validate_json(path.read_text(encoding="utf-8")) == one
    several = run_modes(csv, mode="swiss,std", json_summary_out=path, **QUIET)
    written = json.loads(path.read_text(encoding="utf-8"))
    assert [Summary.model_validate(each) for each in written] == several
    assert one.artifacts == {"summary": str(path)}


def test_ticks_of_all_modes_are_in_one_valid_file(write_trace: WriteTrace, tmp_path: Path) -> None:
    csv = write_trace(*random_rows(5000))
    summaries = run_modes(csv, metrics_out_dir=tmp_path / "out", latency_buckets="0.1,1", **QUIET)
    path = Path(summaries[0].artifacts["metrics"])
    report = validate(path)
    assert list(report.backends) == engines()
    assert report.ticks == sum(summary.ticks.written for summary in summaries)
    tick = json.loads(path.read_text(encoding="utf-8").splitlines()[0])
    assert [bucket["le"] for bucket in tick["latency_hist_ms"]["get"]] == [0.1, 1.0, "+Inf"]


def test_restarted_run_leaves_only_the_ticks_of_its_last_attempt(
    write_trace: WriteTrace, tmp_path: Path
) -> None:
    csv = write_trace(*random_rows(200_000), "put,later,1")
    (tmp_path / "fast.toml").write_text("[metrics]\ninterval_ms = 10\n", encoding="utf-8")
    summary = run_csv(csv, metrics_out_dir=tmp_path / "out", config=tmp_path / "fast.toml", **QUIET)
    path = tmp_path / "out" / "metrics.ndjson"
    assert validate(path).ticks == summary.ticks.written
    first = json.loads(path.read_text(encoding="utf-8").splitlines()[0])
    assert next(event["kind"] for event in first["events"]) == "restarted"


def test_snapshot_round_trip_goes_on_where_the_run_before_ended(
    write_trace: WriteTrace, tmp_path: Path
) -> None:
    rows = random_rows(4000, key="k{}")
    counted, entries = outcome_of(rows)
    first = write_trace(*rows[:2000], name="first.csv")
    second = write_trace(*rows[2000:], name="second.csv")
    path = tmp_path / "map.arrow"
    begun = run_csv(first, mode="swiss", snapshot_out=path, compress=True, **QUIET)
    assert begun.artifacts == {"snapshot": str(path)}
    ended = run_csv(
        second, mode="robinhood", snapshot_in=path, snapshot_out=path, verify=True, **QUIET
    )
    total = Counter(counts_of(begun)) + Counter(counts_of(ended))
    assert total == counted
    assert dict(Map.load(path).items()) == {key: int(value) for key, value in entries.items()}
    assert ended.manifest.seed == begun.manifest.seed


@pytest.mark.parametrize("dry_run", [False, True])
def test_snapshot_of_other_types_is_refused(
    write_trace: WriteTrace, tmp_path: Path, dry_run: bool
) -> None:
    path = tmp_path / "map.arrow"
    Map({1: 1}).save(path)
    given: Any = {"snapshot_in": path, "dry_run": dry_run, **QUIET}
    with pytest.raises(BadInputError, match="the snapshot's keys are int64, not str"):
        run_csv(write_trace("put,a,1"), key_type="str", **given)
    with pytest.raises(BadInputError, match="the snapshot's values are int64, not bytes"):
        run_csv(write_trace("put,1,a"), value_type="bytes", **given)
    with pytest.raises(TraceError, match="line 2") as refused:
        run_csv(write_trace("put,a,1"), **given)
    assert "snapshot" in refused.value.hint


@pytest.mark.parametrize("value", ["uint64", "str", "bytes"])
def test_snapshot_of_any_values_but_floats_can_be_gone_on_with(
    write_trace: WriteTrace, tmp_path: Path, value: str
) -> None:
    path = tmp_path / "map.arrow"
    Map(key="str", value=value).save(path)
    csv = write_trace("put,a,12", "get,a,")
    assert run_csv(csv, snapshot_in=path, dry_run=True, **QUIET).status == "validated"
    summary = run_csv(csv, snapshot_in=path, snapshot_out=path, verify=True, **QUIET)
    assert (summary.value_type, summary.hits) == (value, 1)
    expected = {"uint64": 12, "str": "12", "bytes": b"12"}
    assert dict(Map.load(path).items()) == {"a": expected[value]}


def test_snapshot_of_floats_is_refused(write_trace: WriteTrace, tmp_path: Path) -> None:
    path = tmp_path / "map.arrow"
    Map({1: 1.5}, value="float64").save(path)
    with pytest.raises(BadInputError, match="float64"):
        run_csv(write_trace("put,1,1"), snapshot_in=path, **QUIET)


def test_damaged_snapshot_is_refused(write_trace: WriteTrace, tmp_path: Path) -> None:
    path = tmp_path / "map.arrow"
    path.write_bytes(b"not a snapshot")
    with pytest.raises(SnapshotError):
        run_csv(write_trace("put,1,1"), snapshot_in=path, **QUIET)
