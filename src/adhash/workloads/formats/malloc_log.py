"""A log of an allocator, a call a line: ``m address size``, ``f address``, ``r address size``.

It is the table of live blocks that a profiler of the heap keeps: a block that is allocated is
stored, a freed one is deleted, one that is resized in place is looked up and stored again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from adhash.workloads.formats.content import Content, Fault
from adhash.workloads.formats.events import DELETE, LOOKUP, WRITE, Events
from adhash.workloads.formats.first_lines import all_match
from adhash.workloads.formats.matching import match, require_all
from adhash.workloads.formats.trace_format import TraceFormat

_PATTERN = r"(?P<op>[mfr]) (?:0x)?(?P<address>[0-9a-fA-F]{1,16})(?: (?P<size>[0-9]{1,18}))?"
_LINE = re.compile(r"[mr] (0x)?[0-9a-fA-F]{1,16} \d+|f (0x)?[0-9a-fA-F]{1,16}")


def _read(content: Content) -> Iterator[Events]:
    for lines in content.lines():
        matched = match(lines, _PATTERN)
        require_all(matched, _wrong)
        if not len(matched):
            continue
        letters = matched.letters("op")
        has_size = matched.is_given("size")
        is_free = letters == ord("f")
        if (is_free == has_size).any():
            place = int(matched.places[int((is_free == has_size).argmax())])
            lines.refuse(place, _wrong(lines.text(place)))
        addresses = matched.integers("address", "address", base=16)
        sizes = matched.integers("size", "size").astype(np.int64)
        yield resized(np.where(is_free, DELETE, WRITE), addresses, sizes, letters == ord("r"))


def resized(
    kinds: np.ndarray, addresses: np.ndarray, sizes: np.ndarray, is_resize: np.ndarray
) -> Events:
    """Return accesses to blocks, of which a resize is a look-up before its write."""
    counts = 1 + is_resize.astype(np.int64)
    places = np.repeat(np.arange(len(kinds)), counts)
    is_lookup = np.zeros(len(places), dtype=bool)
    is_lookup[np.cumsum(counts)[is_resize] - 2] = True
    return Events.of(
        np.where(is_lookup, LOOKUP, kinds[places]).astype(np.uint8),
        addresses[places],
        np.where(is_lookup, 0, sizes[places]),
    )


def _wrong(text: str) -> Fault:
    return Fault(
        what="it is no call of an allocator",
        value=text,
        remedy="lines are: m address size, f address, r address size; addresses in hexadecimal",
    )


def _detects(start: bytes) -> bool:
    return all_match(_LINE, start)


FORMAT = TraceFormat(
    name="malloc-log",
    summary="calls of an allocator: m address size, f address, r address size",
    key_type="int64",
    read=_read,
    detects=_detects,
)
