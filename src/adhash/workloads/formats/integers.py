"""Streams of integers, one access each: the LIRS traces as text, the cache2k traces in binary.

References
----------
S. Jiang, X. Zhang, "LIRS: an efficient low inter-reference recency set replacement policy to
improve buffer cache performance", SIGMETRICS 2002.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np

from adhash.workloads.formats.content import Content, Fault
from adhash.workloads.formats.events import READ, Events
from adhash.workloads.formats.first_lines import all_match
from adhash.workloads.formats.matching import match, require_all
from adhash.workloads.formats.trace_format import KeyKind, TraceFormat

# What a page is taken to have where nothing is recorded.
_TEXT_BYTES, _BINARY_BYTES = 8, 100
_LINE = re.compile(r"\s*(-?\d{1,19}|\*+)\s*")


def _read_text(content: Content) -> Iterator[Events]:
    for lines in content.lines():
        matched = match(lines, r"\s*(?P<key>-?[0-9]+)")
        require_all(matched, _judge)
        yield Events.of(READ, matched.integers("key", "number"), _TEXT_BYTES)


def _judge(text: str) -> Fault | None:
    if set(text.strip()) == {"*"}:  # what ends a trace of the LIRS authors
        return None
    return Fault(what="it is no integer", value=text, remedy="one integer a line")


def _binary(dtype: str) -> Callable[[Content], Iterator[Events]]:
    kind = np.dtype(dtype)
    native = np.dtype(np.uint64 if kind.itemsize == 8 else np.int64)

    def read(content: Content) -> Iterator[Events]:
        for data in content.records(kind.itemsize):
            yield Events.of(READ, np.frombuffer(data, dtype=kind).astype(native), _BINARY_BYTES)

    return read


def _binary_format(name: str, dtype: str, summary: str, *suffixes: str) -> TraceFormat:
    key_type: KeyKind = "uint64" if dtype.endswith("8") else "int64"
    return TraceFormat(
        name=name,
        summary=summary,
        key_type=key_type,
        read=_binary(dtype),
        suffixes=suffixes,
        is_text=False,
    )


def _detects(start: bytes) -> bool:
    return all_match(_LINE, start)


FORMATS = (
    TraceFormat(
        name="lirs",
        summary="an integer a line, as in the traces of LIRS; lines of * are skipped",
        key_type="int64",
        read=_read_text,
        detects=_detects,
        suffixes=(".trc",),
    ),
    _binary_format("cache2k", ">u4", "the traces of cache2k: big-endian 32-bit integers", ".i32be"),
    _binary_format("u32le", "<u4", "little-endian 32-bit integers", ".u32le"),
    _binary_format("u64be", ">u8", "big-endian 64-bit integers", ".u64be"),
    _binary_format("u64le", "<u8", "little-endian 64-bit integers", ".u64le"),
)
