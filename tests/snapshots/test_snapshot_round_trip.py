"""What goes into a snapshot comes out of it, and other programs can read it too."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snapshot_samples import (
    KEY_TYPES,
    VALUE_TYPES,
    bits,
    bytes_column,
    column_of,
    header_of,
    write_sample,
)

from adhash.errors import InvariantError, SnapshotError
from adhash.snapshots import ROWS_PER_BATCH, SnapshotHeader, open_snapshot, write_snapshot


@pytest.mark.parametrize("compress", [None, "lz4", "zstd"])
@pytest.mark.parametrize("value_type", VALUE_TYPES)
@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_every_pair_of_types_comes_back_bit_for_bit(
    tmp_path: Path, key_type: str, value_type: str, compress: str | None
) -> None:
    path = write_sample(tmp_path / "map.arrow", key_type, value_type, compress)
    with open_snapshot(path) as snapshot:
        assert snapshot.header == header_of(key_type, value_type)
        [(keys, values)] = snapshot.batches()
    assert bits(keys) == bits(column_of(key_type))
    assert bits(values) == bits(column_of(value_type))


def test_settings_come_back_with_their_types(tmp_path: Path) -> None:
    with open_snapshot(write_sample(tmp_path / "map.arrow")) as snapshot:
        found = {name: type(value) for name, value in snapshot.header.settings.items()}
    assert found == {"hysteresis": float, "batch": int, "hash": str, "huge_pages": bool}


@given(
    rows=st.lists(st.tuples(st.binary(max_size=12), st.binary(max_size=12)), max_size=40),
    cut=st.integers(0, 40),
)
@settings(max_examples=50, deadline=None)
def test_any_batches_of_bytes_come_back_in_order(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[bytes, bytes]], cut: int
) -> None:
    path = tmp_path_factory.mktemp("rows") / "map.arrow"
    batches = [
        (bytes_column([k for k, _ in part]), bytes_column([v for _, v in part]))
        for part in (rows[:cut], rows[cut:])
    ]
    write_snapshot(path, header_of("bytes", "bytes", len(rows)), batches)
    found = []
    with open_snapshot(path) as snapshot:
        for (key_at, keys), (value_at, values) in snapshot.batches():
            found += [
                (
                    bytes(keys[key_at[i] : key_at[i + 1]]),
                    bytes(values[value_at[i] : value_at[i + 1]]),
                )
                for i in range(len(key_at) - 1)
            ]
    assert found == rows


def test_an_empty_map_is_a_valid_snapshot(tmp_path: Path) -> None:
    write_snapshot(tmp_path / "map.arrow", header_of("str", "float64", 0), [])
    with open_snapshot(tmp_path / "map.arrow") as snapshot:
        assert list(snapshot.batches()) == []


def test_large_batches_are_cut_so_that_a_reader_needs_little_memory(tmp_path: Path) -> None:
    size = 2 * ROWS_PER_BATCH + 7
    keys = np.arange(size, dtype=np.int64)
    texts = bytes_column([b"%d" % key for key in range(size)])
    write_snapshot(tmp_path / "map.arrow", header_of("int64", "bytes", size), [(keys, texts)])
    with open_snapshot(tmp_path / "map.arrow") as snapshot:
        batches = list(snapshot.batches())
    assert [len(keys) for keys, _ in batches] == [ROWS_PER_BATCH, ROWS_PER_BATCH, 7]
    assert np.array_equal(np.concatenate([keys for keys, _ in batches]), keys)
    assert b"".join(bytes(data) for _, (_, data) in batches) == bytes(texts[1])


def test_batches_stay_valid_after_the_snapshot_is_closed(tmp_path: Path) -> None:
    snapshot = open_snapshot(write_sample(tmp_path / "map.arrow"))
    [(keys, _)] = snapshot.batches()
    snapshot.close()
    assert bits(keys) == bits(column_of("int64"))


def test_a_snapshot_replaced_while_open_is_still_read_as_it_was(tmp_path: Path) -> None:
    with open_snapshot(write_sample(tmp_path / "map.arrow")) as snapshot:
        write_snapshot(tmp_path / "map.arrow", header_of("int64", "int64", 0), [])
        [(keys, _)] = snapshot.batches()
    assert bits(keys) == bits(column_of("int64"))


@pytest.mark.parametrize("size", [3, 5])
def test_a_size_other_than_the_rows_written_is_refused(tmp_path: Path, size: int) -> None:
    batch = (column_of("int64"), column_of("int64"))
    with pytest.raises(InvariantError, match=f"4 entries were written.*{size}"):
        write_snapshot(tmp_path / "map.arrow", header_of("int64", "int64", size), [batch])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (np.zeros(4, dtype=np.int32), "4 int32"),
        (np.zeros(4, dtype=np.uint64), "4 uint64"),
        (bytes_column([b"a"] * 4), "5 int64 and 4 uint8"),
        (np.zeros(3, dtype=np.int64), "3 keys and 4 values"),
    ],
)
def test_columns_that_do_not_fit_the_header_are_refused(
    tmp_path: Path, keys: object, message: str
) -> None:
    with pytest.raises(SnapshotError, match=message):
        write_snapshot(
            tmp_path / "map.arrow", header_of("int64", "int64"), [(keys, column_of("int64"))]
        )
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_compression_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="'lz4', 'zstd' or None; got 'gzip'"):
        write_sample(tmp_path / "map.arrow", compress="gzip")


def test_the_header_is_readable_without_adhash(tmp_path: Path) -> None:
    path = write_sample(tmp_path / "map.arrow", "str", "int64")
    with pa.ipc.open_file(path) as reader:
        metadata = reader.schema.metadata
    assert metadata[b"adhash.format"] == b"adhash.snapshot.v1"
    assert metadata[b"adhash.size"] == b"4"
    assert json.loads(metadata[b"adhash.settings"])["batch"] == 32
    assert set(json.loads(metadata[b"adhash.versions"])) == {"adhash", "numpy", "pyarrow", "python"}


@pytest.mark.parametrize("compress", [None, "lz4", "zstd"])
def test_pandas_reads_a_snapshot(tmp_path: Path, compress: str | None) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_feather(write_sample(tmp_path / "map.arrow", "str", "int64", compress))
    assert frame["key"].tolist() == ["", "a\0b", "ключ", "\U0001f511" * 5]
    assert frame["value"].tolist() == [-(2**63), -1, 0, 2**63 - 1]


def test_polars_reads_a_snapshot(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.read_ipc(write_sample(tmp_path / "map.arrow", "uint64", "bytes"))
    assert frame["key"].to_list() == [0, 1, 2**63, 2**64 - 1]
    assert frame["value"].to_list() == [b"", b"\0\0", b"\xff\xfe", b"x" * 40]


def test_duckdb_queries_a_snapshot(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    with pa.ipc.open_file(write_sample(tmp_path / "map.arrow", "str", "int64")) as reader:
        table = reader.read_all()
    connection = duckdb.connect()
    connection.register("snapshot", table)
    assert connection.sql("select max(value), count(key) from snapshot").fetchall() == [
        (2**63 - 1, 4)
    ]
    connection.close()


@pytest.mark.parametrize(
    ("field", "value"),
    [("size", -1), ("seed", 2**64), ("key_type", "float64"), ("created_at", "2026-01-01T00:00:00")],
)
def test_a_header_out_of_range_is_refused(field: str, value: object) -> None:
    entries = header_of("int64", "int64").to_metadata() | {f"adhash.{field}": str(value)}
    with pytest.raises(SnapshotError, match=field):
        SnapshotHeader.from_metadata({k.encode(): v.encode() for k, v in entries.items()})


def test_a_later_format_is_refused_with_its_name() -> None:
    with pytest.raises(SnapshotError, match=r"adhash\.snapshot\.v2"):
        SnapshotHeader.from_metadata({b"adhash.format": b"adhash.snapshot.v2"})
