"""Plain text as a workload: its words counted, or its lines looked up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from adhash.workloads.formats.content import Content, Lines
from adhash.workloads.formats.events import LOOKUP, READ, WRITE, Events, in_turn
from adhash.workloads.formats.trace_format import TraceFormat

_COUNTER_BYTES = 8
_WORD = re.compile("[a-z]+(?:['\u2019][a-z]+)*")


def _words(lines: Lines) -> Any:
    return pa.array(_WORD.findall(lines.data.decode().lower()), pa.string())


def _tokens(lines: Lines) -> Any:
    return pa.array(lines.data.split(), pa.binary())


def _counting(split: Callable[[Lines], Any]) -> Callable[[Content], Iterator[Events]]:
    """Return a reader of a count of words: each is looked up, and its count then stored."""

    def read(content: Content) -> Iterator[Events]:
        for lines in content.lines():
            keys = split(lines).cast(pa.large_binary())
            if len(keys):
                yield in_turn(Events.of(LOOKUP, keys, 0), Events.of(WRITE, keys, _COUNTER_BYTES))

    return read


def _read_lines(content: Content) -> Iterator[Events]:
    for lines in content.lines():
        trimmed: Any = pc.utf8_trim_whitespace(lines.strings())
        keys = trimmed.filter(pc.not_equal(trimmed, pa.scalar(""))).cast(pa.large_binary())
        if len(keys):
            yield Events.of(READ, keys, _COUNTER_BYTES)


FORMATS = (
    TraceFormat(
        name="words",
        summary="a text whose words, of the letters a to z in lower case, are counted",
        key_type="str",
        read=_counting(_words),
    ),
    TraceFormat(
        name="tokens",
        summary="a text whose words, as white space cuts them, are counted",
        key_type="str",
        read=_counting(_tokens),
    ),
    TraceFormat(
        name="lines",
        summary="a key a line, such as URLs: each is looked up",
        key_type="str",
        read=_read_lines,
    ),
)
