"""Workload DNA of traces as users have them: files of every form, pipes, and bad ones."""

from __future__ import annotations

import gzip
import json
import os
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from adhash.analysis.dna import WorkloadDnaResult, run_workload_dna, workload_dna
from adhash.cancellation import CancelToken
from adhash.errors import (
    BadInputError,
    InterruptedRunError,
    PolicyError,
    StorageError,
    TraceError,
)
from adhash.options.workload_dna import WorkloadDnaOptions
from adhash.progress import WorkProgress

HEADER = "op,key,value\n"
ROWS = [("put", str(n * 7 % 50), str(n)) for n in range(300)] + [("get", "3", ""), ("del", "3", "")]


def write(path: Path, rows: list[tuple[str, str, str]] = ROWS) -> Path:
    path.write_text(HEADER + "".join(f"{','.join(row)}\n" for row in rows), encoding="utf-8")
    return path


def figures(result: WorkloadDnaResult) -> dict[str, Any]:
    """Return a result without what depends on the file and the clock."""
    dropped = {"csv", "trace_sha256", "elapsed_s", "rows_per_second", "value_type"}
    return {name: value for name, value in result.to_dict().items() if name not in dropped}


def test_every_format_of_a_trace_has_the_same_dna(tmp_path: Path) -> None:
    plain = write(tmp_path / "trace.csv")
    expected = figures(workload_dna(plain))
    zst = tmp_path / "trace.csv.zst"
    zst.write_bytes(zstandard.ZstdCompressor().compress(plain.read_bytes()))
    gz = tmp_path / "trace.csv.gz"
    gz.write_bytes(gzip.compress(plain.read_bytes()))
    ops, keys, values = zip(*ROWS, strict=True)
    table = pa.table(
        {"op": ops, "key": [int(key) for key in keys],
         "value": pa.array([int(value) if value else None for value in values])}
    )  # fmt: skip
    pq.write_table(table, tmp_path / "trace.parquet")
    with pa.ipc.new_file(tmp_path / "trace.arrow", table.schema) as writer:
        writer.write_table(table)
    for other in (zst, gz, tmp_path / "trace.parquet", tmp_path / "trace.arrow"):
        assert figures(workload_dna(other)) == expected, other.name


def test_a_result_says_what_it_is_of(tmp_path: Path) -> None:
    result = workload_dna(write(tmp_path / "trace.csv"))
    assert result.schema_ == "adhash.workload-dna.v1"
    assert (result.key_type, result.value_type) == ("int64", "int64")
    assert result.rows == len(ROWS)
    assert len(result.trace_sha256 or "") == 64
    assert result.elapsed_s > 0
    assert WorkloadDnaResult.model_validate(result.to_dict()) == result
    assert WorkloadDnaResult.model_validate_json(result.to_json()) == result


def test_strings_are_keys_as_well(tmp_path: Path) -> None:
    rows = [("put", "é", "x" * 40), ("get", "é", ""), ("get", "ab", "")]
    result = workload_dna(write(tmp_path / "trace.csv", rows), hot_keys=1)
    assert result.integer_keys is None
    assert [(key.key, key.key_bytes, key.count) for key in result.hot_keys.keys] == [("é", 2, 2)]
    assert (result.key_lengths.min, result.value_lengths.max) == (2, 40)


def test_a_late_string_makes_all_keys_strings(tmp_path: Path) -> None:
    rows = [("get", str(n), "") for n in range(500_000)] + [("get", "late", "")]
    result = workload_dna(write(tmp_path / "trace.csv", rows))
    assert result.key_type == "str"
    assert (result.rows, result.keys.unique) == (500_001, 500_001)


def test_one_key_is_a_trace(tmp_path: Path) -> None:
    result = workload_dna(write(tmp_path / "trace.csv", [("get", "5", "")]))
    assert result.keys.unique == 1
    assert (result.skew.zipf, result.skew.log_log, result.keys.evenness) == (None, None, None)
    assert result.keys.entropy_bits == 0
    assert result.reuse_distance.p50 is None
    assert [point.of_rows for point in result.miss_ratio_curve.points] == [1.0]


def test_keys_that_never_come_twice(tmp_path: Path) -> None:
    rows = [("put", f"k{n}", "") for n in range(100)]
    result = workload_dna(write(tmp_path / "trace.csv", rows))
    assert result.keys.once_only_share == 1
    assert result.reuse_distance.first_accesses == 100
    assert result.keys.entropy_bits == pytest.approx(6.643856)
    assert result.value_lengths.max == 0


