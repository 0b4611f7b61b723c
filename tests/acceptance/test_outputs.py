"""What a replay prints, writes and serves agrees with the trace and with itself."""

from __future__ import annotations

import gzip
import json
import lzma
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
import zstandard
from command_line import adhash, refused, started
from prometheus_client.parser import text_string_to_metric_families

from adhash import Map
from adhash.errors import TraceError
from adhash.maps import engines
from adhash.metrics.validation import validate
from adhash.replay import CancelToken, Progress, run_csv

Operations: TypeAlias = list[tuple[str, int, int | None]]

KEYS = 700
PUTS: Operations = [("put", key * 7 - 50, key) for key in range(KEYS)]
GETS: Operations = [("get", key * 7 - 50, None) for key in range(0, 2 * KEYS, 2)]
DELETES: Operations = [("del", key * 7 - 50, None) for key in range(0, KEYS, 7)]
OPERATIONS = PUTS + GETS + DELETES
COUNTS: dict[str, Any] = {
    "ops": {"total": 1500, "get": 700, "put": 700, "del": 100},
    "hits": 350,
    "misses": 350,
    "inserts": 700,
    "updates": 0,
    "deletes_found": 100,
    "final_size": 600,
}


def as_csv(operations: Operations) -> bytes:
    """Return operations as CSV."""
    rows = [f"{op},{key},{'' if value is None else value}\n" for op, key, value in operations]
    return ("op,key,value\n" + "".join(rows)).encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the trace in it."""
    (tmp_path / "t.csv").write_bytes(as_csv(OPERATIONS))
    return tmp_path


def counts_of(summary: dict[str, Any]) -> dict[str, Any]:
    """Return what a summary counted."""
    return {name: summary[name] for name in COUNTS}


# --- formats ------------------------------------------------------------------------------------


def test_every_format_and_compression_gives_the_same_counts(folder: Path) -> None:
    plain = (folder / "t.csv").read_bytes()
    ops, keys, values = zip(*OPERATIONS, strict=True)
    table = pa.table({"op": ops, "key": keys, "value": values})
    pq.write_table(table, folder / "t.parquet")
    with pa.ipc.new_file(str(folder / "t.arrow"), table.schema) as writer:
        writer.write_table(table, max_chunksize=97)
    with pa.ipc.new_stream(str(folder / "t.arrows"), table.schema) as writer:
        writer.write_table(table)
    (folder / "t.csv.gz").write_bytes(gzip.compress(plain[:500]) + gzip.compress(plain[500:]))
    (folder / "t.csv.xz").write_bytes(lzma.compress(plain))
    (folder / "t.csv.zst").write_bytes(zstandard.compress(plain))
    (folder / "t.parquet.zst").write_bytes(zstandard.compress((folder / "t.parquet").read_bytes()))
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) == 8
    for name in names:
        summary = run_csv(folder / name, verify=True, environ={}).to_dict()
        assert counts_of(summary) == COUNTS, name
        assert summary["key_type"] == "int64", name
        assert summary["verified"] == {"checked": 1500, "mismatches": 0}


@pytest.mark.parametrize("name", ["t.csv.gz", "t.csv.xz", "t.csv.zst", "t.parquet"])
def test_standard_input_may_be_any_format(folder: Path, name: str) -> None:
    made = adhash("generate-csv", "--rows", "5000", "--keys", "400", "--out", name, cwd=folder)
    assert made.code == 0, made.err
    content = (folder / name).read_bytes()
    (piped,) = adhash("run-csv", "--csv", "-", "--json", cwd=folder, input=content).summaries
    (read,) = adhash("run-csv", "--csv", name, "--json", cwd=folder).summaries
    assert counts_of(piped) == counts_of(read)
    assert piped["ops"]["total"] == 5000


# --- types --------------------------------------------------------------------------------------


@pytest.mark.parametrize("key_type", ["auto", "int64", "str", "bytes"])
@pytest.mark.parametrize("value_type", ["auto", "int64", "bytes"])
def test_types_can_be_chosen_on_every_engine(folder: Path, key_type: str, value_type: str) -> None:
    summaries = adhash(
        *("run-csv", "--csv", "t.csv", "--mode", "all", "--verify", "--json"),
        *("--key-type", key_type, "--value-type", value_type),
        cwd=folder,
    ).summaries
    assert [each["engine"] for each in summaries] == engines()
    for each in summaries:
        assert counts_of(each) == COUNTS
        assert each["key_type"] == ("int64" if key_type == "auto" else key_type)
        assert each["value_type"] == ("int64" if value_type == "auto" else value_type)
        assert each["verified"]["mismatches"] == 0


def test_auto_takes_the_narrowest_type_that_every_row_fits(folder: Path) -> None:
    for keys, expected in {
        ("1", "-2"): "int64",
        ("1", str(2**64 - 1)): "uint64",
        ("1", "-2", str(2**64 - 1)): "str",
        ("1", "007"): "str",
        ("1", "tea"): "str",
    }.items():
        rows = [f"put,{key},1\n" for key in keys]
        late = [f"put,{key},1\n" for key in range(3, 200_000)]  # beyond what is looked at first
        (folder / "k.csv").write_text("op,key,value\n" + "".join(late + rows), encoding="utf-8")
        summary = run_csv(folder / "k.csv", environ={}, verify=True)
        assert (summary.key_type, summary.inserts) == (expected, len(late) + len(keys))


# --- files --------------------------------------------------------------------------------------


def test_summary_and_ticks_are_written_and_agree(folder: Path) -> None:
    outputs = ("--json-summary-out", "new/s.json", "--metrics-out-dir", "new/ticks")
    printed = adhash(
        *("run-csv", "--csv", "t.csv", "--mode", "all", "--rate", "3000", "--json", *outputs),
        cwd=folder,
    ).summaries
    assert json.loads((folder / "new" / "s.json").read_bytes()) == printed
    ticks = folder / "new" / "ticks" / "metrics.ndjson"
    report = validate(ticks)
    assert list(report.backends) == engines()
    assert report.ticks == sum(each["ticks"]["written"] for each in printed)
    lines = [json.loads(line) for line in ticks.read_bytes().splitlines()]
    for each in printed:
        last = [line for line in lines if line["backend"] == each["engine"]][-1]
        assert last["ops"] == each["ops"]["total"]
        assert last["ops_by_type"] == {name: each["ops"][name] for name in ("get", "put", "del")}
        assert last["memory_bytes"] == each["memory"]["bytes"]
    assert adhash("metrics", "validate", ticks, cwd=folder).code == 0


def test_ticks_are_limited_for_each_mode(folder: Path) -> None:
    summaries = adhash(
        *("run-csv", "--csv", "t.csv", "--mode", "swiss,std", "--rate", "4000", "--json"),
        *("--metrics-out-dir", "ticks", "--metrics-max-ticks", "2"),
        cwd=folder,
        environ={"ADHASH_METRICS__INTERVAL_MS": "20"},
    ).summaries
    for each in summaries:
        assert each["ticks"]["written"] == 2
        assert each["ticks"]["dropped"] == each["ticks"]["emitted"] - 2 > 0
    assert validate(folder / "ticks" / "metrics.ndjson").ticks == 4


@pytest.mark.parametrize("codec", ["none", "lz4", "zstd"])
@pytest.mark.parametrize("engine", ["adaptive", "std"])
def test_snapshot_carries_the_entries_over(folder: Path, engine: str, codec: str) -> None:
    (folder / "puts.csv").write_bytes(as_csv(PUTS))
    (folder / "rest.csv").write_bytes(as_csv(GETS + DELETES))
    (first,) = adhash(
        *("run-csv", "--csv", "puts.csv", "--mode", engine, "--json"),
        *("--snapshot-out", "map.arrow", "--compress", codec),
        cwd=folder,
    ).summaries
    assert first["artifacts"] == {"snapshot": "map.arrow"}
    assert len(Map.load(folder / "map.arrow")) == KEYS
    (second,) = adhash(
        *("run-csv", "--csv", "rest.csv", "--snapshot-in", "map.arrow", "--verify", "--json"),
        *("--mode", "swiss", "--snapshot-out", "map.arrow"),
        cwd=folder,
    ).summaries
    assert (second["hits"], second["misses"], second["deletes_found"]) == (350, 350, 100)
    assert second["verified"] == {"checked": 800, "mismatches": 0}
    assert second["manifest"]["seed"] == first["manifest"]["seed"]
    kept = Map.load(folder / "map.arrow")
    expected = {key: value for _, key, value in PUTS}
    for _, key, _ in DELETES:
        del expected[key]
    assert dict(kept.items()) == expected


# --- the live endpoint --------------------------------------------------------------------------


@pytest.fixture
def endpoint(folder: Path) -> Iterator[str]:
    """Yield the address of a run's endpoint while the run lasts."""
    with started(
        *("run-csv", "--csv", "t.csv", "--rate", "50", "--metrics-port", "auto"), cwd=folder
    ) as run:
        assert run.stderr is not None
        announced = run.stderr.readline().decode().split()
        assert announced[0] == "metrics:"
        yield announced[1].removesuffix("/metrics")


