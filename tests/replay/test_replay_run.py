"""Replays on the real engines."""

from __future__ import annotations

import json
import os
import random
import re
import threading
from collections import Counter
from contextlib import closing
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from adhash.errors import (
    BadInputError,
    PolicyError,
    SnapshotError,
    StorageError,
    TraceError,
)
from adhash.maps import Map, engines
from adhash.metrics.validation import validate
from adhash.replay import CancelToken, Progress, Summary, run_csv, run_modes

if TYPE_CHECKING:
    from conftest import WriteTrace

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


def test_snapshot_of_other_keys_is_refused(write_trace: WriteTrace, tmp_path: Path) -> None:
    path = tmp_path / "map.arrow"
    Map({1: 1}).save(path)
    with pytest.raises(BadInputError, match="the snapshot's keys are int64, not str"):
        run_csv(write_trace("put,a,1"), snapshot_in=path, key_type="str", **QUIET)
    with pytest.raises(TraceError, match="line 2") as refused:
        run_csv(write_trace("put,a,1"), snapshot_in=path, **QUIET)
    assert "snapshot" in refused.value.hint


def test_damaged_snapshot_is_refused(write_trace: WriteTrace, tmp_path: Path) -> None:
    path = tmp_path / "map.arrow"
    path.write_bytes(b"not a snapshot")
    with pytest.raises(SnapshotError):
        run_csv(write_trace("put,1,1"), snapshot_in=path, **QUIET)


# --- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "where"),
    [
        (["put,1,1", "frob,1,"], "line 3, column 1"),
        (["get,,"], "line 2"),
        (["get,1,5"], "line 2"),
        (["put,1"], "line 2"),
    ],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_wrong_row_is_told_with_its_place(
    write_trace: WriteTrace, rows: list[str], where: str, dry_run: bool
) -> None:
    csv = write_trace(*rows)
    with pytest.raises(TraceError, match=f"^{re.escape(str(csv))}: {where}") as refused:
        run_csv(csv, dry_run=dry_run, **QUIET)
    assert refused.value.file == str(csv)
    assert refused.value.hint


def test_dry_run_counts_and_executes_nothing(write_trace: WriteTrace, tmp_path: Path) -> None:
    rows = random_rows(5000)
    counted, _ = outcome_of(rows)
    path = tmp_path / "summary.json"
    out = tmp_path / "out"
    csv = write_trace(*rows)
    summaries = run_modes(
        csv, mode="swiss,std", dry_run=True, json_summary_out=path, metrics_out_dir=out, **QUIET
    )
    assert len(json.loads(path.read_text(encoding="utf-8"))) == 2
    for summary in summaries:
        assert summary.status == "validated"
        ops = summary.ops.model_dump(by_alias=True)
        assert ops == {name: counted[name] for name in ("get", "put", "del")} | {"total": 5000}
        assert (summary.hits, summary.inserts, summary.final_size) == (0, 0, 0)
    assert not out.exists()


def test_dry_run_lists_twenty_wrong_rows(write_trace: WriteTrace) -> None:
    rows = [row for number in range(30) for row in (f"put,{number},1", f"frob,{number},")]
    with pytest.raises(TraceError, match="at least 20 rows are wrong") as refused:
        run_csv(write_trace(*rows), dry_run=True, **QUIET)
    assert refused.value.detail.count("frob") == 20
    assert "line 3, column 1" in refused.value.detail


def test_dry_run_infers_types_again_as_a_replay_does(write_trace: WriteTrace) -> None:
    csv = write_trace(*random_rows(200_000), "put,later,text")
    summary = run_csv(csv, dry_run=True, **QUIET)
    assert (summary.key_type, summary.value_type) == ("str", "bytes")
    assert summary.ops.total == 200_001


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("limit", [{"csv_max_rows": 99}, {"csv_max_bytes": 100}])
def test_trace_beyond_a_limit_is_refused(
    write_trace: WriteTrace, tmp_path: Path, limit: Any, dry_run: bool
) -> None:
    out = tmp_path / "out"
    with pytest.raises(PolicyError):
        run_csv(
            write_trace(*["put,1,1"] * 100),
            metrics_out_dir=out,
            dry_run=dry_run,
            **limit,
            **QUIET,
        )
    assert not out.exists() or list(out.iterdir()) == []


def test_trace_at_its_limits_is_taken(write_trace: WriteTrace) -> None:
    csv = write_trace(*["put,1,1"] * 100)
    size = csv.stat().st_size
    summary = run_csv(csv, csv_max_rows=100, csv_max_bytes=size, **QUIET)
    assert summary.ops.total == 100


def test_missing_trace_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot read the trace"):
        run_csv(tmp_path / "absent.csv", **QUIET)


