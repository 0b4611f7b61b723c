"""The building of a package cache: packages stored, names that they depend on looked up.

A line is ``P name``, ``V version`` (which stores the package named before), ``R names...`` (looked
up) or ``I names...`` (provided, stored).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from adhash.workloads.formats.content import Content, Fault
from adhash.workloads.formats.events import LOOKUP, WRITE, Events
from adhash.workloads.formats.first_lines import all_match
from adhash.workloads.formats.trace_format import TraceFormat

_PROVIDED_BYTES = 16
_LINE = re.compile(r"P \S+|V \S+|[RI]( \S+)+")


def _read(content: Content) -> Iterator[Events]:
    package = b""
    for lines in content.lines():
        kinds: list[int] = []
        keys: list[bytes] = []
        sizes: list[int] = []
        for index, line in enumerate(lines.data.splitlines()):
            tag, _, rest = line.partition(b" ")
            if tag == b"P" and rest:
                package = rest
            elif tag == b"V" and rest and package:
                kinds.append(WRITE)
                keys.append(package)
                sizes.append(len(rest))
            elif tag in (b"R", b"I"):
                names = rest.split()
                keys += names
                kinds += [LOOKUP if tag == b"R" else WRITE] * len(names)
                sizes += [0 if tag == b"R" else _PROVIDED_BYTES] * len(names)
            elif line.strip():
                lines.refuse(min(index, len(lines) - 1), _fault(line))
        if keys:
            yield Events.of(
                np.array(kinds, dtype=np.uint8),
                pa.array(keys, pa.large_binary()),
                np.array(sizes, dtype=np.int64),
            )


def _fault(line: bytes) -> Fault:
    return Fault(
        what="it is no line of a package index",
        value=line.decode("utf-8", "replace"),
        remedy="lines are: P name, then V version, R names, I names",
    )


def _detects(start: bytes) -> bool:
    return start.startswith(b"P ") and all_match(_LINE, start)


FORMAT = TraceFormat(
    name="package-index",
    summary="packages (P name, V version), names they need (R) and provide (I)",
    key_type="str",
    read=_read,
    detects=_detects,
)
