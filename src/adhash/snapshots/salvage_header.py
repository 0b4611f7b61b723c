"""The header of a damaged snapshot: it stands in the file twice, and either may be left."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import pyarrow as pa

from adhash.errors import SnapshotError
from adhash.snapshots.attempts import attempt
from adhash.snapshots.digest import MAGIC
from adhash.snapshots.header import SnapshotHeader
from adhash.snapshots.marks import NAME_DIGITS
from adhash.snapshots.messages import (
    MAX_SCHEMA_BYTES,
    NO_BLOCKS,
    footer_blocks,
    max_footer_bytes,
    require_plain_footer,
    require_plain_message,
)
from adhash.snapshots.reader import require_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEAD: Final = struct.Struct("<8s4si")
_TAIL: Final = struct.Struct("<i6s")


@dataclass(frozen=True, kw_only=True)
class FoundHeader:
    """A header that can be used, and what stood with it.

    `name` is how the batches call the snapshot; None where they have no marks. `blocks` are those
    of the footer, or none. `end` is where the batches begin, if the first copy tells; else None.
    """

    header: SnapshotHeader
    schema: pa.Schema
    copy: str
    name: str | None
    blocks: NDArray[Any]
    end: int | None


def find_header(file: BinaryIO, size_bytes: int) -> FoundHeader:
    """Return the header from whichever of its two copies is left.

    Parameters
    ----------
    file : binary file
        Seekable; its position is lost.
    size_bytes : int
        Its size.

    Returns
    -------
    FoundHeader
        Of a copy whose own digest is right; of earlier versions, which wrote none, of a copy that
        can be used.

    Raises
    ------
    SnapshotError
        If neither can be used.
    """
    footer = _footer(file, size_bytes)
    end = _end_of_schema(file, size_bytes)
    found: list[tuple[str, pa.Schema, SnapshotHeader]] = []
    faults: list[str] = []
    copies = {"beginning": partial(_first_schema, file, end), "end": partial(_last, footer)}
    for copy, read in copies.items():
        used = attempt(partial(_used, read))
        if isinstance(used, str):
            faults.append(f"at the {copy}: {used}")
        else:
            found.append((copy, *used))
    if not found:
        raise SnapshotError(f"neither copy of its header can be used; {'; '.join(faults)}")
    # One without a digest may be of an earlier version, or have lost it.
    copy, schema, header = max(found, key=lambda each: _name(each[1]) is not None)
    return FoundHeader(
        header=header,
        schema=schema,
        copy=copy,
        name=_name(schema),
        blocks=_blocks(footer, size_bytes),
        end=end,
    )


def _used(read: Callable[[], pa.Schema]) -> tuple[pa.Schema, SnapshotHeader]:
    schema = read()
    header = SnapshotHeader.from_metadata(schema.metadata)
    require_columns(schema, header)
    return schema, header


def _name(schema: pa.Schema) -> str | None:
    recorded = (schema.metadata or {}).get(b"adhash.header_sha256")
    return recorded.decode("ascii", "replace")[:NAME_DIGITS] if recorded else None


# --- the copy at the beginning -------------------------------------------------------------------


def _end_of_schema(file: BinaryIO, size_bytes: int) -> int | None:
    file.seek(0)
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length = _HEAD.unpack(head)[2]
    fits = 0 < length <= min(MAX_SCHEMA_BYTES, size_bytes - _HEAD.size)
    return _HEAD.size + length if fits else None


def _first_schema(file: BinaryIO, end: int | None) -> pa.Schema:
    if end is None:
        raise SnapshotError("its length is none")
    file.seek(_HEAD.size)
    message = file.read(end - _HEAD.size)
    require_plain_message(message)
    framed = b"\xff\xff\xff\xff" + struct.pack("<i", len(message)) + message
    return pa.ipc.read_schema(pa.py_buffer(framed))


# --- the copy at the end -------------------------------------------------------------------------


def _footer(file: BinaryIO, size_bytes: int) -> bytes:
    if size_bytes < _TAIL.size:
        return b""
    file.seek(size_bytes - _TAIL.size)
    length, _ = _TAIL.unpack(file.read(_TAIL.size))
    if not 0 < length <= min(max_footer_bytes(size_bytes), size_bytes - _TAIL.size):
        return b""
    file.seek(size_bytes - _TAIL.size - length)
    return file.read(length)


def _last(footer: bytes) -> pa.Schema:
    if not footer:
        raise SnapshotError("its length is none")
    require_plain_footer(footer)
    # What Arrow reads of a file before any batch: enough of one to hold a footer.
    alone = MAGIC + b"\0\0" + footer + _TAIL.pack(len(footer), MAGIC)
    return pa.ipc.open_file(io.BytesIO(alone)).schema


def _blocks(footer: bytes, size_bytes: int) -> NDArray[Any]:
    found = attempt(lambda: footer_blocks(footer, size_bytes))
    return NO_BLOCKS if isinstance(found, str) else found
