"""Every kind of damage to a snapshot is told, part by part, and no file is a reason to crash."""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("adhash.maps", reason="the native module is not built", exc_type=ImportError)

from adhash import Map
from adhash.analysis.verify_snapshot import (
    VerifySnapshotResult,
    require_intact,
    verify_snapshot,
)
from adhash.cancellation import CancelToken
from adhash.errors import InterruptedRunError, InvariantError, SnapshotError, StorageError
from adhash.maps import engines
from adhash.progress import WorkProgress
from adhash.snapshots import SnapshotHeader, write_snapshot
from adhash.snapshots.columns import columns_checksum
from adhash.snapshots.digest import MARKER, METADATA_KEY, PLACEHOLDER

CHECKS = ["framing", "checksum", "header", "columns", "batches", "rows"]
ENTRY_CHECKS = ["settings", "layout", "distinct keys", "look-ups", "invariants"]
KEYS: dict[str, list[Any]] = {
    "int64": [-(2**63), -1, 0, 2**63 - 1],
    "uint64": [0, 1, 2**63, 2**64 - 1],
    "str": ["", "a\0b", "ключ", "k" * 40],
    "bytes": [b"", b"\0\0", b"\xff\xfe", b"x" * 40],
}
VALUES: dict[str, list[Any]] = {**KEYS, "float64": [float("nan"), float("-inf"), -0.0, 5e-324]}


def save(path: Path, key: str = "int64", value: str = "bytes", **options: Any) -> Path:
    compress = options.pop("compress", None)
    pairs = dict(zip(KEYS[key], VALUES[value], strict=True))
    Map(pairs, key=key, value=value, **options).save(path, compress)
    return path


def found(result: VerifySnapshotResult) -> dict[str, bool | None]:
    return {check.name: check.ok for check in result.checks}


def detail(result: VerifySnapshotResult, name: str) -> str:
    return next(check.detail for check in result.checks if check.name == name)


# --- what is whole -----------------------------------------------------------------------------


@pytest.mark.parametrize("compress", [None, "lz4", "zstd"])
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", VALUES)
def test_every_type_of_map_is_intact(
    tmp_path: Path, key: str, value: str, compress: str | None
) -> None:
    path = save(tmp_path / "map.arrow", key, value, compress=compress)
    result = verify_snapshot(path)
    assert result.status == "intact"
    assert found(result) == dict.fromkeys([*CHECKS, *ENTRY_CHECKS], True)
    assert (result.rows, result.key_type, result.value_type) == (4, key, value)
    assert result.bytes == path.stat().st_size
    assert result.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    require_intact(result)


@pytest.mark.parametrize("engine", engines())
@pytest.mark.parametrize("size", [0, 1, 200_000])
def test_every_engine_is_intact(tmp_path: Path, engine: str, size: int) -> None:
    entries = Map(engine=engine)
    entries.put_many(np.arange(size), np.arange(size) * 3)
    entries.save(tmp_path / "map.arrow")
    result = verify_snapshot(tmp_path / "map.arrow")
    assert (result.status, result.rows, result.engine) == ("intact", size, engine)


def test_the_result_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "new" / "result.json"
    result = verify_snapshot(save(tmp_path / "map.arrow"), json_out=out)
    assert json.loads(out.read_text("utf-8")) == result.to_dict()
    assert result.to_dict()["schema"] == "adhash.verify-snapshot.v1"


def test_progress_tells_every_part_and_cancelling_ends_it(tmp_path: Path) -> None:
    path = save(tmp_path / "map.arrow")
    told: list[WorkProgress] = []
    verify_snapshot(path, progress=told.append)
    assert [each.unit for each in told[-4:]] == ["batches", "rows", "rows", "rows"]
    assert all(each.total is not None and 0 < each.done <= each.total for each in told)
    for stop_at in range(len(told)):
        token = CancelToken()
        left = iter(range(stop_at))

        def count(_: WorkProgress, token: CancelToken = token, left: Any = left) -> None:
            if next(left, None) is None:
                token.cancel()

        if stop_at < len(told) - 1:
            with pytest.raises(InterruptedRunError):
                verify_snapshot(path, progress=count, cancel=token)


# --- what is damaged ---------------------------------------------------------------------------