def fetch(url: str) -> bytes:
    """Return what is served at an address."""
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - the run's own endpoint
        content: bytes = answer.read()
    return content


def test_endpoint_is_read_by_prometheus_and_as_json(endpoint: str) -> None:
    ticks: list[dict[str, Any]] = []
    while len(ticks) < 2:
        ticks = json.loads(fetch(f"{endpoint}/ticks.json"))
    assert ticks[0]["t"] < ticks[1]["t"]
    assert 0 < ticks[0]["ops"] <= ticks[1]["ops"]
    families = {
        family.name: family
        for family in text_string_to_metric_families(fetch(f"{endpoint}/metrics").decode())
    }
    assert families
    samples = [each for family in families.values() for each in family.samples]
    assert {each.name.split("_")[0] for each in samples} == {"adhash"}
    operations = [each for each in samples if each.name == "adhash_replay_operations_total"]
    assert sum(each.value for each in operations) >= ticks[1]["ops"]


def test_taken_port_is_told_before_anything_runs(folder: Path, endpoint: str) -> None:
    port = endpoint.rsplit(":", 1)[1]
    refused(
        *(folder, "run-csv", "--csv", "t.csv", "--metrics-port", port, "--snapshot-out", "new/m"),
        code=5,
        error="IO",
        words=(f"port {port}", "auto"),
    )


