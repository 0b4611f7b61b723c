"""Calls of an allocator as ``ltrace`` prints them and as glibc's ``mtrace`` logs them.

::

    malloc(24)                                    = 0x55d5ad2e72a0
    [pid 71] ls->realloc(0x55d5ad2e72a0, 48)      = 0x55d5ad2e7700
    free(0x55d5ad2e7700)                          = <void>

    @ ./a.out:(main+0x1c)[0x400b6e] + 0x1b9e010 0x64
    @ ./a.out:(main+0x2c)[0x400b7e] - 0x1b9e010
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from adhash.units import INT64_MAX
from adhash.workloads.formats.content import Content, Fault, Lines
from adhash.workloads.formats.events import DELETE, LOOKUP, WRITE, Events
from adhash.workloads.formats.first_lines import some_match
from adhash.workloads.formats.trace_format import TraceFormat

_CALL = re.compile(
    r"(?:\[pid \d+\] |\d+ )?(?:[\d:.]+ )?(?:[^\s(]*->)?"
    r"(malloc|calloc|realloc|memalign|aligned_alloc|free)(?:@[^(]*)?\(([^)]*)\)\s*= *(\S+).*"
)
_CUT_CALL = re.compile(
    r"(?:\[pid \d+\] |\d+ )?(?:[\d:.]+ )?(?:[^\s(]*->)?"
    r"(malloc|calloc|realloc|memalign|aligned_alloc|free)(?:@[^(]*)?\("
)
_NULLS = ("0", "nil", "(nil)", "NULL", "0x0")


class _Calls:
    """Accesses to the table of live blocks."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, int]] = []

    def store(self, address: int, size: int) -> None:
        self._rows.append((WRITE, address, size))

    def delete(self, address: int) -> None:
        self._rows.append((DELETE, address, 0))

    def resize(self, old: int, new: int, size: int) -> None:
        if old == new:
            self._rows.append((LOOKUP, old, 0))
        else:
            self.delete(old)
        self.store(new, size)

    def events(self) -> Iterator[Events]:
        if self._rows:
            kinds, addresses, sizes = zip(*self._rows, strict=True)
            yield Events.of(
                np.array(kinds, dtype=np.uint8),
                np.array(addresses, dtype=np.uint64),
                np.array(sizes, dtype=np.int64),
            )


def _read_ltrace(content: Content) -> Iterator[Events]:
    for lines in content.lines():
        calls = _Calls()
        for index, text in enumerate(lines.texts()):
            found = _CALL.fullmatch(text)
            try:
                if found:
                    _take(calls, found[1], found[2].split(","), found[3])
                elif _CUT_CALL.match(text) and "<unfinished" not in text:
                    raise ValueError("the call is cut")
            except ValueError as error:
                lines.refuse(index, _fault(str(error), text))
        yield from calls.events()


def _take(calls: _Calls, name: str, arguments: list[str], result: str) -> None:
    given = [argument.strip() for argument in arguments]
    if name == "free":
        if given[0] not in _NULLS:
            calls.delete(_number(given[0]))
        return
    if result in _NULLS:  # no memory was left, or none was asked for
        return
    if name == "realloc" and given[0] not in _NULLS:
        calls.resize(_number(given[0]), _number(result), _number(given[-1]))
    elif name == "calloc":
        calls.store(_number(result), min(_number(given[0]) * _number(given[-1]), INT64_MAX))
    else:
        calls.store(_number(result), min(_number(given[-1]), INT64_MAX))


def _number(text: str) -> int:
    if not re.fullmatch("0x[0-9a-fA-F]{1,16}|[0-9]{1,18}", text):
        raise ValueError(f"{text[:40]!r} is no number")
    return int(text, 0) if text.startswith("0x") else int(text)


def _fault(what: str, text: str) -> Fault:
    return Fault(what=what, value=text, remedy="correct or drop the line")


_BLOCK = re.compile(r"(?:@ .* )?([-+<>]) (0x[0-9a-fA-F]{1,16})(?: (0x[0-9a-fA-F]{1,16}))?\s*")
_OTHER = re.compile(r"\s*|= (Start|End)\s*|.* ! .*|! .*")


def _read_mtrace(content: Content) -> Iterator[Events]:
    moved: int | None = None
    for lines in content.lines():
        calls = _Calls()
        for index, text in enumerate(lines.texts()):
            found = _BLOCK.fullmatch(text)
            if found is None:
                _require_other(lines, index, text)
                continue
            sign, address, size = (
                found[1],
                int(found[2], 16),
                min(int(found[3] or "0", 16), INT64_MAX),
            )
            if (sign in "+>") != (found[3] is not None):
                lines.refuse(index, _fault("a size is missing, or there is one too many", text))
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


def _detects_ltrace(start: bytes) -> bool:
    return some_match(_CALL, start)


def _detects_mtrace(start: bytes) -> bool:
    return start.startswith((b"= Start", b"@ ")) and some_match(_BLOCK, start)


FORMATS = (
    TraceFormat(
        name="ltrace",
        summary="calls of malloc, realloc, free and their kin as ltrace prints them",
        key_type="int64",
        read=_read_ltrace,
        detects=_detects_ltrace,
    ),
    TraceFormat(
        name="mtrace",
        summary="the log of glibc's mtrace",
        key_type="int64",
        read=_read_mtrace,
        detects=_detects_mtrace,
    ),
)
