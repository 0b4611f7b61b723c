"""Converted traces hold the same operations and appear whole or not at all; errors are told."""

from __future__ import annotations

import gzip
import lzma
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from adhash.analysis.conversion import convert
from adhash.cancellation import CancelToken
from adhash.errors import BadInputError, InterruptedRunError, PolicyError, StorageError, TraceError
from adhash.progress import WorkProgress
from adhash.replay import run_csv

CSV = 'op,key,value\nput,"a,""b","1,""\n"\nget,ü,\nput,c,22\ndel,c,\n'
NUMBERS = "op,key,value\nput,17,4\nget,17,\ndel,17,\n"


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace.csv"
    path.write_text(CSV, "utf-8")
    return path


def rows(path: Path) -> list[tuple[Any, ...]]:
    table = pq.read_table(path) if path.suffix == ".parquet" else pa.ipc.open_file(path).read_all()
    return [tuple(row.values()) for row in table.to_pylist()]


def test_a_trace_comes_back_the_same_through_every_format(trace: Path, tmp_path: Path) -> None:
    before = trace
    for name in ("a.parquet", "b.arrow", "c.arrows", "d.csv"):
        result = convert(before, tmp_path / name)
        assert result.ops.total == 4
        before = tmp_path / name
    assert before.read_text("utf-8") == CSV