@pytest.mark.parametrize("compress", [None, "zstd"])
@pytest.mark.parametrize(("key", "value"), [("int64", "bytes"), ("str", "float64")])
def test_a_flipped_bit_anywhere_is_damage_and_every_check_is_told(
    tmp_path: Path, key: str, value: str, compress: str | None
) -> None:
    path = save(tmp_path / "map.arrow", key, value, compress=compress)
    content = path.read_bytes()
    chance = random.Random(1)
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        result = verify_snapshot(path)
        assert result.status == "damaged", position
        assert list(found(result)) == [*CHECKS, *ENTRY_CHECKS]
        assert not all(found(result)[name] for name in ("framing", "checksum"))
        with pytest.raises(InvariantError, match=r"is damaged: (framing|checksum)"):
            require_intact(result)


def test_every_truncation_is_damage_or_no_snapshot(tmp_path: Path) -> None:
    path = save(tmp_path / "map.arrow", "str", "bytes")
    content = path.read_bytes()
    # What is left is known for a snapshot once it holds one of these.
    signs = (b"adhash-file-sha256:", b"adhash.snapshot.v1")
    known_from = min(content.index(sign) + len(sign) for sign in signs)
    for length in reversed(range(len(content))):
        os.truncate(path, length)
        if length >= known_from:
            result = verify_snapshot(path)
            assert (result.status, found(result)["framing"]) == ("damaged", False)
        else:
            with pytest.raises(SnapshotError, match="not a snapshot"):
                verify_snapshot(path)


def test_what_was_cut_before_its_header_is_told_where(tmp_path: Path) -> None:
    path = save(tmp_path / "map.arrow", "str", "bytes")
    os.truncate(path, 100)
    with pytest.raises(SnapshotError, match="it is cut after 100 bytes"):
        verify_snapshot(path)
    os.truncate(path, 0)
    with pytest.raises(SnapshotError, match="the file is empty"):
        verify_snapshot(path)


@pytest.mark.parametrize("tail", [b"\0", b"ARROW1", b"\0" * 4096])
def test_trailing_bytes_are_damage(tmp_path: Path, tail: bytes) -> None:
    path = save(tmp_path / "map.arrow")
    with path.open("ab") as file:
        file.write(tail)
    assert found(verify_snapshot(path))["framing"] is False


def test_damage_in_one_batch_leaves_the_others_and_the_header_readable(tmp_path: Path) -> None:
    size = 200_000
    entries = Map(engine="swiss")
    entries.put_many(np.arange(size), np.arange(size))
    path = tmp_path / "map.arrow"
    entries.save(path)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size * 4 // 5)  # in the third of four batches
        file.write(b"\xff" * 8)
    result = verify_snapshot(path)
    assert [found(result)[name] for name in CHECKS] == [True, False, True, True, False, None]
    assert "1 of 4 damaged: batch 2: " in detail(result, "batches")
    assert size - 65_536 == result.rows
    assert result.engine == "swiss"


# --- what is well written and no map: only a forger makes these ---------------------------------


def header_of(size: int, **changes: Any) -> SnapshotHeader:
    fields = {
        "engine": "adaptive",
        "layout": "swiss",
        "key_type": "str",
        "value_type": "int64",
        "size": size,
        "seed": 7,
        "settings": {},
        "created_at": "2026-01-02T03:04:05Z",
    }
    return SnapshotHeader.model_validate({**fields, **changes})


STRINGS = pa.schema([("key", pa.large_string()), ("value", pa.int64())])


def batch_of(*keys: str | None) -> pa.RecordBatch:
    columns = [pa.array(keys, pa.large_string()), pa.array([7] * len(keys))]
    return pa.record_batch(columns, schema=STRINGS)


def forge(
    path: Path, metadata: dict[str, str], batch: pa.RecordBatch, old: bytes = b"", new: bytes = b""
) -> Path:
    """Write a file with right checksums around wrong content."""
    entries = {**metadata, METADATA_KEY: PLACEHOLDER}
    checksum = b"%08x" % (0 if batch.column(0).null_count else columns_checksum(*batch.columns))
    with pa.ipc.new_file(path, batch.schema.with_metadata(entries)) as writer:
        writer.write_batch(
            batch.replace_schema_metadata(entries), custom_metadata={b"adhash.crc32": checksum}
        )
    content = path.read_bytes()
    if old:
        assert content.count(old) == 1
        content = content.replace(old, new)
        path.write_bytes(content)
    # Not by the writer's own function, which refuses metadata of hostile length.
    digest = hashlib.sha256(content).hexdigest().encode()
    signed = content.replace(PLACEHOLDER.encode(), MARKER + digest)
    path.write_bytes(signed)
    return path


