"""Traces read as columns hold what is written, and are refused in the words of a replay."""

from __future__ import annotations

import csv
import io
import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhash.config_models import ReplaySettings
from adhash.errors import AdhashError, InterruptedRunError, PolicyError, TraceError
from adhash.replay import run_csv
from adhash.replay.checked_columns import end_of_rows, open_checked_columns
from adhash.replay.table_types import MisfitError, TableTypes
from adhash.workloads.columns import Column

AUTO = TableTypes(key="auto", value="auto")
_TEXT = st.text(st.sampled_from("ab ,\"\n;\t'é€😀0-\\"), max_size=12)
_ROW = st.one_of(
    st.tuples(st.sampled_from(["put", "PUT", "Put"]), _TEXT.filter(bool), _TEXT),
    st.tuples(st.sampled_from(["get", "GET", "del"]), _TEXT.filter(bool), st.just("")),
)
_QUOTING = st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
_OPS = ("get", "put", "del")


def _strings(column: Column) -> list[str]:
    if not isinstance(column, tuple):
        return [str(number) for number in column.tolist()]
    offsets, data = column[0].tolist(), column[1].tobytes()
    return [data[a:b].decode() for a, b in itertools.pairwise(offsets)]


def _read(path: Path, types: TableTypes = AUTO, **limits: int) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    with open_checked_columns(
        str(path), settings=ReplaySettings(**limits), types=types, is_stopped=lambda: False
    ) as columns:
        for block in columns.blocks():
            ops = [_OPS[code] for code in block.ops.tolist()]
            rows += zip(ops, _strings(block.keys), _strings(block.values), strict=True)
    return rows


@given(
    rows=st.lists(_ROW, min_size=1, max_size=60),
    quoting=_QUOTING,
    ending=st.sampled_from(["\n", "\r\n"]),
    is_ended=st.booleans(),
)
@settings(deadline=None)
def test_columns_are_what_the_csv_module_reads(
    rows: Sequence[tuple[str, str, str]], quoting: int, ending: str, is_ended: bool
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=quoting, lineterminator=ending)  # type: ignore[arg-type]
    writer.writerows([("op", "key", "value"), *rows])
    content = text.getvalue() if is_ended else text.getvalue().removesuffix(ending)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.csv"
        path.write_text(content, encoding="utf-8", newline="")
        read = _read(path, TableTypes(key="str", value="bytes"))
    assert read == [(op.lower(), key, value) for op, key, value in rows]


@given(st.lists(st.lists(_TEXT, min_size=1, max_size=3), max_size=6), _QUOTING, st.data())
@settings(deadline=None)
def test_rows_are_cut_behind_a_whole_row(
    rows: list[list[str]], quoting: int, data: st.DataObject
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=quoting, lineterminator="\n")  # type: ignore[arg-type]
    ends = [0]
    for row in rows:
        writer.writerow(row)
        ends.append(len(text.getvalue().encode()))
    content = text.getvalue().encode()
    cut = data.draw(st.integers(0, len(content)))
    part = content[:cut]
    end = end_of_rows(part, has_quotes=b'"' in part)
    assert end == max(each for each in ends if each <= cut)


def test_rows_that_span_pieces_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    rows = [("put", f'k"{n}\n', f"{n}," * 20) for n in range(120_000)]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("op", "key", "value"), *rows])
    assert path.stat().st_size > 10 << 20
    assert _read(path) == rows


@pytest.mark.parametrize(
    "content",
    [
        "op,key,value\nput,1,2\nfly,1,\n",
        "op,key,value\nput,1,2\nget,1,3\n",
        "op,key,value\nput,1\n",
        "op,key,value\nput,,1\n",
        'op,key,value\nput,"1,2\n',
        "op,key,value\n\nget,1,\n",
        "op,key\nget,1\n",
        "get,1,\n",
        "op,key,value\n",
        "op,key,value",
        "",
        "op,key,value\nget,1,\n" + "x" * (2 << 20),
    ],
)
def test_a_wrong_trace_is_refused_as_a_replay_refuses_it(content: str, tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(AdhashError) as replayed:
        run_csv(path, mode="swiss", environ={}, announce=lambda text: None)
    with pytest.raises(AdhashError) as read:
        _read(path)
    assert read.value.to_dict() == replayed.value.to_dict()
    assert isinstance(read.value, TraceError)
    assert isinstance(replayed.value, TraceError)
    assert (read.value.line, read.value.column) == (replayed.value.line, replayed.value.column)


def test_a_row_that_does_not_fit_asks_for_wider_types(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("op,key,value\n" + "get,1,\n" * 1_000_000 + "get,one,\n", encoding="utf-8")
    with pytest.raises(MisfitError) as misfit:
        _read(path)
    assert misfit.value.wider.key == "str"
    with pytest.raises(TraceError, match="line 1000002"):
        _read(path, TableTypes(key="int64", value="auto"))


def test_limits_are_those_of_a_replay(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("op,key,value\n" + "get,1,\n" * 100, encoding="utf-8")
    assert len(_read(path, csv_max_rows=100)) == 100
    with pytest.raises(PolicyError, match="csv_max_rows = 99"):
        _read(path, csv_max_rows=99)
    with pytest.raises(PolicyError, match="csv_max_bytes = 512"):
        _read(path, csv_max_bytes=512)


def test_reading_stops_when_it_is_asked_to(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("op,key,value\n" + "get,1,\n" * 300_000, encoding="utf-8")
    asked: list[bool] = []
    with open_checked_columns(
        str(path), settings=ReplaySettings(), types=AUTO, is_stopped=lambda: bool(asked)
    ) as columns:
        blocks = columns.blocks()
        assert len(next(blocks)) == 65_536
        asked.append(True)
        with pytest.raises(InterruptedRunError):
            next(blocks)