# --- settings and limits ------------------------------------------------------------------------


def rate_and_sampling(folder: Path, *options: str, **environ: str) -> tuple[float, int]:
    """Return two settings of a run, as its manifest has them."""
    (summary,) = adhash(
        "run-csv", "--csv", "t.csv", "--json", *options, cwd=folder, environ=environ
    ).summaries
    replay = summary["manifest"]["settings"]["replay"]
    return replay["rate"], replay["latency_sample_every"]


def test_option_beats_environment_beats_file_beats_preset(folder: Path) -> None:
    presets = folder / "presets"
    presets.mkdir()
    (presets / "mine.toml").write_text(
        "[replay]\nrate = 10001\nlatency_sample_every = 11\n", encoding="utf-8"
    )
    (folder / "own.toml").write_text("[replay]\nrate = 10002\n", encoding="utf-8")
    where = {"ADHASH_PRESETS_DIR": str(presets)}
    preset = ("--preset", "mine")
    file = (*preset, "--config", "own.toml")
    assert rate_and_sampling(folder, *preset, **where) == (10001, 11)
    assert rate_and_sampling(folder, *file, **where) == (10002, 11)
    where["ADHASH_REPLAY__RATE"] = "10003"
    assert rate_and_sampling(folder, *file, **where) == (10003, 11)
    assert rate_and_sampling(folder, *file, "--rate", "10004", **where) == (10004, 11)