def offsets(*positions: int) -> bytes:
    return np.array(positions, dtype=np.int64).tobytes()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (offsets(0, 3, 8), offsets(0, 3, 1 << 40), "out of bounds"),
        (offsets(0, 3, 8), offsets(0, 1 << 40, 8), "Offset invariant failure"),
        (offsets(0, 3, 8), offsets(0, 8, 3), "Offset invariant failure"),
        (offsets(0, 3, 8), offsets(-8, 3, 8), "egative offset|Offset invariant"),
        (b"abcdefgh", b"ab\xff\xfeefgh", "UTF8"),
    ],
    ids=["beyond", "beyond inside", "backwards", "negative", "not UTF-8"],
)
def test_offsets_and_text_that_make_no_sense_are_damage(
    tmp_path: Path, old: bytes, new: bytes, message: str
) -> None:
    path = tmp_path / "map.arrow"
    forge(path, header_of(2).to_metadata(), batch_of("abc", "defgh"), old, new)
    result = verify_snapshot(path)
    assert found(result)["checksum"] is True
    assert found(result)["batches"] is False
    with pytest.raises(InvariantError, match=message):
        require_intact(result)


def test_a_missing_key_is_damage(tmp_path: Path) -> None:
    path = forge(tmp_path / "map.arrow", header_of(2).to_metadata(), batch_of("a", None))
    assert "holds nulls" in detail(verify_snapshot(path), "batches")


@pytest.mark.parametrize("size", [1, 3])
def test_another_number_of_rows_is_damage(tmp_path: Path, size: int) -> None:
    path = forge(tmp_path / "map.arrow", header_of(size).to_metadata(), batch_of("a", "b"))
    result = verify_snapshot(path)
    assert found(result)["rows"] is False
    assert detail(result, "rows") == f"2 rows, where the header says {size}"


def test_a_key_that_comes_twice_is_damage(tmp_path: Path) -> None:
    path = forge(tmp_path / "map.arrow", header_of(3).to_metadata(), batch_of("a", "b", "a"))
    result = verify_snapshot(path)
    assert found(result)["distinct keys"] is False
    assert found(result)["look-ups"] is None
    assert detail(result, "distinct keys") == "3 rows hold 2 different keys"


def test_other_columns_than_promised_are_damage(tmp_path: Path) -> None:
    batch = pa.record_batch({"key": pa.array([1]), "value": pa.array([2])})
    path = forge(tmp_path / "map.arrow", header_of(1).to_metadata(), batch)
    result = verify_snapshot(path)
    assert found(result)["columns"] is False
    assert found(result)["batches"] is None


@pytest.mark.parametrize(
    ("changes", "name", "ok"),
    [
        ({"settings": {"hysteresis": -1.0}}, "settings", False),
        ({"settings": {"migration_step": "many"}}, "settings", False),
        ({"settings": {"of_a_later_version": 1}}, "settings", None),
        ({"layout": "robinhood"}, "layout", True),
        ({"layout": "adaptive"}, "layout", False),
        ({"layout": "std"}, "layout", False),
        ({"engine": "swiss", "layout": "robinhood"}, "layout", False),
        ({"engine": "of_a_later_version", "layout": "x"}, "layout", None),
    ],
)
def test_layout_and_settings_must_be_plausible(
    tmp_path: Path, changes: dict[str, Any], name: str, ok: bool | None
) -> None:
    path = tmp_path / "map.arrow"
    forge(path, header_of(2, **changes).to_metadata(), batch_of("a", "b"))
    result = verify_snapshot(path)
    assert found(result)[name] is ok
    assert result.status == ("damaged" if ok is False else "intact")
    assert found(result)["look-ups"] is True


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("size", "-1"),
        ("size", "9" * 5_000),
        ("seed", str(2**64)),
        ("key_type", "float64"),
        ("created_at", "yesterday"),
        ("settings", "{"),
        ("settings", "[1]"),
        ("settings", "[" * 50_000),
        ("engine", None),
    ],
)
def test_a_header_that_cannot_be_is_damage(tmp_path: Path, entry: str, text: str | None) -> None:
    metadata = header_of(1).to_metadata()
    metadata.pop(f"adhash.{entry}")
    if text is not None:
        metadata[f"adhash.{entry}"] = text
    result = verify_snapshot(forge(tmp_path / "map.arrow", metadata, batch_of("a")))
    assert found(result)["header"] is False
    assert (result.status, result.engine) == ("damaged", None)


