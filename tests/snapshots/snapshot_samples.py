"""Small columns and headers of every type, for the snapshot tests."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from adhash.snapshots import Column, SnapshotHeader, write_snapshot

KEY_TYPES = ("int64", "uint64", "str", "bytes")
VALUE_TYPES = ("int64", "uint64", "float64", "str", "bytes")
EVERY_TYPE_ONCE = (
    ("int64", "bytes"),
    ("uint64", "float64"),
    ("str", "int64"),
    ("bytes", "str"),
    ("int64", "uint64"),
)

_ROWS: dict[str, list[object]] = {
    "int64": [-(2**63), -1, 0, 2**63 - 1],
    "uint64": [0, 1, 2**63, 2**64 - 1],
    "float64": [float("nan"), float("-inf"), -0.0, 5e-324],
    "str": ["", "a\0b", "ключ", "\U0001f511" * 5],
    "bytes": [b"", b"\0\0", b"\xff\xfe", b"x" * 40],
}


def column_of(type_name: str) -> Column:
    """Return four rows of a type: its extremes and its oddities."""
    rows = _ROWS[type_name]
    if type_name not in ("str", "bytes"):
        return np.array(rows, dtype=type_name)
    return bytes_column([row.encode() if isinstance(row, str) else row for row in rows])


def bytes_column(rows: list[bytes]) -> Column:
    """Return rows as offsets into joined data."""
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    return offsets, np.frombuffer(b"".join(rows), dtype=np.uint8)


def bits(column: Column) -> list[bytes]:
    """Return the exact bytes of a column's parts: NaN and -0.0 compare by their bits."""
    parts = column if isinstance(column, tuple) else (column,)
    return [str(part.dtype).encode() + np.ascontiguousarray(part).tobytes() for part in parts]


def header_of(key_type: str, value_type: str, size: int = 4) -> SnapshotHeader:
    """Return a header with a setting of every type, and the largest seed."""
    return SnapshotHeader.model_validate(
        {
            "engine": "adaptive",
            "layout": "swiss",
            "key_type": key_type,
            "value_type": value_type,
            "size": size,
            "seed": 2**64 - 1,
            "settings": {"hysteresis": 1.5, "batch": 32, "hash": "keyed", "huge_pages": True},
            "created_at": datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
        }
    )


def write_sample(
    path: Path, key_type: str = "int64", value_type: str = "bytes", compress: str | None = None
) -> Path:
    """Write the four rows of both types as a snapshot."""
    batch = (column_of(key_type), column_of(value_type))
    write_snapshot(path, header_of(key_type, value_type), [batch], compress=compress)
    return path
