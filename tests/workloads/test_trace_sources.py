"""Opening traces: every format gives the same rows, every damage a clear error."""

from __future__ import annotations

import contextlib
import csv
import gzip
import hashlib
import io
import itertools
import lzma
import os
import pwd
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from adhash.errors import (
    AdhashError,
    InterruptedRunError,
    PolicyError,
    StorageError,
    TraceError,
)
from adhash.workloads.columns import Column
from adhash.workloads.csv_source import CsvSource
from adhash.workloads.sources import open_trace

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".zst": zstandard.ZstdCompressor(write_checksum=True).compress,
    ".xz": lzma.compress,
}
ROWS = "op,key,value\n" + "".join(f"put,{i * 7919 % 1000},{i}\n" for i in range(5000))
CSV = ROWS.encode()

Row = tuple[str, str, str | None]


def content(path: Path | str, **options: object) -> bytes:
    with open_trace(path, **options) as source:  # type: ignore[arg-type]
        assert isinstance(source, CsvSource)
        return b"".join(bytes(block) for block in source.blocks())


def strings(column: Column) -> list[str]:
    if not isinstance(column, tuple):
        return [str(value) for value in column.tolist()]
    offsets, data = column
    raw = data.tobytes()
    return [raw[a:b].decode() for a, b in itertools.pairwise(offsets)]


def column_rows(path: Path | str) -> list[Row]:
    rows: list[Row] = []
    with open_trace(path) as source:
        assert not isinstance(source, CsvSource)
        for block in source.blocks():
            names = [("get", "put", "del")[op] for op in block.ops.tolist()]
            for op, key, value in zip(
                names, strings(block.keys), strings(block.values), strict=True
            ):
                rows.append((op, key, value if op == "put" else None))
    return rows


def table_of(rows: list[Row]) -> pa.Table:
    op, key, value = zip(*rows, strict=True)
    return pa.table({"op": list(op), "key": list(key), "value": pa.array(list(value), pa.string())})


def write_columns(path: Path, table: pa.Table) -> None:
    kind = path.suffixes[0]
    sink = io.BytesIO()
    if kind == ".parquet":
        pq.write_table(table, sink)
    else:
        writer = pa.ipc.new_file if kind == ".arrow" else pa.ipc.new_stream
        with writer(sink, table.schema) as out:
            out.write_table(table, max_chunksize=7)
    path.write_bytes(COMPRESS[path.suffixes[1] if len(path.suffixes) > 1 else ""](sink.getvalue()))


# ---- the same rows from every format -------------------------------------------------------------


@pytest.mark.parametrize("read_ahead", [True, False])
@pytest.mark.parametrize("suffix", COMPRESS)
def test_csv_gives_the_same_bytes_however_it_is_compressed(
    tmp_path: Path, suffix: str, read_ahead: bool
) -> None:
    path = tmp_path / f"trace.csv{suffix}"
    path.write_bytes(COMPRESS[suffix](CSV))
    assert content(path, read_ahead=read_ahead, block_bytes=1000) == CSV


@pytest.mark.parametrize("suffix", COMPRESS)
def test_compression_is_told_by_content_not_by_name(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "trace.csv"
    path.write_bytes(COMPRESS[suffix](CSV))
    assert content(path) == CSV


ROW = st.one_of(
    st.tuples(st.just("put"), st.text(min_size=1, max_size=9), st.text(max_size=20)),
    st.tuples(st.sampled_from(["get", "del"]), st.text(min_size=1, max_size=9), st.none()),
)


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=50), block_bytes=st.integers(1, 64))
def test_every_format_gives_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], block_bytes: int
) -> None:
    folder = tmp_path_factory.mktemp("formats")
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("op", "key", "value"), *rows])
    for suffix, compress in COMPRESS.items():
        plain = folder / f"trace.csv{suffix}"
        plain.write_bytes(compress(text.getvalue().encode()))
        assert content(plain, block_bytes=block_bytes).decode() == text.getvalue()
    for suffix in (".parquet", ".arrow", ".arrows", ".parquet.gz", ".arrow.zst", ".arrows.xz"):
        columns = folder / f"trace{suffix}"
        write_columns(columns, table_of(rows))
        assert column_rows(columns) == rows


