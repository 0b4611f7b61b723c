"""Generated traces have the character that was asked for, and the same bytes for the same seed."""

from __future__ import annotations

import collections
import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhash.errors import BadInputError, PolicyError, StorageError
from adhash.workloads.batch_output import write_trace
from adhash.workloads.csv_source import CsvSource
from adhash.workloads.generators import TraceSpec, generate, operations, trace_schema
from adhash.workloads.key_spaces import BitMixer
from adhash.workloads.seeded import SeededStream
from adhash.workloads.sources import open_trace
from adhash.workloads.trace_output import output_format

Row = tuple[str, object, object]


def rows_of(spec: TraceSpec) -> list[Row]:
    table = pa.Table.from_batches(generate(spec), trace_schema(spec))
    assert table.num_rows == spec.rows
    columns = [table.column(name).to_pylist() for name in ("op", "key", "value")]
    return list(zip(*columns, strict=True))


def written(spec: TraceSpec, path: Path) -> bytes:
    assert write_trace(generate(spec), trace_schema(spec), path, force=True) == spec.rows
    return path.read_bytes()


# ---- operations ----------------------------------------------------------------------------------


def test_the_shares_of_the_operations_are_those_asked_for() -> None:
    counts = collections.Counter(op for op, _, _ in rows_of(TraceSpec(rows=100_000, keys=1000)))
    assert counts["get"] == pytest.approx(75_000, rel=0.02)
    assert counts["put"] == pytest.approx(20_000, rel=0.03)
    assert counts["del"] == pytest.approx(5_000, rel=0.06)


SPECS = st.builds(
    TraceSpec,
    rows=st.integers(1, 3000),
    keys=st.integers(1, 500),
    distribution=st.sampled_from(["uniform", "zipf", "sequential"]),
    exponent=st.floats(0, 3),
    get=st.integers(0, 3),
    put=st.integers(1, 3),
    delete=st.integers(0, 3),
    key_type=st.sampled_from(["int64", "uint64", "str"]),
    value_length=st.sampled_from([0, 1, 13]),
    dense=st.booleans(),
    seed=st.integers(0, 2**64 - 1),
)


@settings(max_examples=100, deadline=None)
@given(spec=SPECS)
def test_every_trace_is_well_formed(spec: TraceSpec) -> None:
    was_put: set[object] = set()
    for op, key, value in rows_of(spec):
        assert op in ("get", "put", "del")
        assert key != ""
        assert (value is not None) == (op == "put")
        if op == "put":
            was_put.add(key)
            assert not spec.value_length or len(str(value)) == spec.value_length
        if op == "del":
            assert key in was_put
    assert len(was_put) <= spec.keys


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 999))
def test_a_queue_deletes_each_key_once_and_the_oldest_first(seed: int) -> None:
    spec = TraceSpec(
        rows=2000, keys=1 << 40, distribution="sequential", get=1, put=3, delete=3, dense=True,
        seed=seed,
    )  # fmt: skip
    queue: collections.deque[object] = collections.deque()
    for op, key, _ in rows_of(spec):
        if op == "put":
            queue.append(key)
        elif op == "del":
            assert queue.popleft() == key
        elif queue:
            assert key in queue


def test_a_queue_goes_on_across_batches() -> None:
    spec = TraceSpec(
        rows=200_000, keys=1 << 40, distribution="sequential", get=0, put=1, delete=1, dense=True
    )
    live = puts = deletes = 0
    for op, key, _ in rows_of(spec):
        if op == "put":
            assert key == puts
            puts += 1
        elif op == "del":
            assert key == deletes
            deletes += 1
        live = puts - deletes
        assert live >= 0


@pytest.mark.parametrize("distribution", ["uniform", "zipf", "sequential"])
def test_a_preload_puts_every_key_once_and_first(distribution: str) -> None:
    keys = 70_000  # more than a batch
    spec = TraceSpec(rows=80_000, keys=keys, distribution=distribution, preload=keys)
    first = rows_of(spec)[:keys]
    assert {op for op, _, _ in first} == {"put"}
    assert len({key for _, key, _ in first}) == keys


