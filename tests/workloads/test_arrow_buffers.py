"""Arrow arrays as numpy sees them: any slice, any nulls, and without pandas."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhash.errors import StorageError, TraceError
from adhash.workloads.arrow_buffers import are_valid_where, flags_of, nulls_of, numbers_of
from adhash.workloads.hash_ahead import HashAhead
from adhash.workloads.raw_input import RawInput
from adhash.workloads.sources import open_trace

cells = st.lists(st.integers(0, 9) | st.none(), max_size=40)


@settings(deadline=None)
@given(values=cells, start=st.integers(0, 40), size=st.integers(0, 40))
def test_numbers_and_nulls_of_any_slice(values: list[int | None], start: int, size: int) -> None:
    part = pa.array(values, pa.int16()).slice(min(start, len(values)), size)
    assert nulls_of(part).tolist() == [each is None for each in part.to_pylist()]
    found = numbers_of(part).tolist()
    expected = part.to_pylist()
    assert [a for a, b in zip(found, expected, strict=True) if b is not None] == [
        b for b in expected if b is not None
    ]


@settings(deadline=None)
@given(values=st.lists(st.booleans(), max_size=40), start=st.integers(0, 40))
def test_flags_of_any_slice(values: list[bool], start: int) -> None:
    part = pa.array(values, pa.bool_()).slice(min(start, len(values)))
    assert flags_of(part).tolist() == part.to_pylist()


@settings(deadline=None)
@given(values=cells, start=st.integers(0, 20), flips=st.sets(st.integers(0, 39)))
def test_validity_is_never_said_to_be_as_expected_where_it_is_not(
    values: list[int | None], start: int, flips: set[int]
) -> None:
    part = pa.array(values, pa.int64()).slice(min(start, len(values)))
    expected = np.array([each is not None for each in part.to_pylist()], dtype=bool)
    if part.null_count and part.offset % 8 == 0:
        assert are_valid_where(part, expected)
    for at in flips:
        if at < len(expected):
            expected[at] = not expected[at]
    if (expected != ~nulls_of(part)).any():
        assert not are_valid_where(part, expected)


def test_a_column_of_nulls_is_valid_nowhere() -> None:
    nulls = pa.nulls(3)
    assert nulls_of(nulls).tolist() == [True] * 3
    assert are_valid_where(nulls, np.zeros(3, dtype=bool))
    assert not are_valid_where(nulls, np.ones(3, dtype=bool))


@pytest.mark.parametrize(
    ("op", "value", "words"),
    [("get", 5, "has a value but is no put"), ("put", None, "is a put without a value")],
)
def test_a_value_in_the_wrong_place_is_found_in_any_row(
    op: str, value: int | None, words: str, tmp_path: Path
) -> None:
    ops, values = ["put", "get"] * 50, [1, None] * 50
    ops[77], values[77] = op, value
    table = pa.table({"op": ops, "key": range(100), "value": pa.array(values, pa.int64())})
    with pa.ipc.new_file(tmp_path / "t.arrow", table.schema) as writer:
        writer.write_table(table)
    with (
        open_trace(tmp_path / "t.arrow") as source,
        pytest.raises(TraceError, match=f"row 78 {words}"),
    ):
        list(source.blocks())


def test_reading_columns_does_not_load_pandas(tmp_path: Path) -> None:
    table = pa.table(
        {"op": ["put", "get"], "key": [1, 1], "value": pa.array([5, None], pa.int64())}
    )
    with pa.ipc.new_file(tmp_path / "t.arrow", table.schema) as writer:
        writer.write_table(table)
    (tmp_path / "t.lis").write_bytes(b"1 2 0 0\n")
    program = (
        "import sys; from adhash.replay import run_csv\n"
        "for trace in sys.argv[1:]: assert run_csv(trace).ops.total\n"
        "assert 'pyarrow' in sys.modules and 'pandas' not in sys.modules"
    )
    command = [sys.executable, "-c", program, "t.arrow", "t.lis"]
    subprocess.run(command, cwd=tmp_path, check=True)


def test_a_file_is_hashed_aside_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * 3_000_000)
    raw, again = RawInput(str(path)), RawInput(str(path))
    try:
        hashing = HashAhead(raw)
        assert hashing.sha256() == again.sha256_of_all()
        assert hashing.close()
    finally:
        raw.close()
        again.close()


def test_a_failure_to_hash_is_told_where_the_digest_is_asked_for(tmp_path: Path) -> None:
    class Failing(RawInput):
        def read_into(self, view: memoryview, *, wait_s: float) -> int | None:
            raise StorageError("the disk is gone")

    path = tmp_path / "f"
    path.touch()
    raw = Failing(str(path))
    try:
        with pytest.raises(StorageError, match="the disk is gone"):
            HashAhead(raw).sha256()
    finally:
        raw.close()
