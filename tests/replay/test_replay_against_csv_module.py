"""The native parser reads what Python's csv module reads."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from replay_samples import QUIET

from adhash.config_models import ReplaySettings, Settings
from adhash.errors import TraceError
from adhash.maps import Map
from adhash.replay import run_csv

# Text that a writer must quote or that a reader could split, repeated often enough that keys meet.
_TEXT = st.text(st.sampled_from("ab ,\"\n;\t'é€😀0-\\"), max_size=12)
_KEY = _TEXT.filter(bool)
_ROW = st.one_of(
    st.tuples(st.sampled_from(["put", "PUT", "Put"]), _KEY, _TEXT),
    st.tuples(st.sampled_from(["get", "GET", "del", "Del"]), _KEY, st.just("")),
)
_QUOTING = st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
_SMALL_BLOCKS = Settings(replay=ReplaySettings(block_bytes=4 << 10))


def _written(rows: Sequence[tuple[str, str, str]], quoting: int, ending: str) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=quoting, lineterminator=ending)  # type: ignore[arg-type]
    writer.writerows([("op", "key", "value"), *rows])
    return text.getvalue()


def _rows(text: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    return [row for row in reader if row][1:]


def _expected(text: str) -> tuple[dict[str, bytes], int]:
    """Return the entries and the hits after the rows as the csv module reads them."""
    entries: dict[str, bytes] = {}
    hits = 0
    for op, key, value in _rows(text):
        match op.lower():
            case "put":
                entries[key] = value.encode()
            case "get":
                hits += key in entries
            case _:
                entries.pop(key, None)
    return entries, hits


@given(
    rows=st.lists(_ROW, min_size=1, max_size=60),
    quoting=_QUOTING,
    ending=st.sampled_from(["\n", "\r\n"]),
    copies=st.sampled_from([1, 20]),
)
@settings(max_examples=60, deadline=None)
def test_replay_leaves_what_the_csv_module_reads(
    rows: list[tuple[str, str, str]], quoting: int, ending: str, copies: int
) -> None:
    text = _written(rows * copies, quoting, ending)
    entries, hits = _expected(text)
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder, "trace.csv")
        trace.write_bytes(text.encode())
        summary = run_csv(
            trace,
            mode="swiss",
            key_type="str",
            value_type="bytes",
            snapshot_out=Path(folder, "end.arrow"),
            settings=_SMALL_BLOCKS,
            **QUIET,
        )
        assert dict(Map.load(Path(folder, "end.arrow")).items()) == entries
    assert (summary.ops.total, summary.hits) == (len(rows) * copies, hits)


# Whole rows, and what may go wrong inside and between them.
_PIECES = st.sampled_from(
    [
        *("put,a,1\n", "get,a,\n", "del,a,\r\n", 'put,"b ""c"",",x\r\n', 'get,"b ""c"",",""\n'),
        *('"put","a\n","2"\n', 'get,"a\n",\n', "get,", "put,", "a", '"', '""', ",", "\n", "\r"),
    ]
)


@given(pieces=st.lists(_PIECES, min_size=1, max_size=8))
@settings(max_examples=300, deadline=None)
def test_rows_of_any_text_are_read_alike_or_refused(pieces: list[str]) -> None:
    text = "".join(["op,key,value\n", *pieces])
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder, "trace.csv")
        trace.write_bytes(text.encode())
        try:
            summary = run_csv(trace, mode="std", key_type="str", value_type="bytes", **QUIET)
        except TraceError:
            return
    entries, hits = _expected(text)
    assert (summary.ops.total, summary.hits) == (len(_rows(text)), hits)
    assert summary.final_size == len(entries)


def test_a_wrong_row_is_refused_and_the_rest_read(tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_bytes(b'op,key,value\nput,"a,""b",1\r\nget,"a,""b",\nget,b')
    with pytest.raises(TraceError, match="line 4"):
        run_csv(trace, key_type="str", value_type="bytes", **QUIET)
    trace.write_bytes(b'op,key,value\nput,"a,""b",1\r\nget,"a,""b",\n')
    assert run_csv(trace, key_type="str", value_type="bytes", **QUIET).hits == 1
