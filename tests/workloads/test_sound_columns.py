"""What is refused is what Arrow's own full validation refuses, on columns with any damage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from adhash.workloads.sound_columns import is_surely_sound, require_sound

OFFSETS = {pa.string(): "i4", pa.binary(): "i4", pa.large_string(): "i8", pa.large_binary(): "i8"}
damage = st.none() | st.tuples(st.integers(0, 20), st.integers(-3, 300))


def refuses(batch: pa.RecordBatch) -> bool:
    try:
        require_sound(batch)
    except pa.ArrowInvalid:
        return True
    return False


def is_invalid(batch: pa.RecordBatch) -> bool:
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid:
        return True
    return False


def batch_of(column: Any, start: int) -> pa.RecordBatch:
    return pa.record_batch([column], names=["key"]).slice(min(start, len(column)))


@st.composite
def strings(draw: st.DrawFn) -> pa.RecordBatch:
    """Return a column of strings, one of whose offsets, bytes or counts may be damaged."""
    kind = draw(st.sampled_from(list(OFFSETS)))
    lengths = draw(st.lists(st.integers(0, 5), max_size=12))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(OFFSETS[kind])
    text = draw(st.sampled_from(["plain", "größe", "日本"])) * 20
    data = np.frombuffer(text.encode(), dtype=np.uint8)[: offsets[-1] + draw(st.integers(0, 3))]
    data = data.copy()
    if (wrong := draw(damage)) is not None:
        offsets[wrong[0] % len(offsets)] = wrong[1]
    if len(data) and (wrong := draw(damage)) is not None:
        data[wrong[0] % len(data)] = wrong[1] % 256
    valid = np.ones(len(lengths), dtype=np.bool_)
    valid[: draw(st.integers(0, len(lengths)))] = False
    bits = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
    nulls = int((~valid).sum()) if draw(st.booleans()) else draw(st.integers(-1, len(lengths)))
    buffers = [bits, pa.py_buffer(offsets.tobytes()), pa.py_buffer(data.tobytes())]
    nulls = nulls if bits else -1
    try:
        column = pa.Array.from_buffers(kind, len(lengths), buffers, null_count=nulls)
    except pa.ArrowInvalid:
        reject()  # refused before there was a column
    return batch_of(column, draw(st.integers(0, 12)))


@st.composite
def dictionaries(draw: st.DrawFn) -> pa.RecordBatch:
    """Return a dictionary column, some of whose indices may lie outside."""
    names = pa.array(draw(st.lists(st.sampled_from(["get", "put", "del", "é"]), max_size=4)))
    indices = np.array(draw(st.lists(st.integers(-2, 5), max_size=12)), dtype=np.int8)
    own = pa.Array.from_buffers(pa.int8(), len(indices), [None, pa.py_buffer(indices.tobytes())])
    column = pa.DictionaryArray.from_arrays(own, names.cast(pa.string()), safe=False)
    return batch_of(column, draw(st.integers(0, 12)))


@settings(deadline=None, max_examples=400)
@given(batch=strings())
def test_strings_are_refused_where_arrow_refuses_them(batch: pa.RecordBatch) -> None:
    assert refuses(batch) == is_invalid(batch)


@settings(deadline=None)
@given(batch=dictionaries())
def test_dictionaries_are_refused_where_arrow_refuses_them(batch: pa.RecordBatch) -> None:
    assert refuses(batch) == is_invalid(batch)


@settings(deadline=None)
@given(
    values=st.lists(st.integers(-9, 9) | st.none(), max_size=20),
    kind=st.sampled_from([pa.int64(), pa.uint8(), pa.float64(), pa.bool_()]),
    start=st.integers(0, 20),
)
def test_sound_columns_of_other_types_are_taken(
    values: list[int | None], kind: pa.DataType, start: int
) -> None:
    numbers = [None if each is None else abs(each) for each in values]
    require_sound(batch_of(pa.array(numbers, pa.int64()).cast(kind, safe=False), start))


ASCII = ["get", "", "key", "a" * 40]
PLAIN = {
    "strings": pa.array(ASCII, pa.string()),
    "large strings": pa.array([*ASCII, None], pa.large_string()),
    "bytes": pa.array([b"\xff", b"", None], pa.binary()),
    "integers": pa.array([1, None, -(1 << 63)], pa.int64()),
    "a dictionary": pa.array(["get", "put", "get"]).dictionary_encode(),
}
DAMAGED = {
    "text that is no UTF-8": pa.array([b"\xff"], pa.binary()).view(pa.string()),
    "offsets that fall": pa.Array.from_buffers(
        pa.binary(), 3, [None, pa.py_buffer(np.array([0, 4, 2, 4], "i4")), pa.py_buffer(b"abcd")]
    ),
    "an index beyond its dictionary": pa.DictionaryArray.from_arrays(
        pa.array([0, 2], pa.int8()), pa.array(["get", "put"]), safe=False
    ),
    "a wrong count of nulls": pa.Array.from_buffers(
        pa.int64(), 2, [pa.py_buffer(b"\x03"), pa.py_buffer(bytes(16))], null_count=1
    ),
}


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("start", [0, 1])
def test_usual_columns_are_told_by_a_look_at_the_whole(name: str, start: int) -> None:
    assert is_surely_sound(PLAIN[name].slice(start))


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_refused(name: str) -> None:
    with pytest.raises(pa.ArrowInvalid):
        require_sound(batch_of(DAMAGED[name], 0))