def test_trace_above_a_limit_is_refused_and_leaves_nothing(folder: Path) -> None:
    outputs = ("--snapshot-out", "new/m", "--json-summary-out", "new/s", "--metrics-out-dir", "t")
    for limit, words in {
        ("--csv-max-rows", "1499"): ("csv_max_rows = 1499", "--csv-max-rows"),
        ("--csv-max-bytes", "1KiB"): ("csv_max_bytes = 1024", "--csv-max-bytes"),
    }.items():
        for more in ((), ("--dry-run",), ("--mode", "all", "--metrics-port", "off")):
            given = outputs[2:] if "all" in more else outputs
            refused(
                *(folder, "run-csv", "--csv", "t.csv", *limit, *more, *given),
                code=4,
                error="Policy",
                words=words,
            )
    exact = ("--csv-max-rows", "1500", "--csv-max-bytes", str((folder / "t.csv").stat().st_size))
    assert adhash("run-csv", "--csv", "t.csv", *exact, cwd=folder).code == 0


def test_every_operation_is_timed_if_asked_and_counted_in_its_bucket(folder: Path) -> None:
    (summary,) = adhash(
        *("run-csv", "--csv", "t.csv", "--json", "--metrics-out-dir", "ticks"),
        *("--latency-sample-every", "1", "--latency-buckets", "0.001,1000"),
        cwd=folder,
    ).summaries
    for name, count in COUNTS["ops"].items():
        latency = summary["latency_ns"]["overall" if name == "total" else name]
        assert latency["samples"] == count
        order = [latency[each] for each in ("p50", "p90", "p99", "p999", "p9999", "max")]
        assert order == sorted(order)
    last = json.loads((folder / "ticks" / "metrics.ndjson").read_bytes().splitlines()[-1])
    hist = last["latency_hist_ms"]["get"]
    assert [bucket["le"] for bucket in hist] == [0.001, 1000, "+Inf"]
    assert hist[-1]["count"] == 700


def test_no_operation_is_timed_if_so_asked(folder: Path) -> None:
    (summary,) = adhash(
        "run-csv", "--csv", "t.csv", "--json", "--latency-sample-every", "0", cwd=folder
    ).summaries
    assert summary["latency_ns"]["get"]["samples"] == 0


def test_open_loop_keeps_its_rate_and_times_every_operation(folder: Path) -> None:
    (summary,) = adhash(
        *("run-csv", "--csv", "t.csv", "--rate", "3000", "--latency-sample-every", "1", "--json"),
        cwd=folder,
    ).summaries
    assert summary["latency_ns"]["overall"]["samples"] == 1500
    # Never faster than asked for; a busy machine may be slower, but catches up with its backlog.
    assert summary["elapsed_s"] >= 1499 / 3000
    assert summary["ops_per_second"] <= 3000 * 1.01


def test_compaction_is_done_at_its_interval(folder: Path) -> None:
    (summary,) = adhash(
        *("run-csv", "--csv", "t.csv", "--rate", "2000", "--compact-interval", "0.1"),
        *("--metrics-out-dir", "ticks", "--verify", "--json"),
        cwd=folder,
    ).summaries
    lines = (folder / "ticks" / "metrics.ndjson").read_bytes().splitlines()
    events = [event for line in lines for event in json.loads(line)["events"]]
    assert sum(event["kind"] == "compacted" for event in events) >= 2
    assert summary["verified"]["mismatches"] == 0


# --- the watchdog -------------------------------------------------------------------------------


