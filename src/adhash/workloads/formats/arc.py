"""The traces of the ARC paper: a request a line, ``start count ignored number``, of disk pages.

References
----------
N. Megiddo, D. S. Modha, "ARC: A self-tuning, low overhead replacement cache", FAST 2003.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from adhash.units import INT64_MAX
from adhash.workloads.formats.content import Content, Fault, Lines
from adhash.workloads.formats.delimited import NUMBER, read_columns
from adhash.workloads.formats.events import READ, Events, repetitions
from adhash.workloads.formats.first_lines import all_match
from adhash.workloads.formats.trace_format import TraceFormat

_PAGE_BYTES = 512
# 8 GiB in one request: a larger count is damage, and would keep a reader busy for ever.
_MAX_PAGES = 1 << 24
_NAMES = ("start", "count", "ignored", "number")
_GAPS = re.compile(rb"[ \t]+")
_LINE = re.compile(r"\s*\d{1,19}([ \t]+\d{1,19}){3}\s*")


def _read(content: Content) -> Iterator[Events]:
    for lines in content.lines():
        columns = read_columns(
            _tidied(lines), _NAMES, {"start": NUMBER, "count": NUMBER}, delimiter=" "
        )
        starts, counts = columns.numbers("start"), columns.numbers("count")
        _require_plausible(lines, starts, counts)
        for places, pages in repetitions(counts, 1 << 16):
            yield Events.of(READ, starts[places] + pages, _PAGE_BYTES)


def _tidied(lines: Lines) -> Lines:
    """Return the lines with one space between columns."""
    data = lines.data
    if b"  " in data or b"\t" in data or b" \n" in data or b"\n " in data or data[:1] == b" ":
        tidy = (_GAPS.sub(b" ", line).strip() for line in data.split(b"\n")[:-1])
        data = b"\n".join(tidy) + b"\n"
    return Lines(data, lines.first, lines.name)


def _require_plausible(lines: Lines, starts: np.ndarray, counts: np.ndarray) -> None:
    is_wrong = (counts > _MAX_PAGES) | (starts > INT64_MAX - counts)
    if is_wrong.any():
        # Blank lines were skipped, so the place among lines is that among those that are not.
        wanted = int(is_wrong.argmax())
        places = [at for at, text in enumerate(lines.texts()) if text.strip()]
        fault = Fault(
            what=f"more than {_MAX_PAGES} pages in a request, or pages beyond 2**63",
            value=lines.text(places[wanted]),
            remedy="correct or drop the line",
        )
        lines.refuse(places[wanted], fault)


def _detects(start: bytes) -> bool:
    return all_match(_LINE, start)


FORMAT = TraceFormat(
    name="arc",
    summary="requests of disk pages as in the ARC paper (.lis): start count ignored number",
    key_type="int64",
    read=_read,
    detects=_detects,
    suffixes=(".lis",),
)