def test_deletes_without_any_put_take_keys_of_the_distribution() -> None:
    spec = TraceSpec(rows=1000, keys=10, get=0, put=0, delete=1, dense=True)
    assert {op for op, _, _ in rows_of(spec)} == {"del"}
    assert len({key for _, key, _ in rows_of(spec)}) == 10


def test_zipf_makes_few_keys_hot() -> None:
    spec = TraceSpec(rows=50_000, keys=10_000, distribution="zipf", exponent=1.2, dense=True)
    counts = collections.Counter(key for op, key, _ in rows_of(spec) if op == "get")
    assert counts.most_common(1)[0][0] == 0


# ---- keys ----------------------------------------------------------------------------------------


def test_scattered_hot_keys_are_no_small_integers() -> None:
    spec = TraceSpec(rows=50_000, keys=10_000, distribution="zipf", exponent=1.2)
    counts = collections.Counter(key for _, key, _ in rows_of(spec))
    hottest = [int(str(key)) for key, _ in counts.most_common(20)]
    assert min(hottest) > 1 << 40
    assert min(np.diff(sorted(hottest))) > 1 << 30


@given(bits=st.integers(1, 12), seed=st.integers(0, 2**64 - 1))
def test_mixing_is_a_bijection(bits: int, seed: int) -> None:
    words = np.arange(1 << bits, dtype=np.uint64)
    mixed = BitMixer(bits, SeededStream(seed, 0)).mix(words)
    assert sorted(mixed.tolist()) == words.tolist()


def test_mixing_64_bits_keeps_distinct_words_distinct() -> None:
    words = np.arange(1_000_000, dtype=np.uint64)
    mixed = BitMixer(64, SeededStream(1, 0)).mix(words)
    assert len(np.unique(mixed)) == len(words)
    assert 0.49 < (mixed >> np.uint64(63)).mean() < 0.51


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("length", [4, 11, 12, 13, 24, 40])
def test_string_keys_are_distinct_and_of_the_length_asked_for(length: int, dense: bool) -> None:
    spec = TraceSpec(
        rows=1000, keys=1000, preload=1000, key_type="str", key_length=length, dense=dense
    )
    keys = {str(key) for _, key, _ in rows_of(spec)}
    assert len(keys) == 1000
    assert {len(key) for key in keys} == {length}


def test_integer_keys_lie_below_the_bits_asked_for() -> None:
    spec = TraceSpec(rows=1024, keys=1024, preload=1024, key_bits=10)
    assert sorted(int(str(key)) for _, key, _ in rows_of(spec)) == list(range(1024))


def test_uint64_keys_use_all_64_bits() -> None:
    keys = [int(str(key)) for _, key, _ in rows_of(TraceSpec(rows=1000, key_type="uint64"))]
    assert max(keys) > 1 << 63


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": 0},
        {"keys": 0},
        {"keys": 1 << 60},
        {"exponent": -0.1},
        {"exponent": float("nan")},
        {"get": 0, "put": 0, "delete": 0},
        {"get": -1},
        {"seed": -1},
        {"distribution": "pareto"},
        {"key_type": "float"},
        {"key_bits": 64},
        {"key_bits": 9, "keys": 513},
        {"key_type": "str", "key_length": 0},
        {"key_type": "str", "key_length": 1, "keys": 33},
        {"key_type": "str", "key_length": 4, "keys": 1001, "dense": True},
        {"preload": 11, "keys": 10},
    ],
)
def test_a_number_out_of_range_is_refused_with_its_value(wrong: dict[str, object]) -> None:
    with pytest.raises(BadInputError):
        TraceSpec(**{"rows": 10, **wrong})  # type: ignore[arg-type]


# ---- files ---------------------------------------------------------------------------------------

