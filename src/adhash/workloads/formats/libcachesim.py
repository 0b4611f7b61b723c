"""The traces of libCacheSim: CSV with a column of object ids, and the binary ``oracleGeneral``.

A record of ``oracleGeneral`` has 24 bytes, all little-endian::

    0        4                 12       16                 24
    | time   | object id       | size   | time of next use |
      u32      u64               u32      i64, -1: never
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adhash.workloads.formats.content import Content, Fault, Lines
from adhash.workloads.formats.delimited import NUMBER, TEXT, Columns, read_columns
from adhash.workloads.formats.events import DELETE, READ, WRITE, Events
from adhash.workloads.formats.first_lines import first_lines
from adhash.workloads.formats.trace_format import TraceFormat

_KEYS = ("obj_id", "obj-id", "objid", "object_id", "object", "obj", "id", "key", "lbn", "block")
_SIZES = ("size", "obj_size", "obj-size", "object_size", "length", "bytes")
_OPS = ("op", "operation", "cmd")
_NO_HEADER = ("time", "obj_id", "size")
_DEFAULT_BYTES = 1
# Words, and the operation codes of SCSI reads and writes in the traces of CloudPhysics.
_MEANING = {
    **dict.fromkeys(("get", "gets", "read", "r", "28", "88", "8", "08", "a8"), READ),
    **dict.fromkeys(("set", "put", "add", "replace", "cas", "write", "w"), WRITE),
    **dict.fromkeys(("append", "prepend", "incr", "decr", "update"), WRITE),
    **dict.fromkeys(("2a", "8a", "a", "0a", "aa"), WRITE),
    **dict.fromkeys(("delete", "del", "remove", "d"), DELETE),
}
_UNKNOWN = 255


def _read_csv(content: Content) -> Iterator[Events]:
    names: list[str] = []
    for lines in content.lines():
        body = lines
        if not names:
            names, body = _header(lines)
        if len(body):
            yield from _events(body, names)


def _header(lines: Lines) -> tuple[list[str], Lines]:
    """Return the names of the columns, and the lines behind the header if there is one."""
    fields = _fields(lines.text(0))
    if _one_of(_KEYS, fields) is not None:
        return fields, lines.without_first()
    if len(fields) < len(_NO_HEADER) or not fields[0].replace(".", "").isdigit():
        fault = Fault(
            what="its header names no column of object ids",
            value=lines.text(0),
            remedy=f"call it one of {', '.join(_KEYS)}; without a header: time,obj_id,size",
        )
        lines.refuse(0, fault)
    more = [f"column {number}" for number in range(len(_NO_HEADER) + 1, len(fields) + 1)]
    return [*_NO_HEADER, *more], lines


def _fields(text: str) -> list[str]:
    return [field.strip().strip('"').lower() for field in text.lstrip("# ").split(",")]


def _one_of(wanted: Sequence[str], names: Sequence[str]) -> str | None:
    return next((name for name in wanted if list(names).count(name) == 1), None)


def _events(lines: Lines, names: Sequence[str]) -> Iterator[Events]:
    key, size, op = (_one_of(wanted, names) for wanted in (_KEYS, _SIZES, _OPS))
    wanted: dict[str, Any] = {str(key): TEXT}
    wanted |= {size: NUMBER} if size else {}
    wanted |= {op: TEXT} if op else {}
    columns = read_columns(lines, names, wanted)
    kinds = _kinds(columns, op)
    sizes = columns.numbers(size) if size else np.full(len(columns), _DEFAULT_BYTES)
    keys = columns.keys(str(key))
    known = kinds != _UNKNOWN
    if known.all():
        yield Events.of(kinds, keys, sizes)
    else:  # control commands of a disk, which touch no block
        yield Events.of(kinds[known], keys.filter(known), sizes[known])


def _kinds(columns: Columns, op: str | None) -> NDArray[np.uint8]:
    if op is None:
        return np.full(len(columns), READ, dtype=np.uint8)
    return columns.codes(op, _MEANING, otherwise=_UNKNOWN)


def _detects_csv(start: bytes) -> bool:
    lines = first_lines(start, 1)
    fields = _fields(lines[0]) if lines else []
    return "time" in fields and _one_of(_KEYS, fields) is not None


_RECORD = np.dtype([("time", "<u4"), ("id", "<u8"), ("size", "<u4"), ("next", "<i8")])


def _read_oracle(content: Content) -> Iterator[Events]:
    for data in content.records(_RECORD.itemsize):
        records = np.frombuffer(data, dtype=_RECORD)
        yield Events.of(READ, records["id"].copy(), records["size"].astype(np.int64))


def _detects_oracle(start: bytes) -> bool:
    """Return whether time never goes back, and every next use lies ahead, in whole records."""
    whole = len(start) // _RECORD.itemsize
    if whole < 2 or (len(start) < 4096 and len(start) % _RECORD.itemsize):
        return False
    records = np.frombuffer(start, dtype=_RECORD, count=min(whole, 1024))
    times, next_uses = records["time"].astype(np.int64), records["next"]
    is_ahead = (next_uses == -1) | (next_uses == np.iinfo(np.int64).max) | (next_uses > 0)
    # Text would be dates beyond 1986 and numbers of some 10**18 all along.
    is_near = (next_uses < 1 << 48) | (next_uses == np.iinfo(np.int64).max)
    return bool((np.diff(times) >= 0).all() and is_ahead.all() and is_near.all())


FORMATS = (
    TraceFormat(
        name="libcachesim-csv",
        summary="CSV with a header that names a column of object ids, as libCacheSim reads it",
        key_type="auto",
        read=_read_csv,
        detects=_detects_csv,
    ),
    TraceFormat(
        name="oracle-general",
        summary="libCacheSim's oracleGeneral: records of 24 bytes with time, id, size, next use",
        key_type="uint64",
        read=_read_oracle,
        detects=_detects_oracle,
        suffixes=(".oraclegeneral", ".oraclegeneral.bin"),
        is_text=False,
    ),
)
