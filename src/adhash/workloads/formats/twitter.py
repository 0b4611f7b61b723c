"""The cache traces that Twitter published: a request a line, seven columns, no header.

References
----------
J. Yang, Y. Yue, R. Vinayak, "A large scale analysis of hundreds of in-memory cache clusters at
Twitter", OSDI 2020.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from adhash.workloads.formats.content import Content, Fault, Lines
from adhash.workloads.formats.delimited import NUMBER, TEXT, Columns, read_columns
from adhash.workloads.formats.events import DELETE, READ, WRITE, Events
from adhash.workloads.formats.first_lines import all_match
from adhash.workloads.formats.trace_format import TraceFormat

_NAMES = ("timestamp", "key", "key size", "value size", "client id", "operation", "TTL")
_WANTED = {"key": TEXT, "value size": NUMBER, "operation": TEXT}
_WRITES = ("set", "add", "replace", "cas", "append", "prepend", "incr", "decr")
_MEANING = {"get": READ, "gets": READ, **dict.fromkeys(_WRITES, WRITE), "delete": DELETE}
_UNKNOWN = 255
_LINE = re.compile(rf"\d+,[^,]+,\d+,\d+,\d+,({'|'.join(_MEANING)}),\d+")


def _read(content: Content) -> Iterator[Events]:
    for lines in content.lines():
        columns = read_columns(lines, _NAMES, _WANTED)
        kinds = columns.codes("operation", _MEANING, otherwise=_UNKNOWN)
        if (kinds == _UNKNOWN).any():
            _refuse_operation(lines, columns, int((kinds == _UNKNOWN).argmax()))
        yield Events.of(kinds, columns.keys("key"), columns.numbers("value size"))


def _refuse_operation(lines: Lines, columns: Columns, row: int) -> None:
    places = [at for at, text in enumerate(lines.texts()) if text.strip()]
    fault = Fault(
        what="the operation is unknown",
        value=columns.strings("operation")[row].as_py(),
        remedy=f"operations are {', '.join(_MEANING)}",
    )
    lines.refuse(places[row], fault)


def _detects(start: bytes) -> bool:
    return all_match(_LINE, start)


FORMAT = TraceFormat(
    name="twitter",
    summary="Twitter's cache traces: time,key,key size,value size,client,operation,TTL",
    key_type="str",
    read=_read,
    detects=_detects,
)
