"""Calls of an allocator as ``ltrace`` prints them.

::

    malloc(24)                                    = 0x55d5ad2e72a0
    [pid 71] ls->realloc(0x55d5ad2e72a0, 48)      = 0x55d5ad2e7700
    71 ls->malloc(100 <unfinished ...>
    72 ls->free(0x55d5ad2e7700)                   = <void>
    71 <... malloc resumed> )                     = 0x55d5ad2e7710

A call is cut where another thread comes between its beginning and its end, or where it calls
another one that is traced; allocators that call each other are counted once, as the outer one.
A block is deleted where ``free`` begins, as another thread may be given its address before it ends.
ltrace prints some registers behind the arguments of functions that it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from adhash.units import INT64_MAX
from adhash.workloads.formats.content import Content
from adhash.workloads.formats.events import Events
from adhash.workloads.formats.first_lines import some_match
from adhash.workloads.formats.heap_calls import HeapCalls, fault
from adhash.workloads.formats.trace_format import TraceFormat

# Which arguments are multiplied to the size; resizing ones have the old block first.
_SIZE_AT = {
    "malloc": (0,),
    "valloc": (0,),
    "pvalloc": (0,),
    "calloc": (0, 1),
    "memalign": (1,),
    "aligned_alloc": (1,),
    "realloc": (1,),
    "reallocarray": (1, 2),
}
_RESIZING = ("realloc", "reallocarray")
_NAMES = "|".join([*_SIZE_AT, "free"])
_START = (
    r"\s*(?:\[pid +(?P<pid>\d+)\] +|(?P<bare>\d+) +)?(?:\d[\d:.]* +)?(?:\[0x[0-9a-f]+\] +)?"
    r"(?:[^\s(]*->)?"
)
_CALL = re.compile(
    _START + rf"(?P<name>{_NAMES})(?:@[^(]*)?\((?P<given>[^()<]*)\) *= *(?P<result>\S+).*"
)
_CUT = re.compile(
    _START
    + rf"(?P<name>{_NAMES})(?:@[^(]*)?\((?P<given>[^()<]*?),? *<(?P<why>unfinished|no return)"
    r" \.\.\.>\s*"
)
_RESUMED = re.compile(
    _START + rf"<\.\.\. (?P<name>{_NAMES})(?:@\S*)? resumed> *\) *= *(?P<result>\S+).*"
)
_BROKEN = re.compile(_START + rf"(?:{_NAMES})(?:@[^(]*)?\(")
_NULLS = ("0", "nil", "(nil)", "NULL", "0x0")


def _read(content: Content) -> Iterator[Events]:
    # By process, the calls that have begun, each with its name and what it was given.
    begun: dict[str, tuple[str, list[str]]] = {}
    for lines in content.lines():
        calls = HeapCalls()
        for index, text in enumerate(lines.texts()):
            try:
                _read_line(calls, begun, text)
            except ValueError as error:
                lines.refuse(index, fault(str(error), text))
        yield from calls.events()


def _read_line(calls: HeapCalls, begun: dict[str, tuple[str, list[str]]], text: str) -> None:
    if found := _CALL.fullmatch(text):
        if _process(found) not in begun:
            _take(calls, found["name"], _arguments(found), found["result"])
    elif cut := _CUT.fullmatch(text):
        if _process(cut) not in begun:
            _begin(calls, begun, cut)
    elif resumed := _RESUMED.fullmatch(text):
        name, given = begun.get(_process(resumed), ("", []))
        if name == resumed["name"]:
            del begun[_process(resumed)]
            if name != "free":
                _take(calls, name, given, resumed["result"])
    elif _BROKEN.match(text):
        raise ValueError("the call is cut")


def _begin(calls: HeapCalls, begun: dict[str, tuple[str, list[str]]], cut: re.Match[str]) -> None:
    if cut["name"] == "free":
        _take(calls, "free", _arguments(cut), "")
    if cut["why"] == "unfinished":
        begun[_process(cut)] = (cut["name"], _arguments(cut))


def _process(found: re.Match[str]) -> str:
    return found["pid"] or found["bare"] or ""


def _arguments(found: re.Match[str]) -> list[str]:
    return [argument.strip() for argument in found["given"].split(",")]


def _take(calls: HeapCalls, name: str, given: Sequence[str], result: str) -> None:
    if name == "free":
        if given[0] not in _NULLS:
            calls.delete(_number(given[0]))
        return
    old = given[0] if name in _RESIZING and given[0] not in _NULLS else ""
    size = _size(name, given)
    if result in _NULLS:  # no memory was left, or none was asked for, which frees a block
        if old and not size:
            calls.delete(_number(old))
    elif old:
        calls.resize(_number(old), _number(result), size)
    else:
        calls.store(_number(result), size)


def _size(name: str, given: Sequence[str]) -> int:
    size = 1
    for at in _SIZE_AT[name]:
        if at >= len(given):
            raise ValueError(f"{name} needs more arguments")
        size *= _number(given[at])
    return min(size, INT64_MAX)


def _number(text: str) -> int:
    if not re.fullmatch("0x[0-9a-fA-F]{1,16}|[0-9]{1,20}", text):
        raise ValueError(f"{text[:40]!r} is no number")
    return int(text, 0) if text.startswith("0x") else int(text)


def _detects(start: bytes) -> bool:
    return some_match(_CALL, start)


FORMAT = TraceFormat(
    name="ltrace",
    summary="calls of malloc, realloc, free and their kin as ltrace prints them",
    key_type="int64",
    read=_read,
    detects=_detects,
)