@pytest.mark.parametrize(
    ("arrow_type", "key_type"),
    [
        (pa.int8(), "int64"),
        (pa.int64(), "int64"),
        (pa.uint32(), "int64"),
        (pa.uint64(), "uint64"),
        (pa.string(), "str"),
        (pa.large_string(), "str"),
        (pa.binary(), "bytes"),
        (pa.large_binary(), "bytes"),
        (pa.dictionary(pa.int32(), pa.string()), "str"),
    ],
)
def test_key_columns_of_every_type_are_read(
    tmp_path: Path, arrow_type: pa.DataType, key_type: str
) -> None:
    keys = pa.array(["1", "7", "7"])
    is_number = pa.types.is_integer(arrow_type)
    table = pa.table(
        {
            "op": pa.array(["PUT", "Get", "del"]).dictionary_encode(),
            "key": keys.cast(pa.int64()).cast(arrow_type) if is_number else keys.cast(arrow_type),
            "value": pa.array([5, None, None], pa.int32()),
            "extra": [1.0, 2.0, 3.0],
        }
    )
    path = tmp_path / "trace.parquet"
    pq.write_table(table, path)
    with open_trace(path) as source:
        assert not isinstance(source, CsvSource)
        assert (source.key_type, source.value_type) == (key_type, "int64")
    assert column_rows(path) == [("put", "1", "5"), ("get", "7", None), ("del", "7", None)]


def test_integer_keys_can_be_read_as_strings(tmp_path: Path) -> None:
    path = tmp_path / "trace.parquet"
    pq.write_table(pa.table({"op": ["get"], "key": [-12], "value": pa.nulls(1)}), path)
    with open_trace(path) as source:
        assert not isinstance(source, CsvSource)
        (block,) = source.blocks(key_type="str")
    assert strings(block.keys) == ["-12"]
    assert isinstance(block.keys, tuple)


def test_slices_of_a_batch_have_offsets_that_start_at_zero(tmp_path: Path) -> None:
    rows: list[Row] = [("put", f"key{i}", f"value{i}") for i in range(150_000)]
    path = tmp_path / "trace.arrow"
    table = table_of(rows)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
        out.write_table(table)  # one batch, larger than a block
    with open_trace(path) as source:
        assert not isinstance(source, CsvSource)
        blocks = list(source.blocks())
    assert len(blocks) > 1
    assert all(isinstance(b.keys, tuple) and b.keys[0][0] == 0 for b in blocks)
    assert column_rows(path) == rows


# ---- pipes ---------------------------------------------------------------------------------------


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read_fd, write_fd = os.pipe()
    yield read_fd, write_fd
    os.close(read_fd)
    os.close(write_fd)


@pytest.mark.parametrize("suffix", COMPRESS)
def test_standard_input_is_read_compressed_or_not(suffix: str) -> None:
    code = (
        "import sys\n"
        "from adhash.workloads.sources import open_trace\n"
        "with open_trace('-') as s:\n"
        "    assert not s.reopenable and s.total_bytes is None\n"
        "    sys.stdout.buffer.write(b''.join(bytes(b) for b in s.blocks()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=COMPRESS[suffix](CSV), capture_output=True, check=True
    )
    assert done.stdout == CSV


def test_a_fifo_is_read_though_its_writer_comes_late(tmp_path: Path) -> None:
    path = tmp_path / "trace.fifo"
    os.mkfifo(path)

    def write() -> None:
        time.sleep(0.15)
        path.write_bytes(CSV)

    writer = threading.Thread(target=write)
    writer.start()
    assert content(path) == CSV
    writer.join()


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".arrows"])
def test_columns_are_read_from_a_pipe(tmp_path: Path, suffix: str) -> None:
    rows: list[Row] = [("put", "a", "1"), ("get", "a", None)]
    plain, fifo = tmp_path / f"trace{suffix}", tmp_path / "fifo"
    write_columns(plain, table_of(rows))
    os.mkfifo(fifo)
    writer = threading.Thread(target=fifo.write_bytes, args=(plain.read_bytes(),))
    writer.start()
    assert column_rows(fifo) == rows
    writer.join()


