"""What each batch says of itself, so that it can be told apart and saved when the file is damaged.

The file's digest says that something is wrong, a batch's CRC-32 says where. Two more entries of a
batch's metadata say what is left. A *mark* names the snapshot, the batch's place in it, and ends
with a checksum of its own::

    adhash.part      4f0c1a2b3c4d5e6f 17 1114112 65536 9a0b1c2d 5e6f7a8b
                     snapshot         |  |       rows  |        CRC-32 of the mark
                                      |  first row     CRC-32 of the rows
                                      which batch

It is found by its text, wherever the file was cut. The snapshot's name in it is the beginning of
the digest of its header, so no batch of another one is taken for its own: values can hold whole
snapshots. And *stripes* are the CRC-32 of at most 512 parts of a batch, so that one wrong byte
costs 128 rows of a full batch and not 65,536, and one row of a batch of a few hundred::

    adhash.stripes   4f0c1a2b3c4d5e6f 17 128 0a1b2c3d4e5f6a7b ...      eight digits a stripe

A stripe of strings counts as their offsets from its first one, and then their bytes. Together they
take 0.4 % of a file of 64-bit keys and values. An error-correcting code was rejected: it would
repair what a copy of the file repairs better.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from adhash.snapshots.columns import Column, column_from_arrow

if TYPE_CHECKING:
    import pyarrow as pa

MARK_KEY: Final = "adhash.part"
STRIPES_KEY: Final = "adhash.stripes"
STRIPES_PER_BATCH: Final = 512
NAME_DIGITS: Final = 16
_MARK: Final = re.compile(
    rb"([0-9a-f]{16}) ([0-9]{1,10}) ([0-9]{1,19}) ([0-9]{1,5}) ([0-9a-f]{8}) ([0-9a-f]{8})"
)
LONGEST_MARK_BYTES: Final = 16 + 1 + 10 + 1 + 19 + 1 + 5 + 1 + 8 + 1 + 8


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A batch of a snapshot: which one, where its rows begin, and their checksum."""

    snapshot: str
    index: int
    first_row: int
    rows: int
    checksum: int

    def to_text(self) -> str:
        """Return the mark as the file has it, with its own checksum at the end."""
        text = f"{self.snapshot} {self.index} {self.first_row} {self.rows} {self.checksum:08x}"
        return f"{text} {zlib.crc32(text.encode()):08x}"


def find_marks(data: bytes, snapshot: str) -> Iterator[tuple[int, Mark]]:
    """Yield the marks of a snapshot that stand in some bytes.

    Parameters
    ----------
    data : bytes
        Any.
    snapshot : str
        The name in the marks that are looked for.

    Yields
    ------
    tuple of int and Mark
        Where each begins; only those whose own checksum is right.
    """
    name = snapshot.encode()
    at = data.find(name)
    while at >= 0:
        mark = _mark_at(data, at)
        if mark is not None:
            yield at, mark
        at = data.find(name, at + 1)


def _mark_at(data: bytes, at: int) -> Mark | None:
    found = _MARK.match(data, at)
    if found is None:
        return None
    text, own = found.group().rsplit(b" ", 1)
    if zlib.crc32(text) != int(own, 16):
        return None
    name, index, first_row, rows, checksum, _ = found.groups()
    return Mark(
        snapshot=name.decode(),
        index=int(index),
        first_row=int(first_row),
        rows=int(rows),
        checksum=int(checksum, 16),
    )


def stripes_text(mark: Mark, keys: Column, values: Column) -> str:
    """Return the stripes of a batch as the file has them."""
    checksums = (stripe_checksum(keys, values, *span) for span in stripe_spans(mark.rows))
    digits = "".join(f"{checksum:08x}" for checksum in checksums)
    return f"{mark.snapshot} {mark.index} {rows_per_stripe(mark.rows)} {digits}"


def find_stripes(data: bytes, mark: Mark) -> list[int | None]:
    """Return the checksums of a batch's stripes, None for those that cannot be read.

    Parameters
    ----------
    data : bytes
        The metadata of the batch.
    mark : Mark
        Of the batch.

    Returns
    -------
    list of int or None
        One for each stripe.
    """
    count = len(stripe_spans(mark.rows))
    at = data.find(f"{mark.snapshot} {mark.index} {rows_per_stripe(mark.rows)} ".encode())
    if at < 0:
        return [None] * count
    start = data.index(b" ", data.index(b" ", at + NAME_DIGITS + 1) + 1) + 1
    return [_digits(data[start + 8 * i : start + 8 * i + 8]) for i in range(count)]


def _digits(text: bytes) -> int | None:
    return int(text, 16) if re.fullmatch(rb"[0-9a-f]{8}", text) else None


def stripe_spans(rows: int) -> list[tuple[int, int]]:
    """Return the first row of each stripe and the one behind its last."""
    step = rows_per_stripe(rows)
    return [(start, min(start + step, rows)) for start in range(0, rows, step)]


def rows_per_stripe(rows: int) -> int:
    """Return how many rows of a batch of so many make a stripe; the last has fewer."""
    return max(1, -(-rows // STRIPES_PER_BATCH))


def stripe_checksum(keys: Column, values: Column, first: int, end: int) -> int:
    """Return the CRC-32 of some rows of two columns.

    Parameters
    ----------
    keys : ndarray or (offsets, data)
        The first column.
    values : ndarray or (offsets, data)
        The second one.
    first : int
        The first row.
    end : int
        The one behind the last.

    Returns
    -------
    int
        The same wherever in a column the rows stand.
    """
    crc = 0
    for column in (keys, values):
        for part in _stripe_parts(column, first, end):
            crc = zlib.crc32(part, crc)
    return crc


def _stripe_parts(column: Column, first: int, end: int) -> Iterator[memoryview]:
    if not isinstance(column, tuple):
        yield np.ascontiguousarray(column[first:end]).view(np.uint8).data
        return
    offsets, data = column
    span = offsets[first : end + 1]
    yield np.ascontiguousarray(span - span[0]).view(np.uint8).data
    yield np.ascontiguousarray(data[span[0] : span[-1]]).data


def marks_of(
    batch: pa.RecordBatch, *, snapshot: str, index: int, first_row: int, checksum: int
) -> dict[bytes, bytes]:
    """Return the entries of a batch's metadata that say what it is.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        Keys and values.
    snapshot : str
        The name of the snapshot it is part of.
    index : int
        Which batch, counted from 0.
    first_row : int
        How many rows stand before it.
    checksum : int
        The CRC-32 of its rows.

    Returns
    -------
    dict of bytes to bytes
        Mark and stripes.
    """
    mark = Mark(
        snapshot=snapshot,
        index=index,
        first_row=first_row,
        rows=batch.num_rows,
        checksum=checksum,
    )
    keys, values = map(column_from_arrow, batch.columns)
    return {
        MARK_KEY.encode(): mark.to_text().encode(),
        STRIPES_KEY.encode(): stripes_text(mark, keys, values).encode(),
    }