SUFFIXES = [".csv", ".csv.gz", ".csv.zst", ".csv.xz", ".parquet", ".arrow", ".arrows"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    spec = TraceSpec(rows=70_000, keys=100, seed=3)
    path = tmp_path / f"trace{suffix}"
    first = written(spec, path)
    assert written(spec, path) == first
    assert written(TraceSpec(rows=70_000, keys=100, seed=4), path) != first


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("value_length", [0, 5])
def test_every_format_carries_the_same_operations(
    tmp_path: Path, suffix: str, value_length: int
) -> None:
    spec = TraceSpec(rows=70_000, keys=100, key_type="str", value_length=value_length)
    path = tmp_path / f"trace{suffix}"
    written(spec, path)
    with open_trace(path) as source:
        if isinstance(source, CsvSource):
            lines = b"".join(bytes(block) for block in source.blocks()).decode().splitlines()
            assert lines[0] == "op,key,value"
            expected = [
                (op, str(key), "" if value is None else str(value))
                for op, key, value in rows_of(spec)
            ]
            assert [tuple(row) for row in csv.reader(lines[1:])] == expected
        else:
            ops = np.concatenate([block.ops for block in source.blocks()])
            assert ops.tolist() == np.concatenate([o.ops for o in operations(spec)]).tolist()


def test_parquet_row_groups_are_large(tmp_path: Path) -> None:
    path = tmp_path / "trace.parquet"
    written(TraceSpec(rows=300_000, keys=100), path)
    assert pq.ParquetFile(path).num_row_groups == 1


def test_a_known_trace_stays_as_it_is() -> None:
    spec = TraceSpec(rows=6, keys=5, distribution="zipf", key_bits=16, get=1, put=1, delete=1)
    assert rows_of(spec) == KNOWN_ROWS


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("-", ("csv", "")),
        ("a.csv", ("csv", "")),
        ("a.CSV.GZ", ("csv", "gzip")),
        ("dir.x/a.csv.xz", ("csv", "xz")),
        ("a.feather", ("arrow-file", "")),
    ],
)
def test_the_suffix_chooses_the_format(path: str, expected: tuple[str, str]) -> None:
    assert output_format(path) == expected


@pytest.mark.parametrize("path", ["trace", "trace.txt", "trace.gz", "trace.parquet.gz", "csv"])
def test_a_suffix_without_a_format_is_refused(path: str) -> None:
    with pytest.raises(BadInputError, match="no trace format"):
        output_format(path)


def test_an_existing_file_is_kept_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("precious")
    spec = TraceSpec(rows=10)
    with pytest.raises(PolicyError, match="exists"):
        write_trace(generate(spec), trace_schema(spec), path)
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_failure_leaves_no_file(tmp_path: Path, suffix: str) -> None:
    spec = TraceSpec(rows=200_000)

    def failing(rows: int) -> None:
        if rows > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_trace(generate(spec), trace_schema(spec), tmp_path / f"t{suffix}", on_rows=failing)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_directory_is_a_storage_error(tmp_path: Path) -> None:
    spec = TraceSpec(rows=10)
    with pytest.raises(StorageError, match="No such file"):
        write_trace(generate(spec), trace_schema(spec), tmp_path / "none" / "t.csv")
    (tmp_path / "dir.csv").mkdir()
    with pytest.raises(StorageError, match="it is a directory"):
        write_trace(generate(spec), trace_schema(spec), tmp_path / "dir.csv", force=True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("suffix", ["", ".gz", ".zst", ".xz"])
def test_a_full_disk_is_a_storage_error(tmp_path: Path, suffix: str) -> None:
    spec = TraceSpec(rows=100_000)
    link = tmp_path / f"t.csv{suffix}"
    link.symlink_to("/dev/full")
    with pytest.raises(StorageError, match="No space left"):
        write_trace(generate(spec), trace_schema(spec), link, force=True)
    assert Path("/dev/full").is_char_device()


KNOWN_ROWS: list[Row] = [
    ("put", 64767, 448415),
    ("del", 64767, None),
    ("get", 5611, None),
    ("del", 64767, None),
    ("get", 46383, None),
    ("put", 5611, 49749),
]