# --- pipes ------------------------------------------------------------------------------------


def write_into(fifo: Path, *parts: str) -> threading.Thread:
    """Write parts into a FIFO from a thread of its own, and close it."""

    def write() -> None:
        with fifo.open("w", encoding="utf-8") as file:
            for part in parts:
                file.write(part)
                file.flush()

    thread = threading.Thread(target=write)
    thread.start()
    return thread


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def test_fifo_is_replayed_as_it_comes(fifo: Path) -> None:
    rows = random_rows(3000, key="k{}")
    counted, _ = outcome_of(rows)
    writer = write_into(fifo, "op,key,value\n", *(row + "\n" for row in rows))
    summary = run_csv(fifo, verify=True, **QUIET)
    writer.join()
    assert counts_of(summary) == counted
    assert summary.key_type == "str"
    assert summary.manifest.trace_sha256 is not None


def test_fifo_whose_types_were_inferred_wrong_says_what_to_do(fifo: Path) -> None:
    writer = write_into(fifo, "op,key,value\n", *["put,1,1\n" * 1000] * 300, "put,a,1\n")
    with pytest.raises(TraceError, match="line 300002") as refused:
        run_csv(fifo, **QUIET)
    writer.join()
    assert "--key-type str" in refused.value.hint


def test_silent_fifo_can_be_cancelled(fifo: Path) -> None:
    token = CancelToken()
    timer = threading.Timer(0.2, token.cancel)
    timer.start()
    summary = run_csv(fifo, cancel=token, **QUIET)
    timer.join()
    assert (summary.status, summary.ops.total) == ("cancelled", 0)


# --- watching ---------------------------------------------------------------------------------


def test_progress_callback_may_cancel(write_trace: WriteTrace) -> None:
    token = CancelToken()
    told: list[Progress] = []

    def watch(progress: Progress) -> None:
        told.append(progress)
        token.cancel()

    csv = write_trace(*random_rows(1000))
    summary = run_csv(csv, rate=100, progress=watch, cancel=token, **QUIET)
    assert summary.status == "cancelled"
    assert summary.ops.total < 1000
    check_consistency(summary)
    assert told[-1].rows == summary.ops.total


def test_exception_of_a_callback_is_the_callers_and_leaves_nothing(
    write_trace: WriteTrace, tmp_path: Path
) -> None:
    def fail(progress: Progress) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run_csv(write_trace("put,1,1"), metrics_out_dir=out, progress=fail, **QUIET)
    assert not out.exists()


def test_endpoint_answers_while_the_run_lasts_and_no_longer(write_trace: WriteTrace) -> None:
    lines: list[str] = []
    answers: dict[str, tuple[int, bytes]] = {}

    def ask(path: str) -> tuple[int, bytes]:
        host, port = re.fullmatch(r"metrics: http://(.+):(\d+)/metrics", lines[0]).groups()  # type: ignore[union-attr]
        with closing(HTTPConnection(host, int(port), timeout=5)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def watch(progress: Progress) -> None:
        if progress.elapsed_s > 0.3 and not answers:
            for path in ("/healthz", "/metrics", "/metrics.json", "/ticks.json?last=1"):
                answers[path] = ask(path)

    csv = write_trace(*random_rows(1000))
    run_csv(
        csv,
        mode="swiss",
        rate=2000,
        metrics_port="auto",
        environ={},
        announce=lines.append,
        progress=watch,
    )
    assert {status for status, _ in answers.values()} == {200}
    assert b'adhash_replay_operations_total{engine="swiss",op="get"}' in answers["/metrics"][1]
    assert json.loads(answers["/metrics.json"][1])["backend"] == "swiss"
    with pytest.raises(ConnectionRefusedError):
        ask("/healthz")


def test_port_in_use_is_told_before_anything_runs(write_trace: WriteTrace, tmp_path: Path) -> None:
    csv = write_trace(*random_rows(500))
    lines: list[str] = []
    out = tmp_path / "out"
    refusals: list[StorageError] = []

    def try_again(progress: Progress) -> None:
        if not refusals:
            port = lines[0].rsplit(":", 1)[1].split("/")[0]
            with pytest.raises(StorageError, match="cannot listen") as refused:
                run_csv(csv, metrics_port=port, metrics_out_dir=out, **QUIET)
            refusals.append(refused.value)

    run_csv(csv, metrics_port="auto", environ={}, announce=lines.append, progress=try_again)
    assert len(refusals) == 1
    assert not out.exists()


def test_run_csv_runs_one_mode_only(write_trace: WriteTrace) -> None:
    with pytest.raises(BadInputError, match="run_modes"):
        run_csv(write_trace("put,1,1"), mode="all", **QUIET)
