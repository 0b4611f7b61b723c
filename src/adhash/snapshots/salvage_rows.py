"""The rows of one batch of a damaged file that are still as they were written."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np
import pyarrow as pa

from adhash.errors import SnapshotError
from adhash.snapshots.arrow_file import (
    claimed_bytes,
    require_checksum,
    require_memory,
    require_valid,
)
from adhash.snapshots.attempts import attempt
from adhash.snapshots.columns import Column, column_from_arrow, column_to_arrow
from adhash.snapshots.digest import BATCH_CHECKSUM_KEY
from adhash.snapshots.flatbuffer import FlatTable
from adhash.snapshots.marks import Mark, find_stripes, stripe_checksum, stripe_spans
from adhash.snapshots.messages import BatchPlan, batch_entry, batch_plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from adhash.snapshots.header import SnapshotHeader
    from adhash.snapshots.salvage_places import Place

_PREFIX_BYTES: Final = 8
_NUMBER_BYTES: Final = 8
_BODY_FIELD: Final = 3


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Rows that follow each other; `first` counts from the beginning of their batch."""

    first: int
    keys: Column
    values: Column


def read_pieces(
    file: BinaryIO, schema: pa.Schema, header: SnapshotHeader, place: Place
) -> tuple[list[Piece], str | None]:
    """Return the rows of a batch that are left.

    Parameters
    ----------
    file : binary file
        Seekable; its position is lost.
    schema : pyarrow.Schema
        Of the snapshot.
    header : SnapshotHeader
        Of the same.
    place : Place
        Where the batch lies.

    Returns
    -------
    tuple of list of Piece and str or None
        The rows, and what is wrong with the batch; None where it is whole.
    """
    metadata = _read(file, place.offset, place.metadata_bytes)
    body = _read(file, place.offset + place.metadata_bytes, _body_bytes(file, place))
    whole = attempt(partial(_whole, schema, place, metadata, body))
    if not isinstance(whole, str):
        return ([whole] if whole.keys is not None and _rows(whole) else []), None
    if place.mark is None:
        return [], whole
    striped = attempt(partial(_stripes, header, place.mark, metadata, body))
    return ([] if isinstance(striped, str) else striped), whole


def body_bytes_of(file: BinaryIO, place: Place) -> int | None:
    """Return how long a batch says its body is; None where it does not, or that cannot be."""
    metadata = _read(file, place.offset, place.metadata_bytes)
    length = attempt(lambda: FlatTable.root(metadata[_PREFIX_BYTES:]).integer(_BODY_FIELD))
    left = os.fstat(file.fileno()).st_size - place.offset - place.metadata_bytes
    return length if isinstance(length, int) and 0 <= length <= left else None


def _body_bytes(file: BinaryIO, place: Place) -> int:
    """Return how much to read as the body: what is said of it, else what may belong to it."""
    left = os.fstat(file.fileno()).st_size - place.offset - place.metadata_bytes
    said = place.body_bytes if place.body_bytes is not None else body_bytes_of(file, place)
    # A batch of text has any length. Reading too much does no harm but to take memory.
    return min(left, said) if said is not None else min(left, 64 << 20)


def _rows(piece: Piece) -> int:
    return len(piece.keys[0]) - 1 if isinstance(piece.keys, tuple) else len(piece.keys)


def _read(file: BinaryIO, at: int, length: int) -> bytes:
    file.seek(at)
    return file.read(length)


# --- a batch as a whole ------------------------------------------------------------------------


def _whole(schema: pa.Schema, place: Place, metadata: bytes, body: bytes) -> Piece:
    message = metadata[_PREFIX_BYTES:]
    plan = batch_plan(message, len(body))
    require_memory(place.index, claimed_bytes(plan, lambda at, n: body[at : at + n]))
    framed = b"\xff\xff\xff\xff" + struct.pack("<i", len(message)) + message
    read = pa.ipc.read_message(pa.BufferReader(framed + body))
    batch = pa.ipc.read_record_batch(read, schema)
    if batch.num_rows != plan.rows:
        raise SnapshotError(f"batch {place.index} has another number of rows")
    require_valid(batch, place.index)
    recorded = (
        b"%08x" % place.mark.checksum
        if place.mark is not None
        else batch_entry(message, BATCH_CHECKSUM_KEY)
    )
    require_checksum(batch, recorded, place.index)
    keys, values = map(column_from_arrow, batch.columns)
    return Piece(first=0, keys=keys, values=values)


