"""Samples of traces: of all of a short one, of places across a long one, whatever its form."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard
from profile_traces import Row, as_csv, drawing, read_through, write_csv
from pyarrow import parquet

from adhash.analysis.profile.sample import Sample, piece_weights
from adhash.analysis.profile.sampling import draw_sample
from adhash.errors import (
    BadInputError,
    InterruptedRunError,
    PolicyError,
    StorageError,
    TraceError,
)
from adhash.progress import WorkProgress

ROWS = 60_000


@pytest.fixture(scope="module")
def trace() -> list[Row]:
    return read_through(ROWS, 5_000)


def table_of(trace: Sequence[Row]) -> pa.Table:
    ops, keys, values = zip(*trace, strict=True)
    numbers = [int(value) if value else None for value in values]
    return pa.table({"op": list(ops), "key": list(keys), "value": numbers})


def represented(sample: Sample) -> float:
    """Return how many rows the pieces stand for."""
    return sum(w * len(p) for w, p in zip(sample.weights, sample.pieces, strict=True))


def found_in(sample: Sample, trace: Sequence[Row]) -> list[int]:
    """Return where in the trace the pieces begin; each must be a stretch of it."""
    rows = [(op, key) for op, key, _ in trace]
    places = []
    for piece in sample.pieces:
        names = [("get", "put", "del")[op] for op in piece.ops.tolist()]
        own = list(zip(names, piece.keys.to_pylist(), strict=True))
        place = next(
            at for at in range(len(rows)) if rows[at] == own[0] and rows[at : at + len(own)] == own
        )
        places.append(place)
    return places


def test_a_short_trace_is_taken_whole(tmp_path: Path, trace: list[Row]) -> None:
    path = write_csv(tmp_path / "t.csv", trace[:900])

    sample = draw_sample(str(path), drawing())

    assert sample.is_whole
    assert (sample.rows, sample.total_rows, sample.weights) == (900, 900, [1.0])
    assert sample.sha256 is not None


def test_a_long_csv_is_sampled_across_its_length(tmp_path: Path, trace: list[Row]) -> None:
    path = write_csv(tmp_path / "t.csv", trace)

    sample = draw_sample(str(path), drawing(most_rows=5_000, most_pieces=20))

    places = found_in(sample, trace)
    assert len(places) == 20
    assert places[0] == 0
    assert ROWS - 1_000 < places[-1] <= ROWS
    assert places == sorted(places)
    assert 4_000 < sample.rows <= 5_000
    assert sample.total_rows == pytest.approx(ROWS, rel=0.02)
    assert represented(sample) == pytest.approx(ROWS, rel=0.02)
    assert not sample.is_exact
    assert sample.sha256 is None


@pytest.mark.parametrize("form", ["parquet", "arrow", "stream"])
def test_columns_are_sampled_by_exact_rows(tmp_path: Path, trace: list[Row], form: str) -> None:
    table, path = table_of(trace), tmp_path / f"t.{form}"
    if form == "parquet":
        parquet.write_table(table, path)
    else:
        new = pa.ipc.new_file if form == "arrow" else pa.ipc.new_stream
        with new(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=7_000)

    sample = draw_sample(str(path), drawing(most_rows=5_000, most_pieces=20))

    places = found_in(sample, trace)
    assert (places[0], places[-1], len(places)) == (0, ROWS - 250, 20)
    assert (sample.rows, sample.total_rows, sample.is_exact) == (5_000, ROWS, True)
    assert represented(sample) == pytest.approx(ROWS)


def test_compressed_csv_is_unpacked_and_sampled(tmp_path: Path, trace: list[Row]) -> None:
    path = tmp_path / "t.csv.zst"
    path.write_bytes(zstandard.compress(as_csv(trace).encode()))
    told: list[WorkProgress] = []

    sample = draw_sample(str(path), drawing(most_rows=2_000, progress=told.append))

    assert len(found_in(sample, trace)) == 10
    assert sample.sha256 is not None
    assert sample.total_bytes == len(as_csv(trace))
    assert {"unpacking the trace", "sampling the trace"} <= {each.note for each in told}


def test_a_pipe_is_spooled(tmp_path: Path, trace: list[Row]) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_text(as_csv(trace)))
    writer.start()

    sample = draw_sample(str(path), drawing())
    writer.join()

    assert found_in(sample, trace)[0] == 0
    assert sample.total_rows == pytest.approx(ROWS, rel=0.02)


def test_fields_with_line_feeds_do_not_mislead(tmp_path: Path) -> None:
    lines = [f'put,{n},"a\nget,{n},\nb ""{n}"" c\n"\n' for n in range(9_000)]
    path = tmp_path / "t.csv"
    path.write_text("op,key,value\n" + "".join(lines), encoding="utf-8")

    sample = draw_sample(str(path), drawing(most_rows=900, most_pieces=30))

    assert {op for piece in sample.pieces for op in piece.ops.tolist()} == {1}
    assert sample.total_rows == pytest.approx(9_000, rel=0.02)


def test_other_spellings_of_csv_are_sampled(tmp_path: Path) -> None:
    lines = [f'PUT,"{n}",{n}\r\n' if n % 2 else f"Get,{n},\r\n" for n in range(20_000)]
    path = tmp_path / "t.csv"
    path.write_bytes(("\ufeffOp,Key,Value\r\n" + "".join(lines)).encode())

    sample = draw_sample(str(path), drawing())

    assert (sample.types.key, sample.types.value) == ("int64", "int64")
    assert sample.total_rows == pytest.approx(20_000, rel=0.02)


def test_types_are_widened_by_what_comes_later(tmp_path: Path) -> None:
    rows = [("put", n, "1") for n in range(30_000)] + [("put", f"k{n}", "x") for n in range(9_000)]
    path = write_csv(tmp_path / "t.csv", rows)  # type: ignore[arg-type]

    sample = draw_sample(str(path), drawing())

    assert (sample.types.key, sample.types.value) == ("str", "bytes")


def test_a_first_row_longer_than_a_look_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"op,key,value\nput,1,{'v' * 600_000}\nget,1,\n", encoding="utf-8")

    assert draw_sample(str(path), drawing()).rows == 2


def test_rows_of_very_different_length_leave_no_piece_empty(tmp_path: Path) -> None:
    rows = [("put", n, "v" * (5_000 if n > 2_000 else 1)) for n in range(4_000)]
    path = write_csv(tmp_path / "t.csv", rows)

    sample = draw_sample(str(path), drawing(most_rows=1_000, most_pieces=300))

    assert all(len(piece) for piece in sample.pieces)
    assert sample.total_rows == pytest.approx(4_000, rel=0.1)


def test_one_piece_is_the_beginning(tmp_path: Path, trace: list[Row]) -> None:
    path = write_csv(tmp_path / "t.csv", trace)

    sample = draw_sample(str(path), drawing(most_pieces=1))

    assert (found_in(sample, trace), sample.rows) == ([0], 1_000)
    assert represented(sample) == pytest.approx(ROWS, rel=0.05)


def test_the_first_wrong_row_of_a_window_is_told_with_its_place(tmp_path: Path) -> None:
    rows = [("put", n, "1") for n in range(60_000)] + [("put", 1, "")]
    path = tmp_path / "t.csv"
    path.write_text(as_csv(rows).removesuffix("put,1,\n") + "oops,1,1\n", encoding="utf-8")

    with pytest.raises(TraceError, match=r"t\.csv: .*oops.*behind byte \d+"):
        draw_sample(str(path), drawing())


def test_a_wrong_row_at_the_start_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("op,key,value\nput,1,1\nputt,1,1\n", encoding="utf-8")

    with pytest.raises(TraceError, match="line 3") as raised:
        draw_sample(str(path), drawing())
    assert raised.value.line == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "empty"), ("op,key,value\n", "no rows"), ("a,b\n1,2\n", "header")],
)
def test_what_is_no_trace_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(TraceError, match=message):
        draw_sample(str(path), drawing())


def test_limits_hold_for_traces_that_are_not_read_to_their_end(
    tmp_path: Path, trace: list[Row]
) -> None:
    path = write_csv(tmp_path / "t.csv", trace)

    with pytest.raises(PolicyError, match="csv_max_bytes"):
        draw_sample(str(path), drawing(csv_max_bytes=1_000))
    with pytest.raises(PolicyError, match="csv_max_rows"):
        draw_sample(str(path), drawing(csv_max_rows=ROWS // 2))


def test_a_cancelled_drawing_ends(tmp_path: Path, trace: list[Row]) -> None:
    path = write_csv(tmp_path / "t.csv", trace)

    with pytest.raises(InterruptedRunError):
        draw_sample(str(path), drawing(is_cancelled=True))


def test_a_pipe_without_an_end_in_sight_must_be_saved_first(
    tmp_path: Path, trace: list[Row]
) -> None:
    table, path = table_of(trace[:100]), tmp_path / "pipe"
    os.mkfifo(path)

    def write() -> None:
        with path.open("wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table)

    writer = threading.Thread(target=write)
    writer.start()
    with pytest.raises(BadInputError, match="Arrow stream"):
        draw_sample(str(path), drawing())
    writer.join()


def test_a_copy_that_finds_no_room_is_an_error_of_storage(
    tmp_path: Path, trace: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.csv.zst"
    path.write_bytes(zstandard.compress(as_csv(trace).encode()))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))

    with pytest.raises(StorageError, match="cannot unpack"):
        draw_sample(str(path), drawing())


def test_pieces_stand_for_what_is_nearest_to_them() -> None:
    assert piece_weights([(0, 10), (45, 55), (90, 100)], 100) == [2.75, 4.5, 2.75]
    assert piece_weights([(0, 100)], 100) == [1.0]
