"""No damaged file is ever taken for a snapshot, whatever was done to it."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from snapshot_samples import EVERY_TYPE_ONCE, bits, bytes_column, column_of, header_of, write_sample

from adhash.errors import SnapshotError, StorageError
from adhash.snapshots import open_snapshot, write_snapshot
from adhash.snapshots.digest import METADATA_KEY, PLACEHOLDER, patch_slots


def read_all(path: Path) -> None:
    with open_snapshot(path) as snapshot:
        list(snapshot.batches())


@pytest.mark.parametrize("compress", [None, "zstd"])
@pytest.mark.parametrize(("key_type", "value_type"), EVERY_TYPE_ONCE)
def test_every_flipped_bit_is_detected(
    tmp_path: Path, key_type: str, value_type: str, compress: str | None
) -> None:
    path = write_sample(tmp_path / "map.arrow", key_type, value_type, compress)
    content = path.read_bytes()
    read_all(path)
    undetected = []
    with path.open("r+b", buffering=0) as file:
        for position, byte in enumerate(content):
            for bit in range(8):
                os.pwrite(file.fileno(), bytes([byte ^ (1 << bit)]), position)
                try:
                    read_all(path)
                    undetected.append((position, bit))
                except SnapshotError:
                    pass
            os.pwrite(file.fileno(), bytes([byte]), position)
    assert undetected == []
    read_all(path)


@pytest.mark.parametrize("compress", [None, "lz4"])
def test_every_truncation_is_detected(tmp_path: Path, compress: str | None) -> None:
    path = write_sample(tmp_path / "map.arrow", "str", "bytes", compress)
    for length in reversed(range(path.stat().st_size)):
        os.truncate(path, length)
        with pytest.raises(SnapshotError):
            open_snapshot(path)


@pytest.mark.parametrize("tail", [b"\0", b"\n", b"ARROW1", b"\0" * 4096])
def test_trailing_bytes_are_detected(tmp_path: Path, tail: bytes) -> None:
    path = write_sample(tmp_path / "map.arrow")
    with path.open("ab") as file:
        file.write(tail)
    with pytest.raises(SnapshotError, match="damaged"):
        open_snapshot(path)


def test_two_snapshots_in_a_row_are_no_snapshot(tmp_path: Path) -> None:
    first = write_sample(tmp_path / "first.arrow").read_bytes()
    (tmp_path / "both.arrow").write_bytes(first + first)
    with pytest.raises(SnapshotError):
        open_snapshot(tmp_path / "both.arrow")


def test_the_header_of_another_snapshot_is_detected(tmp_path: Path) -> None:
    one = write_sample(tmp_path / "one.arrow").read_bytes()
    write_snapshot(
        tmp_path / "two.arrow",
        header_of("int64", "bytes").model_copy(update={"seed": 2**64 - 2}),
        [(column_of("int64"), column_of("bytes"))],
    )
    two = (tmp_path / "two.arrow").read_bytes()
    assert len(one) == len(two)
    half = len(one) // 2
    (tmp_path / "mixed.arrow").write_bytes(one[:half] + two[half:])
    with pytest.raises(SnapshotError, match="damaged"):
        open_snapshot(tmp_path / "mixed.arrow")


def test_entries_that_look_like_a_digest_do_no_harm(tmp_path: Path) -> None:
    texts = bytes_column([PLACEHOLDER.encode(), b"ARROW1", METADATA_KEY.encode(), b"0" * 64])
    write_snapshot(tmp_path / "map.arrow", header_of("bytes", "bytes"), [(texts, texts)])
    with open_snapshot(tmp_path / "map.arrow") as snapshot:
        [(keys, values)] = snapshot.batches()
    assert bits(keys) == bits(values) == bits(texts)


def test_a_setting_that_looks_like_a_digest_is_refused_at_writing(tmp_path: Path) -> None:
    header = header_of("int64", "int64", 0).model_copy(update={"settings": {"note": PLACEHOLDER}})
    with pytest.raises(SnapshotError, match="ambiguous"):
        write_snapshot(tmp_path / "map.arrow", header, [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"A", b"ARROW1", b"op,key,value\n" * 100, b"\0" * 5000])
def test_files_of_other_kinds_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(SnapshotError, match="not a snapshot"):
        open_snapshot(path)


def test_an_arrow_file_of_another_program_is_refused(tmp_path: Path) -> None:
    table = pa.table({"key": [1, 2], "value": [3, 4]})
    with pa.ipc.new_file(tmp_path / "other.arrow", table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(SnapshotError, match="not an adhash snapshot"):
        open_snapshot(tmp_path / "other.arrow")


def test_a_missing_file_and_a_directory_are_errors_of_storage_and_of_input(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        open_snapshot(tmp_path / "missing")
    with pytest.raises(SnapshotError, match="not a regular file"):
        open_snapshot(tmp_path)


def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(SnapshotError, match="not a regular file"):
        open_snapshot(tmp_path / "fifo")


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        with pytest.raises(StorageError):
            open_snapshot("socket")


def test_a_change_in_place_after_opening_is_detected(tmp_path: Path) -> None:
    size = 1000
    keys = np.arange(size, dtype=np.int64)
    path = tmp_path / "map.arrow"
    write_snapshot(path, header_of("int64", "int64", size), [(keys, keys)])
    at = path.read_bytes().index(keys.tobytes())
    with open_snapshot(path) as snapshot:
        with path.open("r+b") as file:
            file.seek(at + 800)
            file.write(b"\x01")
        with pytest.raises(SnapshotError, match="checksum"):
            list(snapshot.batches())


def forge(path: Path, size: int, batch: pa.RecordBatch, old: bytes = b"", new: bytes = b"") -> None:
    """Write a file with a right digest around wrong content, as no save would."""
    metadata = header_of("str", "int64", size).to_metadata() | {METADATA_KEY: PLACEHOLDER}
    with pa.ipc.new_file(path, batch.schema.with_metadata(metadata)) as writer:
        writer.write_batch(batch.replace_schema_metadata(metadata))
    content = path.read_bytes()
    if old:
        assert content.count(old) == 1
        content = content.replace(old, new)
    path.write_bytes(content)
    forge_digest(path)


def forge_digest(path: Path) -> None:
    """Record the digest of a file that holds zeros in its place."""
    content = path.read_bytes()
    with path.open("r+b") as file:
        patch_slots(file, len(content), hashlib.sha256(content).hexdigest())


def _offsets(*positions: int) -> bytes:
    return np.array(positions, dtype=np.int64).tobytes()


_STRINGS = pa.schema([("key", pa.large_string()), ("value", pa.int64())])
_GOOD = pa.record_batch(
    [pa.array(["abc", "defgh"], pa.large_string()), pa.array([7, 7])], schema=_STRINGS
)
_NULL = pa.record_batch(
    [pa.array(["a", None], pa.large_string()), pa.array([7, 7])], schema=_STRINGS
)


@pytest.mark.parametrize(
    ("batch", "old", "new", "message"),
    [
        (_GOOD, _offsets(0, 3, 8), _offsets(0, 3, 1 << 40), "out of bounds"),
        (_GOOD, _offsets(0, 3, 8), _offsets(0, 1 << 40, 8), "Offset invariant failure"),
        (_GOOD, _offsets(0, 3, 8), _offsets(0, 8, 3), "Offset invariant failure"),
        (_GOOD, _offsets(0, 3, 8), _offsets(-8, 3, 8), "egative offset|Offset invariant"),
        (_GOOD, b"abcdefgh", b"ab\xff\xfeefgh", "UTF8"),
        (_NULL, b"", b"", "holds nulls"),
        (_GOOD, b"", b"", "has checksum"),
    ],
    ids=["beyond", "beyond inside", "backwards", "negative", "not UTF-8", "null", "no checksum"],
)
def test_a_forged_batch_never_reaches_a_table(
    tmp_path: Path, batch: pa.RecordBatch, old: bytes, new: bytes, message: str
) -> None:
    forge(tmp_path / "map.arrow", 2, batch, old, new)
    with pytest.raises(SnapshotError, match=message):
        read_all(tmp_path / "map.arrow")


def test_columns_other_than_the_header_promises_are_refused(tmp_path: Path) -> None:
    forge(
        tmp_path / "map.arrow", 1, pa.record_batch({"key": pa.array([1]), "value": pa.array([2])})
    )
    with pytest.raises(SnapshotError, match="columns are"):
        open_snapshot(tmp_path / "map.arrow")


def test_fewer_rows_than_the_header_promises_are_refused(tmp_path: Path) -> None:
    metadata = header_of("str", "int64", 2).to_metadata() | {METADATA_KEY: PLACEHOLDER}
    with pa.ipc.new_file(tmp_path / "map.arrow", _STRINGS.with_metadata(metadata)):
        pass
    forge_digest(tmp_path / "map.arrow")
    with pytest.raises(SnapshotError, match="0 rows where its header says 2"):
        read_all(tmp_path / "map.arrow")