def test_a_trace_of_deletions_finds_nothing(tmp_path: Path) -> None:
    result = workload_dna(
        write(tmp_path / "trace.csv", [("del", str(n % 9), "") for n in range(99)])
    )
    assert result.outcomes.deletes_missed == 99
    assert result.outcomes.hit_share is None
    assert (result.churn.turnover, result.churn.reinsert_share) == (None, None)
    assert result.keys.never_put == 9
    assert result.value_lengths.count == 0
    assert result.miss_ratio_curve.points[0].of_gets is None


def test_keys_of_a_megabyte_are_shown_short_and_held_in_bounds(tmp_path: Path) -> None:
    rows = [("put", chr(97 + n % 4) * 1_000_000, "1") for n in range(12)]
    result = workload_dna(write(tmp_path / "trace.csv", rows))
    assert result.keys.unique == 4
    assert {(len(str(key.key)), key.key_bytes) for key in result.hot_keys.keys} == {
        (200, 1_000_000)
    }
    bounded = workload_dna(tmp_path / "trace.csv", max_key_bytes="1MiB")
    assert not bounded.sampling.is_exact
    assert bounded.rows == 12


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = write(tmp_path / "trace.csv").read_bytes()
    writer = threading.Thread(target=pipe.write_bytes, args=[content])
    writer.start()
    result = workload_dna(pipe)
    writer.join()
    assert figures(result) == figures(workload_dna(tmp_path / "trace.csv"))


def test_samples_have_a_dna() -> None:
    result = workload_dna(sample="zipf")
    assert result.skew.zipf is not None
    assert result.skew.zipf.exponent == pytest.approx(0.99, abs=0.02)


def test_the_result_is_written_where_asked(tmp_path: Path) -> None:
    out = tmp_path / "new" / "dna.json"
    result = workload_dna(write(tmp_path / "trace.csv"), json_out=out)
    assert json.loads(out.read_text("utf-8")) == result.to_dict()


def test_a_trace_is_not_written_over(tmp_path: Path) -> None:
    path = write(tmp_path / "trace.csv")
    with pytest.raises(BadInputError, match="same file"):
        workload_dna(path, json_out=tmp_path / "." / "trace.csv")
    with pytest.raises(StorageError):
        workload_dna(path, json_out=tmp_path)


def test_wrong_traces_and_options_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    for content in ("", HEADER):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(TraceError):
            workload_dna(path)
    path.write_text(HEADER + "get,1,\nfly,2,\n", encoding="utf-8")
    with pytest.raises(TraceError) as wrong:
        workload_dna(path)
    assert (wrong.value.line, wrong.value.column, wrong.value.value) == (3, 1, "fly")
    with pytest.raises(BadInputError, match="hot_keys"):
        workload_dna(write(path), hot_keys=-1)
    with pytest.raises(BadInputError, match="csv"):
        workload_dna()
    with pytest.raises(StorageError):
        workload_dna(tmp_path / "missing.csv")


def test_limits_come_from_options_or_settings(tmp_path: Path) -> None:
    path = write(tmp_path / "trace.csv")
    with pytest.raises(PolicyError, match="csv_max_rows = 10"):
        workload_dna(path, csv_max_rows=10)
    options = WorkloadDnaOptions(csv=str(path))
    with pytest.raises(PolicyError, match="csv_max_rows = 11"):
        run_workload_dna(options, environ={"ADHASH_REPLAY__CSV_MAX_ROWS": "11"})
    with pytest.raises(PolicyError, match="csv_max_bytes"):
        workload_dna(path, csv_max_bytes="1KiB")


def test_progress_ends_at_the_end(tmp_path: Path) -> None:
    path = write(tmp_path / "trace.csv", ROWS * 3000)
    told: list[WorkProgress] = []
    workload_dna(path, progress=told.append)
    assert {progress.unit for progress in told} == {"bytes"}
    assert told[-1].done == told[-1].total == path.stat().st_size


def test_a_cancelled_analysis_ends_and_writes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "trace.csv", ROWS * 3000)
    token = CancelToken()
    out = tmp_path / "made" / "dna.json"
    with pytest.raises(InterruptedRunError):
        workload_dna(path, progress=lambda progress: token.cancel(), cancel=token, json_out=out)
    assert not out.parent.exists()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("adhash")]


def test_a_trace_may_need_wider_keys_and_then_wider_values(tmp_path: Path) -> None:
    numbers = "".join(f"put,{at},{at}\n" for at in range(400_000))
    (tmp_path / "t.csv").write_text(f"op,key,value\n{numbers}put,x,1\nput,1,y\n", "utf-8")
    found = workload_dna(tmp_path / "t.csv")
    assert (found.key_type, found.value_type, found.rows) == ("str", "bytes", 400_002)
