"""What Arrow's messages ask for, found out before Arrow is let near them.

Arrow validates its metadata and then believes it: it makes an object of every entry, and reserves
what a buffer says it unpacks to. Both can be made to take any amount of memory by a small file. So
every message of a snapshot is first held to what a snapshot can hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from adhash.errors import SnapshotError
from adhash.snapshots.flatbuffer import FlatTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS_PER_BATCH: Final = 65_536
# The header takes two kilobytes, or a few more with settings to come.
MAX_SCHEMA_BYTES: Final = 256 << 10
# A batch describes itself in a kilobyte, and its rows by another nine.
MAX_BATCH_METADATA_BYTES: Final = 64 << 10
_MAX_ENTRIES: Final = 256
_MAX_FIELDS: Final = 64
_SCHEMA, _RECORD_BATCH = 1, 3
_BLOCK: Final = np.dtype(
    [("offset", "<i8"), ("metadata_bytes", "<i4"), ("unused", "<i4"), ("body_bytes", "<i8")]
)
NO_BLOCKS: Final = np.empty(0, dtype=_BLOCK)
_BUFFER: Final = np.dtype([("offset", "<i8"), ("bytes", "<i8")])
_PREFIX_BYTES: Final = 8
_LEAST_OFFSET: Final = 8


@dataclass(frozen=True, kw_only=True)
class BatchPlan:
    """How the columns of a batch lie in its body.

    `buffers` holds an offset and a length for each of the parts: validity, offsets of strings, and
    data, of the keys and then of the values.
    """

    rows: int
    buffers: NDArray[Any]
    is_compressed: bool


def max_footer_bytes(size_bytes: int) -> int:
    """Return how long the footer of a file may be: a batch takes 24 bytes of it, and 400 itself."""
    return MAX_SCHEMA_BYTES + size_bytes // 8


def require_plain_message(message: bytes) -> None:
    """Refuse a schema message that is not of a snapshot's kind.

    Parameters
    ----------
    message : bytes
        Without its length before it.

    Raises
    ------
    SnapshotError
        If it is malformed, or holds more than the schema of a snapshot does.
    """
    table = FlatTable.root(message)
    schema = table.table(2)
    if table.byte(1) != _SCHEMA or schema is None:
        raise SnapshotError("its first message is no schema")
    _require_plain_schema(schema)


def require_plain_footer(footer: bytes) -> None:
    """Refuse a footer that is not of a snapshot's kind, wherever it places the batches.

    Parameters
    ----------
    footer : bytes
        Without its length behind it.

    Raises
    ------
    SnapshotError
        If it is malformed, or describes what is no snapshot.
    """
    table = FlatTable.root(footer)
    schema = table.table(1)
    if schema is None:
        raise SnapshotError("its footer holds no schema")
    _require_plain_schema(schema)
    if table.vector(2, _BLOCK.itemsize)[1]:
        raise SnapshotError("it holds dictionaries, which no snapshot does")


def footer_blocks(footer: bytes, size_bytes: int) -> NDArray[Any]:
    """Return where the batches lie, by a footer that is of a snapshot's kind.

    Parameters
    ----------
    footer : bytes
        Without its length behind it.
    size_bytes : int
        The size of the file.

    Returns
    -------
    ndarray
        Of ``offset``, ``metadata_bytes`` and ``body_bytes``; all inside the file.

    Raises
    ------
    SnapshotError
        If it is malformed, or describes what is no snapshot.
    """
    require_plain_footer(footer)
    table = FlatTable.root(footer)
    start, count = table.vector(3, _BLOCK.itemsize)
    blocks = np.frombuffer(table.raw(start, count * _BLOCK.itemsize), dtype=_BLOCK)
    if not _are_inside(blocks, size_bytes):
        raise SnapshotError("its footer places batches outside the file")
    return blocks


def _are_inside(blocks: NDArray[Any], size_bytes: int) -> bool:
    offsets, metadata, bodies = (
        blocks[name].astype(np.int64) for name in ("offset", "metadata_bytes", "body_bytes")
    )
    # Each is compared with the size before they are added, so that no sum wraps around.
    each = (
        (offsets >= _LEAST_OFFSET)
        & (offsets <= size_bytes)
        & (metadata > _PREFIX_BYTES)
        & (metadata <= MAX_BATCH_METADATA_BYTES)
        & (bodies >= 0)
        & (bodies <= size_bytes)
    )
    return bool(each.all()) and bool((offsets + metadata + bodies <= size_bytes).all())


def _require_plain_schema(schema: FlatTable) -> None:
    start, fields = schema.vector(1, 4)
    entries = schema.vector(2, 4)[1]
    if fields > _MAX_FIELDS or entries > _MAX_ENTRIES:
        raise SnapshotError(
            f"its schema has {fields:,} columns and {entries:,} entries; a snapshot has 2 and"
            f" at most {_MAX_ENTRIES}"
        )
    for index in range(fields):
        field = schema.item(start, index)
        if field.vector(5, 4)[1] > _MAX_FIELDS or field.vector(6, 4)[1] > _MAX_ENTRIES:
            raise SnapshotError(f"its column {index} is none of a snapshot's")
        if field.table(4) is not None:
            raise SnapshotError(f"its column {index} is kept as a dictionary, as no snapshot's is")
        _require_flat(field, index)


def _require_flat(field: FlatTable, index: int) -> None:
    start, children = field.vector(5, 4)
    for number in range(children):
        if field.item(start, number).vector(5, 4)[1]:
            raise SnapshotError(f"its column {index} is nested, as no snapshot's is")


def batch_plan(message: bytes, body_bytes: int) -> BatchPlan:
    """Return how a batch lies in its body.

    Parameters
    ----------
    message : bytes
        Without its length before it; what stands behind it is ignored.
    body_bytes : int
        The length of the body.

    Returns
    -------
    BatchPlan
        Its buffers lie inside the body.

    Raises
    ------
    SnapshotError
        If it is malformed, or no batch of a snapshot.
    """
    table = FlatTable.root(message)
    batch = table.table(2)
    if table.byte(1) != _RECORD_BATCH or batch is None:
        raise SnapshotError("it is no batch of rows")
    rows = batch.integer(0)
    if not 0 <= rows <= ROWS_PER_BATCH:
        raise SnapshotError(f"it says it has {rows:,} rows; a batch has at most {ROWS_PER_BATCH:,}")
    start, count = batch.vector(2, _BUFFER.itemsize)
    if table.integer(3) != body_bytes:
        raise SnapshotError(
            f"its columns take {table.integer(3):,} bytes, of which {body_bytes:,} are there"
        )
    if count > 6 or batch.vector(1, 16)[1] != 2:
        raise SnapshotError("its description does not fit a batch of two columns")
    buffers = np.frombuffer(batch.raw(start, count * _BUFFER.itemsize), dtype=_BUFFER)
    if not _lie_inside(buffers, body_bytes):
        raise SnapshotError("its columns lie outside of it")
    return BatchPlan(rows=rows, buffers=buffers, is_compressed=batch.table(3) is not None)


def batch_entry(message: bytes, name: str) -> bytes:
    """Return an entry of the custom metadata of a batch, nothing where it is missing.

    Parameters
    ----------
    message : bytes
        Without its length before it.
    name : str
        Which entry.

    Returns
    -------
    bytes
        Its text.

    Raises
    ------
    SnapshotError
        If the message is malformed.
    """
    table = FlatTable.root(message)
    start, count = table.vector(4, 4)
    for index in range(min(count, _MAX_ENTRIES)):
        entry = table.item(start, index)
        if entry.text(0) == name.encode():
            return entry.text(1)
    return b""


def _lie_inside(buffers: NDArray[Any], body_bytes: int) -> bool:
    offsets, lengths = buffers["offset"], buffers["bytes"]
    each = (offsets >= 0) & (lengths >= 0) & (offsets <= body_bytes) & (lengths <= body_bytes)
    return bool(each.all()) and bool((offsets + lengths <= body_bytes).all())
