"""Path look-ups, a line each: found (g), not found (n), created (c), removed (u), renamed (r)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from adhash.workloads.formats.content import Content, Fault
from adhash.workloads.formats.events import (
    DELETE,
    LOOKUP,
    READ,
    WRITE,
    Events,
    Keys,
    joined_keys,
    taken,
)
from adhash.workloads.formats.first_lines import all_match
from adhash.workloads.formats.matching import match, require_all
from adhash.workloads.formats.trace_format import TraceFormat

#: What a look-up of a path answers with: a ``struct stat``.
STAT_BYTES = 144

_PATTERN = r"(?P<op>[gncur])\t(?P<path>[^\t\r\n]+)(?:\t(?P<new>[^\t\r\n]+))?"
_LINE = re.compile(r"[gncu]\t[^\t]+|r\t[^\t]+\t[^\t]+")
_KINDS = {"g": READ, "n": LOOKUP, "c": WRITE, "u": DELETE, "r": DELETE}


def _read(content: Content) -> Iterator[Events]:
    kind_of = np.zeros(256, dtype=np.uint8)
    for letter, kind in _KINDS.items():
        kind_of[ord(letter)] = kind
    for lines in content.lines():
        matched = match(lines, _PATTERN)
        require_all(matched, _judge)
        if not len(matched):
            continue
        letters = matched.letters("op")
        is_rename = letters == ord("r")
        has_new = matched.is_given("new")
        if (is_rename != has_new).any():
            place = int(matched.places[int((is_rename != has_new).argmax())])
            lines.refuse(place, _wrong(lines.text(place)))
        yield with_renames(kind_of[letters], matched.keys("path"), matched.keys("new"), is_rename)


def with_renames(kinds: np.ndarray, paths: Keys, new_paths: Keys, is_rename: np.ndarray) -> Events:
    """Return accesses to paths, of which a rename removes one path and makes another.

    Parameters
    ----------
    kinds : ndarray of uint8, shape (n,)
        What each does to its path.
    paths : pyarrow.LargeBinaryArray, shape (n,)
        The paths.
    new_paths : pyarrow.LargeBinaryArray, shape (n,)
        What they are renamed to; of no meaning where nothing is.
    is_rename : ndarray of bool, shape (n,)
        Whether there is a new path.

    Returns
    -------
    Events
        One an access and one more a rename.
    """
    sizes = np.where(np.isin(kinds, (READ, WRITE)), STAT_BYTES, 0)
    if not is_rename.any():
        return Events.of(kinds, paths, sizes)
    counts = 1 + is_rename.astype(np.int64)
    places = np.repeat(np.arange(len(kinds)), counts)
    is_second = np.zeros(len(places), dtype=bool)
    is_second[np.cumsum(counts)[is_rename] - 1] = True
    both = joined_keys([paths, new_paths])
    return Events.of(
        np.where(is_second, WRITE, kinds[places]).astype(np.uint8),
        taken(both, places + is_second * len(kinds)),
        np.where(is_second, STAT_BYTES, sizes[places]),
    )


def _judge(text: str) -> Fault | None:
    return _wrong(text)


def _wrong(text: str) -> Fault:
    return Fault(
        what="it is no look-up of a path",
        value=text,
        remedy="lines are g, n, c or u and a path, or r and two paths, between tabs",
    )


def _detects(start: bytes) -> bool:
    return all_match(_LINE, start)


FORMAT = TraceFormat(
    name="path-lookups",
    summary="path look-ups between tabs: g found, n not found, c created, u removed, r renamed",
    key_type="str",
    read=_read,
    detects=_detects,
)