def test_a_whole_file_of_another_version_is_no_damage(tmp_path: Path) -> None:
    metadata = header_of(1).to_metadata() | {"adhash.format": "adhash.snapshot.v2"}
    path = forge(tmp_path / "map.arrow", metadata, batch_of("a"))
    with pytest.raises(SnapshotError, match=r"adhash\.snapshot\.v2"):
        verify_snapshot(path)


# --- what is no snapshot -----------------------------------------------------------------------


def other_arrow(path: Path) -> None:
    table = pa.table({"key": [1, 2], "value": [3, 4]})
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)


def writing(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


@pytest.mark.parametrize(
    "make",
    [
        writing(b""),
        writing(b"A"),
        writing(b"ARROW1"),
        writing(b"ARROW1\0\0" * 10),
        writing(b"op,key,value\n" * 100),
        writing(b"adhash-file-sha256:" + b"0" * 64),
        writing(b"\0" * 5_000),
        other_arrow,
        Path.mkdir,
        os.mkfifo,
    ],
    ids=["empty", "A", "magic", "magics", "trace", "marker", "zeros", "Arrow", "folder", "fifo"],
)
def test_what_is_no_snapshot_is_bad_input(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "other")
    with pytest.raises(SnapshotError, match="not a"):
        verify_snapshot(tmp_path / "other")


def test_a_missing_file_is_an_error_of_storage(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        verify_snapshot(tmp_path / "missing.arrow")


# --- memory ------------------------------------------------------------------------------------

_PEAK = """
import resource, sys
from adhash.analysis.verify_snapshot import verify_snapshot
verify_snapshot(sys.argv[1])  # loads every module
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    result = verify_snapshot(sys.argv[2])
    print({check.name: check.ok for check in result.checks}, file=sys.stderr)
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def memory_growth(small: Path, large: Path) -> int:
    """Return by how many bytes the check of `large` makes a process grow."""
    unit = 1 if sys.platform == "darwin" else 1024
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, str(small), str(large)], capture_output=True, text=True
    )
    return int(done.stdout) * unit


def test_metadata_of_hostile_length_takes_no_more_memory_than_the_file(tmp_path: Path) -> None:
    small = save(tmp_path / "small.arrow")
    metadata = header_of(1).to_metadata() | {"padding": "x" * (40 << 20)}
    large = forge(tmp_path / "large.arrow", metadata, batch_of("a"))
    size = large.stat().st_size
    assert size > 80 << 20
    assert memory_growth(small, large) <= 1.5 * size
    assert "of metadata" in detail(verify_snapshot(large), "header")


def test_a_damaged_length_reserves_no_memory(tmp_path: Path) -> None:
    path = save(tmp_path / "map.arrow", "str", "bytes")
    content = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    positions = [at for at in range(0, len(content) - 8, 8) if content[at : at + 8] != b"\0" * 8]
    assert len(positions) > 50
    for position in positions:
        damaged = bytearray(content)
        damaged[position : position + 8] = (2**62).to_bytes(8, "little")
        path.write_bytes(damaged)
        try:
            assert verify_snapshot(path).status == "damaged"
        except SnapshotError as error:
            assert "not a snapshot" in error.detail  # noqa: PT017 - the magic itself was hit
    assert resource.getrlimit(resource.RLIMIT_AS) == limits


def test_a_change_between_the_checks_is_an_error(tmp_path: Path) -> None:
    size = 1_000
    keys = np.arange(size, dtype=np.int64)
    path = tmp_path / "map.arrow"
    header = header_of(size, key_type="int64", engine="swiss")
    write_snapshot(path, header, [(keys, keys)])
    at = path.read_bytes().index(keys.tobytes()) + 800

    def change(progress: WorkProgress) -> None:
        if progress.unit == "batches":
            with path.open("r+b") as file:
                file.seek(at)
                file.write(b"\x01")

    with pytest.raises(SnapshotError, match="checksum"):
        verify_snapshot(path, progress=change)
