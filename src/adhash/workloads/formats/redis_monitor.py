"""What ``redis-cli MONITOR`` prints: a command a line, its arguments in quotes.

::

    1339518083.107412 [0 127.0.0.1:60866] "set" "user:1" "some text"
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow.compute as pc

from adhash.workloads.arrow_buffers import numbers_of
from adhash.workloads.formats.accesses import Accesses
from adhash.workloads.formats.content import Content, Fault, Lines
from adhash.workloads.formats.escapes import readable, unescaped
from adhash.workloads.formats.events import LOOKUP, READ, WRITE, Events, taken
from adhash.workloads.formats.first_lines import some_match
from adhash.workloads.formats.matching import match
from adhash.workloads.formats.mixed_lines import SimpleLines, codes_of, read_mixed
from adhash.workloads.formats.redis_commands import ONE_KEY, key_uses
from adhash.workloads.formats.trace_format import TraceFormat

_LINE = re.compile(r'\d+\.\d+ \[(\d+) [^"]*?\]((?: "(?:[^"\\]|\\.)*")+)\s*')
_ARGUMENT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_DEFAULT_BYTES = 8

_PLAIN_SETS = dict.fromkeys(("set", "setnx", "getset", "append"), WRITE)
# Where the value stands among the arguments, if not last.
_VALUE_AT = {"set": 1, "setnx": 1, "getset": 1, "append": 1, "setex": 2, "psetex": 2, "restore": 2}
_PAIRS = ("mset", "msetnx")


# Most lines: a command on database 0, a key and at most one more argument, nothing escaped.
_SIMPLE = (
    r'[0-9]+\.[0-9]+ \[0 \S+\] "(?P<command>[A-Za-z]+)" "(?P<key>[^"\\]+)"'
    r'(?: "(?P<value>[^"\\]*)")?'
)


def _read(content: Content) -> Iterator[Events]:
    for lines in content.lines():

        def read_line(accesses: Accesses, place: int, text: str, lines: Lines = lines) -> None:
            found = _LINE.fullmatch(text)
            if found:
                _take(accesses, found[1], _ARGUMENT.findall(found[2]))
            elif text.strip() not in ("", "OK"):
                lines.refuse(place, _fault(text))

        events = read_mixed(lines, _simple(lines), read_line)
        if events:
            yield events


def _simple(lines: Lines) -> SimpleLines:
    matched = match(lines, _SIMPLE)
    kinds = codes_of(matched, "command", ONE_KEY)
    lengths = numbers_of(pc.binary_length(matched.strings("value"))).astype(np.int64)
    # A write whose only other argument is its value; where that is empty, a closer look is needed.
    is_set = (codes_of(matched, "command", _PLAIN_SETS) == WRITE) & (lengths > 0)
    is_read = (kinds == READ) | (kinds == LOOKUP)
    kept = np.flatnonzero(is_set | is_read)
    is_done = np.zeros(len(lines), dtype=bool)
    is_done[matched.places[kept]] = True
    events = Events.of(
        kinds[kept],
        taken(matched.keys("key"), kept),
        np.where(is_read, _DEFAULT_BYTES, lengths)[kept],
    )
    return SimpleLines(events=events, places=matched.places[kept], is_done=is_done)


def _take(accesses: Accesses, database: str, words: Sequence[str]) -> None:
    command, *arguments = words
    command = command.lower()
    for use in key_uses(command, arguments):
        key = readable(arguments[use.at])
        if key:  # the empty key is one of redis, but none of a trace
            home = use.database or database
            is_write = use.kind == WRITE
            size = _size(command, arguments, use.at) if is_write else _DEFAULT_BYTES
            accesses.add(use.kind, key if home == "0" else f"{home}:{key}", size)


def _size(command: str, arguments: Sequence[str], key_at: int) -> int:
    if command in ONE_KEY:
        at = _VALUE_AT.get(command, -1)
        has_value = len(arguments) > max(at, 1)
        return len(unescaped(arguments[at])) if has_value else _DEFAULT_BYTES
    return len(unescaped(arguments[key_at + 1])) if command in _PAIRS else _DEFAULT_BYTES


def _fault(text: str) -> Fault:
    return Fault(
        what="it is no line of MONITOR",
        value=text,
        remedy='lines are such as: 1339518083.107412 [0 127.0.0.1:60866] "get" "key"',
    )


def _detects(start: bytes) -> bool:
    return some_match(_LINE, start, most=3)


FORMAT = TraceFormat(
    name="redis-monitor",
    summary="what redis-cli MONITOR prints",
    key_type="str",
    read=_read,
    detects=_detects,
)