# --- a batch stripe by stripe --------------------------------------------------------------------


def _stripes(header: SnapshotHeader, mark: Mark, metadata: bytes, body: bytes) -> list[Piece]:
    plan = attempt(lambda: batch_plan(metadata[_PREFIX_BYTES:], len(body)))
    types = (header.key_type, header.value_type)
    if isinstance(plan, BatchPlan):
        if plan.is_compressed:
            raise SnapshotError("what is compressed is whole or lost")
        parts = _planned(plan, types)
    else:
        parts = _expected(types, mark.rows, body)
    columns = _columns(types, mark.rows, parts, body)
    recorded = find_stripes(metadata, mark)
    spans = [
        span
        for span, checksum in zip(stripe_spans(mark.rows), recorded, strict=True)
        if checksum is not None and _is_as_written(columns, span, checksum)
    ]
    return list(_valid_pieces(types, columns, _joined(spans)))


def _planned(plan: BatchPlan, types: tuple[str, str]) -> list[int]:
    """Return where the parts of the columns begin, by the description of the batch."""
    starts = [int(buffer["offset"]) for buffer in plan.buffers]
    parts: list[int] = []
    at = 0
    for type_name in types:
        count = 2 if type_name in ("str", "bytes") else 1
        parts += starts[at + 1 : at + 1 + count]  # the validity before them is empty
        at += 1 + count
    if at != len(starts):
        raise SnapshotError("its description does not fit the types of its columns")
    return parts


def _expected(types: tuple[str, str], rows: int, body: bytes) -> list[int]:
    """Return where the parts must begin: a writer puts one behind the other, on multiples of 8."""
    parts: list[int] = []
    at = 0
    for type_name in types:
        parts.append(at)
        if type_name not in ("str", "bytes"):
            at += rows * _NUMBER_BYTES
            continue
        at += (rows + 1) * _NUMBER_BYTES
        parts.append(at)
        data_bytes = int.from_bytes(body[at - _NUMBER_BYTES : at], "little")
        at += (data_bytes + 7) & ~7
    return parts


def _columns(types: tuple[str, str], rows: int, parts: list[int], body: bytes) -> list[Column]:
    starts = iter(parts)
    columns: list[Column] = []
    for type_name in types:
        if type_name not in ("str", "bytes"):
            columns.append(_numbers(body, next(starts), rows, type_name))
            continue
        offsets = _numbers(body, next(starts), rows + 1, "int64")
        data = np.frombuffer(body, dtype=np.uint8)[next(starts) :]
        columns.append((offsets, data))
    return columns


def _numbers(body: bytes, at: int, count: int, type_name: str) -> NDArray[Any]:
    """Return what there is of some numbers: a file that was cut has fewer."""
    if at > len(body):
        return np.empty(0, dtype=type_name)
    there = min(count, (len(body) - at) // _NUMBER_BYTES)
    return np.frombuffer(body, dtype=type_name, count=there, offset=at)


def _is_as_written(columns: list[Column], span: tuple[int, int], checksum: int) -> bool:
    first, end = span
    for column in columns:
        if not isinstance(column, tuple):
            if len(column) < end:
                return False
            continue
        offsets, data = column
        if len(offsets) <= end:
            return False
        marks = offsets[first : end + 1]
        if marks[0] < 0 or marks[-1] > len(data) or bool((np.diff(marks) < 0).any()):
            return False
    keys, values = columns
    return stripe_checksum(keys, values, first, end) == checksum


def _joined(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield spans that follow each other as one."""
    if not spans:
        return
    cuts = [0, *(i for i, (a, b) in enumerate(pairwise(spans), start=1) if a[1] != b[0])]
    for start, stop in pairwise([*cuts, len(spans)]):
        yield spans[start][0], spans[stop - 1][1]


def _valid_pieces(
    types: tuple[str, str], columns: list[Column], spans: Iterator[tuple[int, int]]
) -> Iterator[Piece]:
    for first, end in spans:
        parts = [_cut(column, first, end) for column in columns]
        arrays = [column_to_arrow(part, name) for part, name in zip(parts, types, strict=True)]
        for array in arrays:
            array.validate(full=True)
        yield Piece(first=first, keys=parts[0], values=parts[1])


def _cut(column: Column, first: int, end: int) -> Column:
    if not isinstance(column, tuple):
        return column[first:end]
    offsets, data = column
    span = offsets[first : end + 1]
    return span - span[0], data[span[0] : span[-1]]
