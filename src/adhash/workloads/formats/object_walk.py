"""The look-ups of a walk over git objects: ids of 20 bytes, and the order they were asked for.

::

    0           8           12              16
    | OIDWALK1  | ids: u32  | look-ups: u32 | ids, 20 bytes each | look-ups, u32 each |
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from adhash.errors import TraceError
from adhash.workloads.formats.content import Content
from adhash.workloads.formats.events import READ, Events
from adhash.workloads.formats.trace_format import TraceFormat

_MAGIC = b"OIDWALK1"
_HEADER = struct.Struct("<8sII")
_ID_BYTES = 20
_DIGITS = 2 * _ID_BYTES
_SIZE = 8
# The ids are held in memory while the walk is read.
_MAX_BYTES = 1 << 31
_ROWS = 1 << 16


def _read(content: Content) -> Iterator[Events]:
    data = content.all(_MAX_BYTES)
    if len(data) < _HEADER.size or not data.startswith(_MAGIC):
        remedy = "name the --format of this trace"
        raise content.error_at(0, f"it does not begin with {_MAGIC!r}", remedy)
    _, ids, lookups = _HEADER.unpack_from(data)
    walk_at = _HEADER.size + _ID_BYTES * ids
    expected = walk_at + 4 * lookups
    if len(data) != expected:
        what = f"it has {len(data)} bytes; {ids} ids and {lookups} look-ups have {expected}"
        raise content.error_at(min(len(data), expected), what, "copy the trace again")
    names = _hexadecimal(data[_HEADER.size : walk_at], ids)
    walk = np.frombuffer(data, dtype="<u4", offset=walk_at)
    if (walk >= ids).any():
        raise _no_such_id(content, walk, walk_at, ids)
    for start in range(0, len(walk), _ROWS):
        places = walk[start : start + _ROWS].astype(np.int64)
        yield Events.of(READ, names.take(places), _SIZE)


def _hexadecimal(data: bytes, count: int) -> Any:
    offsets = np.arange(count + 1, dtype=np.int64) * _DIGITS
    digits = binascii.hexlify(data)
    buffers = [None, pa.py_buffer(offsets.data), pa.py_buffer(digits)]
    return pa.Array.from_buffers(pa.large_binary(), count, buffers)


def _no_such_id(content: Content, walk: np.ndarray, walk_at: int, ids: int) -> TraceError:
    place = int((walk >= ids).argmax())
    what = f"look-up {place + 1} is of id {walk[place]}, but there are {ids}"
    return content.error_at(walk_at + 4 * place, what, "copy the trace again")


def _detects(start: bytes) -> bool:
    return start.startswith(_MAGIC)


FORMAT = TraceFormat(
    name="git-object-walk",
    summary="ids of git objects and the order in which a walk looked them up (OIDWALK1)",
    key_type="str",
    read=_read,
    detects=_detects,
    is_text=False,
)
