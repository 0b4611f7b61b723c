"""What glibc's ``mtrace`` logs of an allocator.

::

    @ ./a.out:(main+0x1c)[0x400b6e] + 0x1b9e010 0x64
    @ ./a.out:(main+0x2c)[0x400b7e] < 0x1b9e010
    @ ./a.out:(main+0x2c)[0x400b7e] > 0x1b9e0f0 0x80
    @ ./a.out:(main+0x3c)[0x400b8e] - 0x1b9e0f0

A size of nothing is logged as ``0``, and the block that there was no memory for as ``(nil)``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from adhash.units import INT64_MAX
from adhash.workloads.formats.content import Content, Fault, Lines
from adhash.workloads.formats.events import Events
from adhash.workloads.formats.first_lines import some_match
from adhash.workloads.formats.heap_calls import HeapCalls, fault
from adhash.workloads.formats.trace_format import TraceFormat

_BLOCK = re.compile(r"(?:@ .* )?([-+<>]) (0x[0-9a-fA-F]{1,16})(?: (0x[0-9a-fA-F]{1,16}|0))?\s*")
# Besides ends: a resize that failed, and a block that could not be had.
_OTHER = re.compile(
    r"\s*|= (Start|End)\s*|.* ! .*|! .*|(?:@ .* )?[+>] \(nil\) (0x[0-9a-fA-F]+|0)\s*"
)


def _read(content: Content) -> Iterator[Events]:
    moved: int | None = None
    for lines in content.lines():
        calls = HeapCalls()
        for index, text in enumerate(lines.texts()):
            found = _BLOCK.fullmatch(text)
            if found is None:
                _require_other(lines, index, text)
                continue
            sign, address = found[1], int(found[2], 16)
            size = min(int(found[3] or "0", 16), INT64_MAX)
            if (sign in "+>") != (found[3] is not None):
                lines.refuse(index, fault("a size is missing, or there is one too many", text))
            if sign == "+":
                calls.store(address, size)
            elif sign == "-":
                calls.delete(address)
            elif sign == "<":
                moved = address
            else:
                calls.resize(address if moved is None else moved, address, size)
                moved = None
        yield from calls.events()


def _require_other(lines: Lines, index: int, text: str) -> None:
    if not _OTHER.fullmatch(text):
        remedy = "lines are such as: @ ./a.out:[0x400b6e] + 0x1b9e010 0x64"
        lines.refuse(index, Fault(what="it is no line of mtrace", value=text, remedy=remedy))


def _detects(start: bytes) -> bool:
    return start.startswith((b"= Start", b"@ ")) and some_match(_BLOCK, start)


FORMAT = TraceFormat(
    name="mtrace",
    summary="the log of glibc's mtrace",
    key_type="int64",
    read=_read,
    detects=_detects,
)
