"""Files with right checksums that were made to do harm, one function a kind."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from snapshot_samples import header_of

from adhash.snapshots.columns import columns_checksum
from adhash.snapshots.digest import MARKER, METADATA_KEY, PLACEHOLDER

BULK_BYTES = 24 << 20


def signed(path: Path, content: bytes) -> Path:
    """Write content with its right digest in every place for one."""
    digest = hashlib.sha256(content).hexdigest().encode()
    path.write_bytes(content.replace(PLACEHOLDER.encode(), MARKER + digest))
    return path


def entries_of(size: int = 1, **more: str) -> dict[str, str]:
    """Return the header of some rows, without the digest that earlier versions did not write."""
    header = header_of("int64", "bytes", size).model_copy(
        update={"engine": "swiss", "layout": "swiss", "settings": {}}
    )
    entries = header.to_metadata() | {METADATA_KEY: PLACEHOLDER}
    del entries["adhash.header_sha256"]
    return entries | more


def bulk() -> pa.RecordBatch:
    """Return a row that makes the file large enough to be measured."""
    return pa.record_batch(
        {
            "key": pa.array([1], pa.int64()),
            "value": pa.array([b"x" * BULK_BYTES], pa.large_binary()),
        }
    )


def written(
    path: Path, batches: list[pa.RecordBatch], entries: dict[str, str], **options: Any
) -> bytes:
    """Write batches as an Arrow file and return its content, not yet signed."""
    schema = batches[0].schema.with_metadata(entries)
    writing = pa.ipc.IpcWriteOptions(**options)
    with pa.ipc.new_file(path, schema, options=writing) as writer:
        for batch in batches:
            crc = b"00000000"
            if batch.schema.names == ["key", "value"] and not batch.column(0).null_count:
                crc = _crc(batch)
            writer.write_batch(
                batch.replace_schema_metadata(entries), custom_metadata={b"adhash.crc32": crc}
            )
    return path.read_bytes()


def _crc(batch: pa.RecordBatch) -> bytes:
    try:
        return b"%08x" % columns_checksum(*batch.columns)
    except Exception:
        return b"00000000"


def endless_metadata(path: Path) -> Path:
    """Make a schema of a million entries, which fit into a file of their size."""
    more = {f"x{number}": "" for number in range(1_000_000)}
    return signed(path, written(path, [bulk()], entries_of(**more)))


def long_metadata(path: Path) -> Path:
    """Make one entry of the schema as long as the rest of the file."""
    return signed(path, written(path, [bulk()], entries_of(note="n" * (BULK_BYTES // 2))))


def many_small_entries(path: Path) -> Path:
    """Make as many entries as fit into the length that is allowed."""
    more = {f"{number:x}": "" for number in range(5_000)}
    return signed(path, written(path, [bulk()], entries_of(**more)))


def deep_nesting(path: Path) -> Path:
    """Make a value of a type within a type, as often as Arrow takes it."""
    kind: pa.DataType = pa.int64()
    for _ in range(60):
        kind = pa.struct([("f", kind)])
    batch = pa.record_batch({"key": pa.array([1]), "value": pa.nulls(1, kind)})
    return signed(path, written(path, [batch], entries_of()))


def many_columns(path: Path) -> Path:
    """Make a thousand columns."""
    batch = pa.record_batch({f"c{number}": pa.array([1]) for number in range(1_000)})
    return signed(path, written(path, [batch], entries_of()))


def dictionaries(path: Path) -> Path:
    """Make the values a dictionary of many megabytes, which Arrow reads before any row."""
    words = pa.array([b"w" * BULK_BYTES], pa.large_binary())
    values = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), words)
    batch = pa.record_batch({"key": pa.array([1]), "value": values})
    return signed(path, written(path, [batch], entries_of()))


def wrong_types(path: Path) -> Path:
    """Make the columns lists and unions of nothing."""
    batch = pa.record_batch(
        {"key": pa.array([[1]], pa.list_(pa.int64())), "value": pa.nulls(1, pa.null())}
    )
    return signed(path, written(path, [batch], entries_of()))


def bomb(path: Path) -> Path:
    """Make a value of a gigabyte of zeros that takes some kilobytes compressed."""
    zeros = pa.py_buffer(np.zeros(1 << 30, dtype=np.uint8).data)
    ends = pa.py_buffer(struct.pack("<qq", 0, 1 << 30))
    value = pa.Array.from_buffers(pa.large_binary(), 1, [None, ends, zeros])
    batch = pa.record_batch({"key": pa.array([1], pa.int64()), "value": value})
    return signed(path, written(path, [batch], entries_of(), compression="zstd"))


def claims_of_buffers(path: Path) -> Path:
    """Make a compressed column say that it unpacks to an exabyte."""
    batch = pa.record_batch(
        {
            "key": pa.array(range(1_000), pa.int64()),
            "value": pa.array([b"v"] * 1_000, pa.large_binary()),
        }
    )
    content = written(path, [batch], entries_of(1_000), compression="zstd")
    claim = struct.pack("<q", 8_000)  # what the keys unpack to
    assert content.count(claim) >= 1
    return signed(path, content.replace(claim, struct.pack("<q", 1 << 60)))


def claims_of_rows(path: Path) -> Path:
    """Make the header say that there are more rows than any memory holds."""
    small = pa.record_batch(
        {"key": pa.array([1], pa.int64()), "value": pa.array([b"v"], pa.large_binary())}
    )
    return signed(path, written(path, [small], entries_of(2**62)))


def claims_of_a_batch(path: Path) -> Path:
    """Make a batch of nothing say that it has 2^40 rows."""
    rows = 1 << 40
    nothing = pa.record_batch({"key": pa.nulls(3), "value": pa.nulls(3)})
    content = written(path, [nothing], entries_of(3))
    three = struct.pack("<q", 3)
    return signed(path, content.replace(three, struct.pack("<q", rows)))


def lengths(path: Path) -> Path:
    """Make both lengths of metadata as large as they can be."""
    content = bytearray(written(path, [bulk()], entries_of()))
    content[12:16] = content[-10:-6] = struct.pack("<i", 2**31 - 1)
    return signed(path, bytes(content))


def footer_of_the_file(path: Path) -> Path:
    """Make the footer reach over the whole file."""
    content = bytearray(written(path, [bulk()], entries_of()))
    content[-10:-6] = struct.pack("<i", len(content) - 2_000)
    return signed(path, bytes(content))


HOSTILE: tuple[Callable[[Path], Path], ...] = (
    endless_metadata,
    long_metadata,
    many_small_entries,
    deep_nesting,
    many_columns,
    dictionaries,
    wrong_types,
    bomb,
    claims_of_buffers,
    claims_of_rows,
    claims_of_a_batch,
    lengths,
    footer_of_the_file,
)
