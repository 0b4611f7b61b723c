"""The first operations of a trace: so many and no more, whatever the format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adhash.cancellation import CancelToken
from adhash.errors import InterruptedRunError, TraceError
from adhash.maps import Map
from adhash.progress import WorkProgress, ignore_work
from adhash.replay.first_operations import replay_first
from adhash.workloads.importing import Importing

HEADER = "op,key,value\n"
ROWS = "put,1,10\nput,2,20\ndel,1,\nget,2,\nput,3,30\n"


def first(path: Path, rows: int, **changes: Any) -> Map[Any, Any]:
    options = {
        "engine": "swiss",
        "key_type": "auto",
        "importing": Importing(),
        "seed": 0,
        "cancel": CancelToken(),
        "progress": ignore_work,
    }
    return replay_first(str(path), rows=rows, **{**options, **changes})


def csv_of(path: Path, rows: str) -> Path:
    trace = path / "trace.csv"
    trace.write_text(HEADER + rows, "utf-8")
    return trace


@pytest.mark.parametrize(
    ("rows", "held"),
    [
        (0, {}),
        (1, {1: 10}),
        (2, {1: 10, 2: 20}),
        (3, {2: 20}),
        (4, {2: 20}),
        (5, {2: 20, 3: 30}),
        (99, {2: 20, 3: 30}),
    ],
)
@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_so_many_operations_are_carried_out(
    tmp_path: Path, format_: str, rows: int, held: dict[int, int]
) -> None:
    trace = csv_of(tmp_path, ROWS)
    if format_ == "parquet":
        trace = tmp_path / "trace.parquet"
        table = pa.table(
            {
                "op": ["put", "put", "del", "get", "put"],
                "key": [1, 2, 1, 2, 3],
                "value": [10, 20, None, None, 30],
            }
        )
        pq.write_table(table, trace)
    assert dict(first(trace, rows)) == held


def test_columns_of_text_are_cut_as_well(tmp_path: Path) -> None:
    trace = tmp_path / "trace.parquet"
    table = pa.table({"op": ["put"] * 3, "key": ["a", "b", "c"], "value": ["x", "y", "z"]})
    pq.write_table(table, trace)
    assert dict(first(trace, 2)) == {"a": b"x", "b": b"y"}


def test_what_follows_is_not_read(tmp_path: Path) -> None:
    trace = csv_of(tmp_path, ROWS + "frob,4,40\n")
    assert len(first(trace, 5)) == 2
    with pytest.raises(TraceError, match=r"line 7.*frob"):
        first(trace, 6)


def test_a_later_row_widens_the_types(tmp_path: Path) -> None:
    numbers = "".join(f"put,{number},1\n" for number in range(200_000))
    trace = csv_of(tmp_path, f"{numbers}put,word,1\n")
    assert first(trace, 200_000).key_type == "int64"
    widened = first(trace, 200_001)
    assert widened.key_type == "str"
    assert len(widened) == 200_001


def test_progress_is_told_in_operations(tmp_path: Path) -> None:
    told: list[WorkProgress] = []
    first(csv_of(tmp_path, ROWS), 4, progress=told.append)
    assert (told[-1].done, told[-1].total, told[-1].unit) == (4, 4, "operations")


def test_a_cancelled_beginning_ends(tmp_path: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(InterruptedRunError):
        first(csv_of(tmp_path, ROWS), 4, cancel=token)


def test_a_beginning_can_be_cancelled_on_its_way(tmp_path: Path) -> None:
    token = CancelToken()
    trace = csv_of(tmp_path, "".join(f"put,{number},1\n" for number in range(300_000)))
    with pytest.raises(InterruptedRunError, match=r"interrupted after [1-9]"):
        first(trace, 300_000, cancel=token, progress=lambda _: token.cancel())


def test_a_trace_without_rows_is_refused_unless_none_are_wanted(tmp_path: Path) -> None:
    trace = csv_of(tmp_path, "")
    assert len(first(trace, 0)) == 0
    with pytest.raises(TraceError, match="no rows"):
        first(trace, 1)