@pytest.mark.parametrize("read_ahead", [True, False])
def test_a_silent_pipe_yields_empty_blocks(pipe: tuple[int, int], read_ahead: bool) -> None:
    os.write(pipe[1], b"op,key,value\n")
    with open_trace("-", stdin_fd=pipe[0], read_ahead=read_ahead) as source:
        blocks = source.blocks()
        assert bytes(next(b for b in blocks if b)) == b"op,key,value\n"
        assert next(blocks) == b""
        os.write(pipe[1], b"get,1,\n")
        assert bytes(next(b for b in blocks if b)) == b"get,1,\n"


def test_opening_a_silent_pipe_can_be_called_off(pipe: tuple[int, int]) -> None:
    answers = iter([False, True])
    with pytest.raises(InterruptedRunError):
        open_trace("-", stdin_fd=pipe[0], should_stop=lambda: next(answers))
    assert next(answers, None) is None


def test_waiting_for_an_arrow_stream_can_be_called_off(pipe: tuple[int, int]) -> None:
    sink = io.BytesIO()
    table = table_of([("put", "a", "1")])
    with pa.ipc.new_stream(sink, table.schema) as out:
        out.write_table(table)
    os.write(pipe[1], sink.getvalue()[:-8])  # no end of stream: more may come
    stop = threading.Event()
    with open_trace("-", stdin_fd=pipe[0], should_stop=stop.is_set) as source:
        blocks = source.blocks()
        threading.Timer(0.2, stop.set).start()
        with pytest.raises(InterruptedRunError):
            list(blocks)


# ---- accounting ----------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", COMPRESS)
def test_the_hash_is_that_of_the_file_and_only_after_its_end(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"trace.csv{suffix}"
    path.write_bytes(COMPRESS[suffix](CSV))
    with open_trace(path, block_bytes=100, read_ahead=False) as source:
        assert source.reopenable
        assert source.total_bytes == path.stat().st_size
        blocks = source.blocks()
        next(iter(blocks))
        assert source.sha256() is None or suffix  # a small compressed file is read at once
        for _ in blocks:
            pass
        assert source.bytes_read == source.total_bytes
        assert source.sha256() == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".arrows", ".parquet.gz"])
def test_the_hash_of_columns_is_that_of_the_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"trace{suffix}"
    write_columns(path, table_of([("put", "a", "1")] * 100))
    with open_trace(path) as source:
        assert not isinstance(source, CsvSource)
        assert source.sha256() is None
        for _ in source.blocks():
            pass
        assert source.sha256() == hashlib.sha256(path.read_bytes()).hexdigest()
        assert source.bytes_read == source.total_bytes


