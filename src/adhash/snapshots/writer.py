"""Write a snapshot: stream the batches, then patch in the digest of the whole file."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, TypeAlias, get_args

import pyarrow as pa

from adhash.atomic_files import replacing
from adhash.errors import InvariantError, SnapshotError
from adhash.snapshots.columns import (
    Column,
    arrow_type,
    column_length,
    column_slices,
    column_to_arrow,
    columns_checksum,
)
from adhash.snapshots.digest import BATCH_CHECKSUM_KEY, METADATA_KEY, PLACEHOLDER, patch_slots
from adhash.snapshots.header import SnapshotHeader
from adhash.snapshots.marks import NAME_DIGITS, marks_of
from adhash.snapshots.messages import ROWS_PER_BATCH

if TYPE_CHECKING:
    from typing_extensions import Buffer

Compression: TypeAlias = Literal["lz4", "zstd"]


def write_snapshot(
    path: str | PathLike[str],
    header: SnapshotHeader,
    batches: Iterable[tuple[Column, Column]],
    compress: Compression | None = None,
    *,
    accept: Callable[[str], None] | None = None,
) -> None:
    """Write keys and values as a snapshot, or leave the file that was there as it was.

    Parameters
    ----------
    path : path-like
        The snapshot; its folder must exist.
    header : SnapshotHeader
        What the snapshot says of itself; its types are those of the columns.
    batches : iterable of (keys, values)
        Columns of equal length; taken one at a time, so that memory stays bounded. Batches of
        more than 65,536 rows are cut.
    compress : {"lz4", "zstd"} or None
        How Arrow compresses the columns.
    accept : callable or None
        Given the name of the new file before it takes the place of the old one; may raise, and
        then the old one stays.

    Raises
    ------
    StorageError
        If the system refuses to write.
    SnapshotError
        If a column does not fit its type, or `compress` is unknown.
    InvariantError
        If the batches do not add up to ``header.size`` rows: the map changed meanwhile.
    """
    options = _write_options(compress)
    with replacing(Path(path)) as file:
        sink = _DigestingSink(file)
        _write_arrow(sink, header, batches, options)
        patch_slots(file, sink.size_bytes, sink.hexdigest())
        if accept is not None:
            file.flush()
            accept(file.name)


def _write_options(compress: Compression | None) -> pa.ipc.IpcWriteOptions:
    if compress not in (None, *get_args(Compression)):
        raise SnapshotError(f"compress must be 'lz4', 'zstd' or None; got {compress!r}")
    return pa.ipc.IpcWriteOptions(compression=compress)


class _DigestingSink(io.RawIOBase):
    """The file as Arrow sees it: what is written is hashed in passing, so it is not read again."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        self._digest.update(data)
        written = self._file.write(data)
        self.size_bytes += written
        return written

    def tell(self) -> int:
        return self.size_bytes

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def _write_arrow(
    sink: _DigestingSink,
    header: SnapshotHeader,
    batches: Iterable[tuple[Column, Column]],
    options: pa.ipc.IpcWriteOptions,
) -> None:
    schema = _schema(header)
    name = header.digest()[:NAME_DIGITS]
    rows = 0
    # Not a `with` block: after an error it would write a footer to a file that is thrown away.
    writer = pa.ipc.new_file(pa.PythonFile(sink, mode="w"), schema, options=options)
    for index, batch in enumerate(_record_batches(schema, header, batches)):
        checksum = columns_checksum(*batch.columns)
        marks = marks_of(batch, snapshot=name, index=index, first_row=rows, checksum=checksum)
        entries = {BATCH_CHECKSUM_KEY.encode(): b"%08x" % checksum, **marks}
        writer.write_batch(batch, custom_metadata=entries)
        rows += batch.num_rows
    if rows != header.size:
        raise InvariantError(
            f"{rows} entries were written where the header says {header.size}",
            hint="the map changed while it was saved; save a copy of it",
        )
    writer.close()


def _schema(header: SnapshotHeader) -> pa.Schema:
    fields = [
        pa.field("key", arrow_type(header.key_type), nullable=False),
        pa.field("value", arrow_type(header.value_type), nullable=False),
    ]
    metadata: dict[bytes | str, bytes | str] = {METADATA_KEY: PLACEHOLDER}
    metadata.update(header.to_metadata())
    return pa.schema(fields, metadata=metadata)


def _record_batches(
    schema: pa.Schema, header: SnapshotHeader, batches: Iterable[tuple[Column, Column]]
) -> Iterator[pa.RecordBatch]:
    for keys, values in batches:
        if column_length(keys) != column_length(values):
            raise SnapshotError(
                f"a batch has {column_length(keys)} keys and {column_length(values)} values"
            )
        pieces = (column_slices(column, ROWS_PER_BATCH) for column in (keys, values))
        for key_piece, value_piece in zip(*pieces, strict=True):
            arrays = [
                column_to_arrow(key_piece, header.key_type),
                column_to_arrow(value_piece, header.value_type),
            ]
            yield pa.record_batch(arrays, schema=schema)
