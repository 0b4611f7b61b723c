"""Fill policies against a set that is kept access by access; values against their definition."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhash.errors import BadInputError, PolicyError, TraceError
from adhash.workloads.columns import ColumnBlock
from adhash.workloads.formats.events import DELETE, LOOKUP, READ, WRITE, Events
from adhash.workloads.formats.fill import FirstReads, ReadThrough, unfilled
from adhash.workloads.formats.values import filler
from adhash.workloads.importing import Importing
from adhash.workloads.sources import open_trace

Access = tuple[int, int]
GET, PUT, DEL = 0, 1, 2


def events_of(accesses: Sequence[Access], *, as_text: bool) -> Events:
    keys = np.array([key for _, key in accesses], dtype=np.int64)
    column = pa.array([str(key).encode() for key in keys], pa.large_binary()) if as_text else keys
    kinds = np.array([kind for kind, _ in accesses], dtype=np.uint8)
    return Events.of(kinds, column, np.arange(len(accesses)) + 1)


def read_through(accesses: Iterable[Access]) -> list[Access]:
    live: set[int] = set()
    out = []
    for kind, key in accesses:
        out.append(({READ: GET, LOOKUP: GET, WRITE: PUT, DELETE: DEL}[kind], key))
        if kind == READ and key not in live:
            out.append((PUT, key))
        if kind in (READ, WRITE):
            live.add(key)
        if kind == DELETE:
            live.discard(key)
    return out


def preloaded(accesses: Iterable[Access]) -> list[int]:
    seen: set[int] = set()
    keys = []
    for kind, key in accesses:
        if kind == READ and key not in seen:
            keys.append(key)
        if kind in (READ, WRITE):
            seen.add(key)
    return keys


blocks_of_accesses = st.lists(
    st.lists(st.tuples(st.sampled_from([READ, LOOKUP, WRITE, DELETE]), st.integers(-3, 6))),
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(blocks=blocks_of_accesses, as_text=st.booleans())
def test_a_read_through_puts_what_is_not_live(blocks: list[list[Access]], as_text: bool) -> None:
    policy = ReadThrough()
    found: list[Access] = []
    for block in filter(None, blocks):
        filled = policy.fill(events_of(block, as_text=as_text))
        found += zip(filled.ops.tolist(), map(int, filled.keys.tolist()), strict=True)
    assert found == read_through(access for block in blocks for access in block)


@settings(max_examples=100, deadline=None)
@given(blocks=blocks_of_accesses, as_text=st.booleans())
def test_a_preload_puts_what_is_read_first(blocks: list[list[Access]], as_text: bool) -> None:
    policy = FirstReads()
    for block in filter(None, blocks):
        policy.add(events_of(block, as_text=as_text))
    keys = [int(key) for writes in policy.writes() for key in writes.keys.tolist()]
    assert keys == preloaded(access for block in blocks for access in block)


def test_a_fill_puts_the_size_of_the_read_it_follows() -> None:
    filled = ReadThrough().fill(events_of([(LOOKUP, 1), (READ, 1), (READ, 1)], as_text=False))
    assert filled.ops.tolist() == [GET, GET, PUT, GET]
    assert filled.sizes.tolist() == [1, 2, 2, 3]


def test_no_fill_leaves_one_operation_an_access() -> None:
    kinds = [(READ, 1), (LOOKUP, 2), (WRITE, 3), (DELETE, 4)]
    assert unfilled(events_of(kinds, as_text=False)).ops.tolist() == [GET, GET, PUT, DEL]


def splitmix_digits(row: int) -> str:
    word = row * 0x9E3779B97F4A7C15 % 2**64
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    word = (word ^ word >> 27) * 0x94D049BB133111EB % 2**64
    return f"{word ^ word >> 31:016x}"


@given(
    rows=st.lists(st.integers(1, 2**50), min_size=1, max_size=5),
    cap=st.integers(1, 100),
    data=st.data(),
)
def test_values_repeat_the_digits_of_their_row(
    rows: list[int], cap: int, data: st.DataObject
) -> None:
    sizes = data.draw(st.lists(st.integers(0, 2**62), min_size=len(rows), max_size=len(rows)))
    lengths, content = filler(np.array(rows), np.array(sizes), cap=cap)
    expected = [
        (splitmix_digits(row) * 7)[: max(1, min(size, cap))]
        for row, size in zip(rows, sizes, strict=True)
    ]
    assert lengths.tolist() == [len(value) for value in expected]
    assert content.tobytes().decode() == "".join(expected)


# --- a file, opened ------------------------------------------------------------------------------


def written(folder: Path, content: bytes, name: str = "trace") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def rows_of(blocks: Iterable[ColumnBlock]) -> list[tuple[int, object, object]]:
    rows: list[tuple[int, object, object]] = []
    for block in blocks:
        keys, values = (
            column.tolist()
            if isinstance(column, np.ndarray)
            else [column[1][a:b].tobytes().decode() for a, b in zip(column[0], column[0][1:])]  # noqa: B905
            for column in (block.keys, block.values)
        )
        rows += zip(block.ops.tolist(), keys, values, strict=True)
    return rows


def test_a_trace_is_filled_and_its_values_are_as_long_as_recorded(tmp_path: Path) -> None:
    path = written(tmp_path, b"1 1 0 0\n1 1 0 1\n")
    with open_trace(path, importing=Importing(value_cap=20)) as source:
        assert source.format == "imported"
        assert source.key_type == "int64"
        rows = rows_of(source.blocks())
    value = (splitmix_digits(2) * 2)[:20]
    assert rows == [(GET, 1, ""), (PUT, 1, value), (GET, 1, "")]


def test_sizes_are_the_values_where_integers_are_asked_for(tmp_path: Path) -> None:
    with open_trace(written(tmp_path, b"1 2 0 0\n")) as source:
        assert source.format == "imported"
        rows = rows_of(source.blocks(key_type="str", value_type="int64"))
    assert rows == [(GET, "1", 0), (PUT, "1", 512), (GET, "2", 0), (PUT, "2", 512)]


def test_a_preload_comes_first_and_reads_the_file_twice(tmp_path: Path) -> None:
    path = written(tmp_path, b"m 5 8\nr 5 9\n")
    arc = written(tmp_path, b"3 2 0 0\n3 1 0 0\n", "arc")
    for trace, expected in ((path, [(PUT, 5), (GET, 5), (PUT, 5)]), (arc, None)):
        with open_trace(trace, importing=Importing(fill="preload")) as source:
            assert source.format == "imported"
            found = [(op, key) for op, key, _ in rows_of(source.blocks())]
            assert source.sha256() is not None
        assert found == (expected or [(PUT, 3), (PUT, 4), (GET, 3), (GET, 4), (GET, 3)])


def test_long_values_come_in_bounded_blocks(tmp_path: Path) -> None:
    path = written(tmp_path, b"".join(b"m %x 9999999\n" % at for at in range(1, 100)))
    with open_trace(path, importing=Importing(value_cap=1 << 20)) as source:
        assert source.format == "imported"
        blocks = list(source.blocks())
    assert sum(map(len, blocks)) == 99
    assert max(len(block) for block in blocks) == 32
    assert all(int(block.values[0][-1]) <= 32 << 20 for block in blocks)


@pytest.mark.parametrize(
    ("content", "asked", "keys"),
    [
        (b"time,id\n1,7\n2,12\n", "auto", [7, 12]),
        (b"time,id\n1,7\n2,07\n", "auto", ["7", "07"]),
        (b"time,id\n1,7\n2,x\n", "bytes", ["7", "x"]),
        (b"time,id\n1,7\n", "str", ["7"]),
        (b"time,id\n1,18446744073709551615\n", "auto", ["18446744073709551615"]),
    ],
)
def test_keys_are_integers_where_all_of_the_first_are(
    content: bytes, asked: str, keys: list[object], tmp_path: Path
) -> None:
    importing = Importing(fill="none")
    with open_trace(written(tmp_path, content), importing=importing) as source:
        assert source.format == "imported"
        found = [key for _, key, _ in rows_of(source.blocks(key_type=asked))]  # type: ignore[arg-type]
    assert found == keys


@pytest.mark.parametrize(
    ("content", "named", "asked", "hint"),
    [
        (b"7\nx1\n", "lines", "int64", "--key-type str"),
        (b"\xff" * 8, "u64be", "int64", "--key-type uint64"),
        (b"-1\n", "lirs", "uint64", "--key-type int64"),
    ],
)
def test_keys_that_do_not_fit_the_type_asked_for_are_refused(
    content: bytes, named: str, asked: str, hint: str, tmp_path: Path
) -> None:
    path = written(tmp_path, content)
    with (
        open_trace(path, importing=Importing(format=named)) as source,
        pytest.raises(TraceError) as caught,
    ):
        list(source.blocks(key_type=asked))  # type: ignore[call-arg]
    assert hint in caught.value.hint


def test_a_named_format_is_read_whatever_its_bytes_look_like(tmp_path: Path) -> None:
    content = struct.pack("<II", 0x04034B50, 1)  # as a zip archive begins
    with open_trace(written(tmp_path, content), importing=Importing(format="u32le")) as source:
        assert source.format == "imported"
        assert len(rows_of(source.blocks())) == 4


def test_a_trace_that_is_not_of_the_native_format_named_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, b"op,key,value\nget,1,\n")
    with pytest.raises(TraceError, match="looks like csv"):
        open_trace(path, importing=Importing(format="parquet"))


def test_a_trace_without_accesses_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, b"***\n")
    with (
        open_trace(path, importing=Importing(format="lirs")) as source,
        pytest.raises(TraceError, match="no accesses of the format lirs"),
    ):
        list(source.blocks())


def test_the_limit_on_bytes_holds_for_foreign_traces(tmp_path: Path) -> None:
    path = written(tmp_path, b"1 1 0 0\n" * 1000)
    with (
        open_trace(path, max_bytes=4_000) as source,
        pytest.raises(PolicyError, match="4000 bytes"),
    ):
        list(source.blocks())


def test_a_preload_of_a_pipe_is_refused(tmp_path: Path) -> None:
    content = written(tmp_path, b"1 1 0 0\n")
    with content.open("rb") as file:
        source = open_trace("-", importing=Importing(fill="preload"), stdin_fd=file.fileno())
        with source, pytest.raises(BadInputError, match="reads the trace twice"):
            list(source.blocks())