@pytest.mark.parametrize("suffix", COMPRESS)
def test_the_byte_limit_counts_decompressed_bytes(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"trace.csv{suffix}"
    path.write_bytes(COMPRESS[suffix](CSV))
    assert content(path, max_bytes=len(CSV)) == CSV
    with pytest.raises(PolicyError, match="csv_max_bytes"):
        content(path, max_bytes=len(CSV) - 1)


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".xz"])
def test_a_decompression_bomb_is_stopped(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"bomb.csv{suffix}"
    path.write_bytes(COMPRESS[suffix](b"\0" * 300_000_000))
    assert path.stat().st_size < 1_000_000
    tracemalloc.start()
    try:
        with pytest.raises(PolicyError):
            content(path, max_bytes=1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_a_source_closed_early_leaves_no_thread(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_bytes(CSV * 100)
    before = threading.active_count()
    with open_trace(path, block_bytes=1000) as source:
        next(iter(source.blocks()))
    assert threading.active_count() == before


# ---- damage --------------------------------------------------------------------------------------


def padded_frames(suffix: str) -> bytes:
    """Incompressible content in two frames, so that cuts fall into every part of a frame."""
    noise = hashlib.shake_256(b"trace").hexdigest(600).encode()
    return COMPRESS[suffix](noise) + COMPRESS[suffix](noise)


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".xz"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_compressed_file_cut_anywhere_is_refused(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, data: st.DataObject
) -> None:
    whole = padded_frames(suffix)
    size = data.draw(st.integers(1, len(whole) - 1).filter(lambda n: n * 2 != len(whole)))
    path = tmp_path_factory.mktemp("cut") / f"trace.csv{suffix}"
    path.write_bytes(whole[:size])
    with pytest.raises(StorageError, match="cut short") as caught:
        content(path, block_bytes=100, read_ahead=False)
    assert str(path) in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".xz"])
def test_several_frames_are_one_trace(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"trace.csv{suffix}"
    head, tail = CSV[:20_000], CSV[20_000:]
    empty = COMPRESS[suffix](b"")
    path.write_bytes(COMPRESS[suffix](head) + empty + COMPRESS[suffix](tail))
    assert content(path) == CSV
    assert content(path, block_bytes=10) == CSV


def test_zstd_skippable_frames_are_skipped(tmp_path: Path) -> None:
    skippable = b"\x53\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"
    path = tmp_path / "trace.csv.zst"
    path.write_bytes(skippable + COMPRESS[".zst"](CSV) + skippable)
    assert content(path) == CSV


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
def test_zero_padding_behind_the_last_frame_is_accepted(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"trace.csv{suffix}"
    path.write_bytes(COMPRESS[suffix](CSV) + b"\0" * 512)
    assert content(path) == CSV


@pytest.mark.parametrize("garbage", [b"x", b"garbage behind", b"\n" * 300_000])
@pytest.mark.parametrize("suffix", [".gz", ".zst", ".xz"])
def test_garbage_behind_the_last_frame_is_refused(
    tmp_path: Path, suffix: str, garbage: bytes
) -> None:
    frame = COMPRESS[suffix](CSV)
    path = tmp_path / f"trace.csv{suffix}"
    path.write_bytes(frame + garbage)
    with pytest.raises(StorageError, match=f"something else at byte {len(frame)}"):
        content(path)


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".xz"])
@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 10**9), bit=st.integers(0, 7))
@example(at=30, bit=0)
def test_a_flipped_bit_never_changes_the_content_silently(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, at: int, bit: int
) -> None:
    damaged = bytearray(COMPRESS[suffix](CSV))
    damaged[at % len(damaged)] ^= 1 << bit
    path = tmp_path_factory.mktemp("flip") / f"trace.csv{suffix}"
    path.write_bytes(damaged)
    try:
        found = content(path, read_ahead=False)
    except AdhashError:
        return
    assert found == CSV  # a bit of the header that carries no meaning


def test_a_missing_file_is_a_storage_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no such file") as caught:
        open_trace(tmp_path / "none.csv")
    assert "none.csv" in caught.value.detail


def test_a_directory_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is a directory"):
        open_trace(tmp_path)


def test_a_path_with_a_nul_is_a_storage_error() -> None:
    with pytest.raises(StorageError, match="null"):
        open_trace("a\0b")