def test_columns_are_of_the_types_of_the_trace(tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text(NUMBERS, "utf-8")
    result = convert(trace, tmp_path / "out.arrow")
    assert (result.key_type, result.value_type) == ("int64", "int64")
    assert rows(tmp_path / "out.arrow") == [("put", 17, 4), ("get", 17, None), ("del", 17, None)]
    asked = convert(trace, tmp_path / "text.arrow", key_type="str", value_type="bytes")
    assert (asked.key_type, asked.value_type) == ("str", "bytes")
    assert rows(tmp_path / "text.arrow")[0] == ("put", "17", "4")


def test_types_that_were_inferred_too_narrow_are_widened(tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    lines = [f"put,{at},{at}" for at in range(400_000)]
    trace.write_text("\n".join(["op,key,value", *lines, "put,x,y", ""]), "utf-8")
    result = convert(trace, tmp_path / "out.parquet")
    assert (result.key_type, result.value_type, result.ops.put) == ("str", "bytes", 400_001)


def test_a_foreign_trace_replays_as_its_conversion_does(tmp_path: Path) -> None:
    trace = tmp_path / "t.lis"
    trace.write_bytes(b"".join(b"%d 3 0 0\n" % (at * 7 % 50) for at in range(500)))
    result = convert(trace, tmp_path / "t.arrow")
    assert (result.trace_format, result.out_format) == ("arc", "arrow")
    direct = run_csv(trace, mode="swiss", seed=1)
    again = run_csv(tmp_path / "t.arrow", mode="swiss", seed=1)
    assert direct.manifest.trace_sha256 == result.trace_sha256
    for name in ("ops", "hits", "misses", "inserts", "updates", "final_size", "key_type"):
        assert getattr(direct, name) == getattr(again, name)


@pytest.mark.parametrize(
    ("suffix", "unpack"),
    [
        (".gz", gzip.decompress),
        (".xz", lzma.decompress),
        (".zst", lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)),
    ],
)
def test_the_last_suffix_compresses(suffix: str, unpack: Any, trace: Path, tmp_path: Path) -> None:
    convert(trace, tmp_path / f"out.csv{suffix}")
    assert unpack((tmp_path / f"out.csv{suffix}").read_bytes()).decode() == CSV
    convert(trace, tmp_path / f"out.arrow{suffix}")
    assert convert(tmp_path / f"out.arrow{suffix}", tmp_path / "b.csv").ops.total == 4


def test_a_codec_compresses_columns(trace: Path, tmp_path: Path) -> None:
    trace.write_text("op,key,value\n" + "put,17,aaaaaaaaaaaaaaaaaaa\n" * 5000, "utf-8")
    plain = convert(trace, tmp_path / "plain.arrow", codec="none")
    for codec in (None, "lz4", "zstd"):
        small = convert(trace, tmp_path / f"{codec}.arrow", codec=codec)
        assert (small.out_bytes or 0) < (plain.out_bytes or 0) / 4
        assert rows(tmp_path / f"{codec}.arrow") == rows(tmp_path / "plain.arrow")


def test_columns_that_lz4_does_not_halve_are_left_plain(trace: Path, tmp_path: Path) -> None:
    numbers = random.Random(1).sample(range(1 << 62), 5000)
    trace.write_text("op,key,value\n" + "".join(f"put,{n},{n}\n" for n in numbers), "utf-8")
    sizes = {
        codec: convert(trace, tmp_path / f"{codec}.arrow", codec=codec).out_bytes
        for codec in (None, "none", "lz4")
    }
    assert sizes[None] == sizes["none"]
    assert (sizes["lz4"] or 0) < (sizes["none"] or 0)


def test_the_format_can_be_named_where_the_name_does_not_tell(trace: Path, tmp_path: Path) -> None:
    convert(trace, tmp_path / "out", to="parquet")
    assert pq.read_table(tmp_path / "out").num_rows == 4


def test_bytes_become_text_in_csv_or_are_refused(tmp_path: Path) -> None:
    def source(key: bytes) -> Path:
        table = pa.table({"op": ["put"], "key": [key], "value": [b"\xff"]})
        pq.write_table(table, tmp_path / "bytes.parquet")
        return tmp_path / "bytes.parquet"

    convert(source(b"\xff"), tmp_path / "out.arrow")
    assert rows(tmp_path / "out.arrow") == [("put", b"\xff", b"\xff")]
    with pytest.raises(BadInputError, match="no UTF-8"):
        convert(source(b"\xff"), tmp_path / "out.csv")


def test_an_existing_file_is_replaced_only_by_force(trace: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.arrow"
    convert(trace, out)
    with pytest.raises(PolicyError, match="exists"):
        convert(trace, out)
    convert(trace, out, force=True)


def test_the_trace_itself_is_never_the_output(trace: Path) -> None:
    with pytest.raises(BadInputError, match="the same file"):
        convert(trace, trace, force=True)
    assert trace.read_text("utf-8") == CSV


@pytest.mark.parametrize("name", ["out.txt", "out", "out.parquet.gz"])
def test_a_name_that_tells_no_format_is_refused(name: str, trace: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="suffix"):
        convert(trace, tmp_path / name)


def test_nothing_is_left_of_a_conversion_that_failed(tmp_path: Path) -> None:
    trace = tmp_path / "t.lis"
    trace.write_bytes(b"1 2 0 0\n" * 200_000 + b"x\n")
    with pytest.raises(TraceError, match="line 200001"):
        convert(trace, tmp_path / "deep" / "out.arrow", format="arc")
    assert [path.name for path in tmp_path.iterdir()] == ["t.lis"]


def test_nothing_is_left_of_a_conversion_that_was_cancelled(tmp_path: Path) -> None:
    trace = tmp_path / "t.lis"
    trace.write_bytes(b"1 200 0 0\n" * 20_000)
    token = CancelToken()
    seen: list[WorkProgress] = []

    def cancel(progress: WorkProgress) -> None:
        seen.append(progress)
        token.cancel()

    with pytest.raises(InterruptedRunError):
        convert(trace, tmp_path / "out.arrow", progress=cancel, cancel=token)
    assert seen
    assert [path.name for path in tmp_path.iterdir()] == ["t.lis"]


def test_places_that_cannot_be_written_are_refused(trace: Path, tmp_path: Path) -> None:
    (tmp_path / "folder.arrow").mkdir()
    for name in ("folder.arrow", "trace.csv/out.arrow"):
        with pytest.raises(StorageError):
            convert(trace, tmp_path / name, force=True)
