"""What ``memcached -vv`` prints: the commands of clients behind ``<``, answers behind ``>``.

::

    <31 get user:1 user:2
    >31 sending key user:1
    >31 END
    <31 set user:2 0 60 5
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from adhash.workloads.formats.accesses import Accesses
from adhash.workloads.formats.content import Content, Fault
from adhash.workloads.formats.events import DELETE, LOOKUP, READ, WRITE, Events
from adhash.workloads.formats.first_lines import some_match
from adhash.workloads.formats.trace_format import TraceFormat

_COMMAND = re.compile(r"<\d+ (\S+)(?: (.*))?")
_DETECTED = re.compile(
    r"<\d+ ((get|gets|set|add|replace|append|prepend|cas|delete|incr|decr|touch|gat|gats|"
    r"mg|ms|md|ma|mn) |new auto-negotiating client connection)|slab class +\d+: chunk size"
)
_STORES = ("set", "add", "replace", "append", "prepend", "cas")
_SIZE_AT = 3  # key flags exptime bytes
_DEFAULT_BYTES = 8
# Which commands have one key first.
_ONE = {
    "delete": DELETE,
    "incr": WRITE,
    "decr": WRITE,
    "touch": LOOKUP,
    "mg": READ,
    "md": DELETE,
    "ma": WRITE,
}
_LONGEST_KEY = 250


def _read(content: Content) -> Iterator[Events]:
    for lines in content.lines():
        accesses = Accesses()
        for index, text in enumerate(lines.texts()):
            found = _COMMAND.match(text)
            if found:
                fault = _take(accesses, found[1], (found[2] or "").split())
                if fault:
                    lines.refuse(index, Fault(what=fault, value=text, remedy=_REMEDY))
        if accesses.keys:
            yield accesses.events()


_REMEDY = "correct or drop the line; commands are such as: <31 set key 0 60 5"


def _take(accesses: Accesses, command: str, words: Sequence[str]) -> str:
    """Take a command; return what is wrong with it, if it is one of ours and cannot be read."""
    if command in ("get", "gets"):
        return _add(accesses, READ, words)
    if command in ("gat", "gats"):
        return _add(accesses, READ, words[1:])
    if command in _STORES:
        return _store(accesses, words, _SIZE_AT)
    if command == "ms":
        return _store(accesses, words, 1)
    if command in _ONE:
        return _add(accesses, _ONE[command], words[:1])
    return ""


def _store(accesses: Accesses, words: Sequence[str], size_at: int) -> str:
    if len(words) <= size_at or not _is_size(words[size_at]):
        return "the size of the value is missing, or is no number"
    return _add(accesses, WRITE, words[:1], int(words[size_at].removeprefix("S")))


def _is_size(word: str) -> bool:
    digits = word.removeprefix("S")
    return digits.isascii() and digits.isdigit() and len(digits) <= 10


def _add(accesses: Accesses, kind: int, keys: Sequence[str], size: int = _DEFAULT_BYTES) -> str:
    if not keys:
        return "the key is missing"
    for key in keys:
        if len(key) > _LONGEST_KEY:
            return f"a key is longer than {_LONGEST_KEY} characters"
        accesses.add(kind, key, size)
    return ""


def _detects(start: bytes) -> bool:
    return some_match(_DETECTED, start)


FORMAT = TraceFormat(
    name="memcached-vv",
    summary="what memcached -vv prints",
    key_type="str",
    read=_read,
    detects=_detects,
)