@contextlib.contextmanager
def without_privileges() -> Iterator[None]:
    """Run as an ordinary user, because root may read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(user)


def test_an_unreadable_file_is_a_storage_error(tmp_path: Path) -> None:
    path = tmp_path / "secret.csv"
    path.write_bytes(CSV)
    path.chmod(0)
    with without_privileges(), pytest.raises(StorageError, match="permission denied"):
        open_trace(path)


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst", ".xz"])
def test_a_trace_without_content_is_bad_input(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"trace.csv{suffix}"
    path.write_bytes(COMPRESS[suffix](b""))
    with pytest.raises(TraceError, match="is empty"):
        content(path)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("trace.csv.gz", CSV),
        ("trace.zst", CSV),
        ("trace.parquet", CSV),
        ("trace.arrow", CSV),
        ("trace.csv", b"PK\x03\x04" + CSV),
        ("trace.csv", "op,key,value\n".encode("utf-16")),
        ("trace.csv.gz", gzip.compress(gzip.compress(CSV, mtime=0), mtime=0)),
        ("trace.parquet", b"PAR1" + CSV),
        ("trace.arrow", b"ARROW1\0\0" + CSV),
        ("trace.arrows", b"\xff\xff\xff\xff" + CSV),
    ],
)
def test_a_file_that_is_not_what_it_says_is_bad_input(
    tmp_path: Path, name: str, data: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(TraceError) as caught:
        open_trace(path)
    assert caught.value.hint
    assert caught.value.file == str(path)


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_column_file_cut_anywhere_is_refused(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("cut") / f"trace{suffix}"
    write_columns(path, table_of([("put", f"k{i}", "v") for i in range(20)]))
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(8, len(whole) - 1))])
    with pytest.raises(TraceError):
        column_rows(path)


@settings(max_examples=80, deadline=None)
@example(at=4722259, bit=7, suffix=".parquet")
@given(
    at=st.integers(0, 10**9),
    bit=st.integers(0, 7),
    suffix=st.sampled_from([".parquet", ".arrow", ".arrows"]),
)
def test_a_flipped_bit_in_columns_never_ends_in_another_error(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("flip") / f"trace{suffix}"
    write_columns(path, table_of([("put", f"k{i}", "v") for i in range(20)]))
    damaged = bytearray(path.read_bytes())
    damaged[at % len(damaged)] ^= 1 << bit
    path.write_bytes(damaged)
    with contextlib.suppress(StorageError, TraceError), open_trace(path) as source:
        for _ in source.blocks():
            pass


# ---- rows that are no operations -----------------------------------------------------------------

GOOD: dict[str, list[object]] = {
    "op": ["put", "get", "del"],
    "key": ["a", "b", "c"],
    "value": ["v", None, None],
}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"op": ["put", "get", "scan"]}, "row 3 has the op 'scan'"),
        ({"op": ["put", None, "del"]}, "row 2 has no op"),
        ({"key": ["a", None, "c"]}, "row 2 has no key"),
        ({"key": ["a", "b", ""]}, "row 3 has an empty key"),
        ({"value": ["v", "w", None]}, "row 2 has a value but is no put"),
        ({"value": [None, None, None]}, "row 1 is a put without a value"),
        ({"value": [1, None, 7]}, "row 3 has a value but is no put"),
        (
            {"value": pa.array([2**63, None, None], pa.uint64())},
            "row 1 has the value 9223372036854775808",
        ),
        ({"key": [1.5, 2.5, 3.5]}, "the column 'key' is of type double"),
        ({"value": [1.5, None, None]}, "the column 'value' is of type double"),
        ({"op": [0, 1, 2]}, "the column 'op' is of type int64"),
        (
            {
                "key": pa.chunked_array([[b"\xff", b"b", b"c"]]).cast(pa.binary()),
                "op": ["put", "get", "up"],
            },
            "row 3 has the op 'up'",
        ),
    ],
)
def test_a_row_that_is_no_operation_is_named(
    tmp_path: Path, changed: dict[str, object], message: str
) -> None:
    path = tmp_path / "trace.parquet"
    pq.write_table(pa.table({**GOOD, **changed}), path)
    with pytest.raises(TraceError, match=message) as caught:
        column_rows(path)
    assert caught.value.hint


def test_rows_are_counted_through_the_file(tmp_path: Path) -> None:
    path = tmp_path / "trace.arrow"
    write_columns(path, table_of([("put", "k", "v")] * 20 + [("put", "", "v")]))
    with pytest.raises(TraceError) as caught:
        column_rows(path)
    assert caught.value.line == 21


@pytest.mark.parametrize("name", ["op", "key", "value"])
def test_a_missing_column_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / "trace.parquet"
    pq.write_table(pa.table({k: v for k, v in GOOD.items() if k != name}), path)
    with pytest.raises(TraceError, match=f"no single column '{name}'"):
        open_trace(path)


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    bad = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")]
    )
    path = tmp_path / "trace.arrow"
    table = pa.table({"op": ["get"], "key": bad, "value": pa.nulls(1)})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
        out.write_table(table)
    with pytest.raises(TraceError, match=r"UTF8|UTF-8"):
        column_rows(path)


def test_a_trace_of_columns_without_rows_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "trace.parquet"
    pq.write_table(table_of([("get", "a", None)]).slice(0, 0), path)
    with pytest.raises(TraceError, match="no rows"):
        column_rows(path)
