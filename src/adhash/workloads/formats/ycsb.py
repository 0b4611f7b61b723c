"""What the YCSB client prints with its ``basic`` binding: an operation a line, between reports."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pyarrow.compute as pc

from adhash.workloads.arrow_buffers import numbers_of
from adhash.workloads.formats.content import Content, Fault
from adhash.workloads.formats.events import DELETE, READ, WRITE, Events
from adhash.workloads.formats.first_lines import some_match
from adhash.workloads.formats.matching import match, require_all
from adhash.workloads.formats.trace_format import TraceFormat

# READ usertable user123 [ field0 field1 ]        SCAN usertable user123 56 [ <all fields>]
_PATTERN = (
    r"(?P<op>READ|SCAN|UPDATE|INSERT|DELETE) \S+ (?P<key>\S+)(?: [0-9]+)? ?(?P<fields>[^\r\n]*)"
)
_OPERATION = re.compile(r"(READ|SCAN|UPDATE|INSERT|DELETE) \S+ user\d+\b")
_CUT_OPERATION = re.compile(r"(READ|SCAN|UPDATE|INSERT|DELETE)\b")
# A record has ten fields of 100 bytes unless the workload says otherwise.
_RECORD_BYTES = 1000


def _read(content: Content) -> Iterator[Events]:
    kinds_by_letter = np.full(256, READ, dtype=np.uint8)
    for letter, kind in ((b"U", WRITE), (b"I", WRITE), (b"D", DELETE)):
        kinds_by_letter[letter[0]] = kind
    for lines in content.lines():
        matched = match(lines, _PATTERN)
        require_all(matched, _judge)
        if not len(matched):
            continue
        kinds = kinds_by_letter[matched.letters("op")]
        lengths = numbers_of(pc.binary_length(matched.strings("fields"))).astype(np.int64)
        sizes = np.where(kinds == WRITE, np.maximum(lengths, 1), _RECORD_BYTES)
        yield Events.of(kinds, matched.keys("key"), sizes)


def _judge(text: str) -> Fault | None:
    """Return what is wrong with a line that is no operation: nothing, unless it begins as one."""
    if _CUT_OPERATION.match(text):
        remedy = "an operation is such as READ usertable user1 [ <all fields>]"
        return Fault(what="the operation is cut", value=text, remedy=remedy)
    return None


def _detects(start: bytes) -> bool:
    return some_match(_OPERATION, start, most=2_000)


FORMAT = TraceFormat(
    name="ycsb",
    summary="operations printed by YCSB's basic binding; reports between them are skipped",
    key_type="str",
    read=_read,
    detects=_detects,
)