def test_colliding_keys_raise_alerts_which_can_be_switched_off(tmp_path: Path) -> None:
    made = adhash(
        *("generate-csv", "--adversarial", "robinhood", "--count", "3000", "--hash-seed", "7"),
        *("--rows", "9000", "--out", "bad.csv"),
        cwd=tmp_path,
    )
    assert made.code == 0, made.err
    attack = ("run-csv", "--csv", "bad.csv", "--mode", "robinhood", "--rate", "9000", "--json")
    ticks = {"ADHASH_METRICS__INTERVAL_MS": "20"}
    (hit,) = adhash(*attack, "--seed", "7", cwd=tmp_path, environ=ticks).summaries
    assert {alert["name"] for alert in hit["alerts"]} >= {"avg_probe", "max_group_len"}
    for alert in hit["alerts"]:
        assert alert["peak"] >= alert["threshold"]
        assert alert["message"]
    (spared,) = adhash(*attack, "--seed", "8", cwd=tmp_path, environ=ticks).summaries
    assert "avg_probe" not in {alert["name"] for alert in spared["alerts"]}
    off = ticks | {"ADHASH_WATCHDOG__ENABLED": "false"}
    (quiet,) = adhash(*attack, "--seed", "7", cwd=tmp_path, environ=off).summaries
    assert quiet["alerts"] == []
    one_off = ticks | {"ADHASH_WATCHDOG__AVG_PROBE": "off"}
    (partly,) = adhash(*attack, "--seed", "7", cwd=tmp_path, environ=one_off).summaries
    assert "avg_probe" not in {alert["name"] for alert in partly["alerts"]}
    assert "max_group_len" in {alert["name"] for alert in partly["alerts"]}


# --- the table ----------------------------------------------------------------------------------


def test_comparison_has_a_row_for_every_engine(folder: Path) -> None:
    done = adhash("run-csv", "--csv", "t.csv", "--mode", "all", "--verify", cwd=folder)
    assert (done.code, done.err) == (0, "")
    heading, *rows = done.out.splitlines()
    assert heading.split()[0] == "mode"
    assert [row.split()[0] for row in rows[: len(engines())]] == engines()
    assert all(row.split()[-1] == "600" for row in rows[: len(engines())])
    for name in engines():
        assert f"{name}: 1,500 answers checked, 0 wrong" in rows


# --- in Python ----------------------------------------------------------------------------------


def test_runs_of_one_process_do_not_touch_each_other(folder: Path) -> None:
    first = run_csv(folder / "t.csv", environ={}, seed=5, latency_sample_every=1)
    (folder / "wrong.csv").write_bytes(b"op,key,value\nfrob,1,\n")
    with pytest.raises(TraceError, match="line 2"):
        run_csv(folder / "wrong.csv", environ={})
    results: list[dict[str, Any]] = []

    def replay() -> None:
        results.append(run_csv(folder / "t.csv", environ={}, seed=5, verify=True).to_dict())

    threads = [threading.Thread(target=replay) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    again = run_csv(folder / "t.csv", environ={}, seed=5, latency_sample_every=1)
    assert [counts_of(each) for each in results] == [COUNTS] * 4
    assert counts_of(first.to_dict()) == counts_of(again.to_dict()) == COUNTS
    assert first.latency_ns.overall.samples == again.latency_ns.overall.samples
    assert first.probe_hist == again.probe_hist


def test_printed_summary_is_short(folder: Path) -> None:
    lines = str(run_csv(folder / "t.csv", environ={}, mode="swiss")).splitlines()
    assert lines[0] == "mode: swiss (swiss), completed"
    assert "entries: 600" in lines
    assert max(map(len, lines)) < 200


def test_progress_is_told_and_another_thread_can_cancel(folder: Path) -> None:
    token = CancelToken()
    seen: list[Progress] = []
    moved = threading.Event()

    def watch(progress: Progress) -> None:
        seen.append(progress)
        if progress.rows:
            moved.set()

    def cancel() -> None:
        moved.wait(60)
        token.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    summary = run_csv(folder / "t.csv", environ={}, rate=100, progress=watch, cancel=token)
    thread.join()
    assert summary.status == "cancelled"
    assert 0 < summary.ops.total < 1500
    rows = [each.rows for each in seen]
    assert rows == sorted(rows)
    assert rows[-1] == summary.ops.total
    size = (folder / "t.csv").stat().st_size
    assert {(each.mode, each.modes, each.total_bytes) for each in seen} == {("adaptive", 1, size)}


def test_reader_that_goes_away_ends_the_command_quietly(folder: Path) -> None:
    with started("run-csv", "--csv", "t.csv", "--json", cwd=folder) as run:
        assert run.stdout is not None
        run.stdout.close()
        assert run.stderr is not None
        assert run.stderr.read() == b""
        assert run.wait(timeout=60) == 141
