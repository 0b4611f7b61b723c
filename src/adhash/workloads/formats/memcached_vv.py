"""What ``memcached -vv`` prints: the commands of clients behind ``<``, answers behind ``>``.

::

    <31 get user:1 user:2
    >31 sending key user:1
    >31 END
    <31 set user:2 0 60 5
    >31 STORED

Of the binary protocol it prints the header in hexadecimal, and then what the command is::

    <32 Read binary protocol data:
    <32    0x80 0x01 0x00 0x07
    <32 SET user:1 Value len is 12
    Deleting user:1
    incr hits 1, 0, 0

A command that memcached refuses is printed before the refusal is, which then is the answer on the
same connection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from adhash.errors import TraceError
from adhash.workloads.formats.accesses import Accesses
from adhash.workloads.formats.content import Content, Fault, line_error
from adhash.workloads.formats.events import DELETE, LOOKUP, READ, WRITE, Events
from adhash.workloads.formats.first_lines import some_match
from adhash.workloads.formats.trace_format import TraceFormat

_COMMAND = re.compile(r"<(\d+) (\S+)(?: (.*))?")
_ANSWER = re.compile(r">(\d+) (ERROR|CLIENT_ERROR|SERVER_ERROR)\b")
_PROTOCOL = re.compile(r"(\d+): Client using the (ascii|binary) protocol|<(\d+) Read binary")
_BINARY = re.compile(
    r"<(?P<connection>\d+) (?P<command>SET|ADD|REPLACE|GET|TOUCH) (?P<key>.+?)"
    r"(?: Value len is (?P<size>\d{1,10}))?"
)
_BINARY_ONLY = re.compile(r"(?P<command>Deleting|incr) (?P<key>.+?)(?: \d+, \d+, \d+)?")
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
_BINARY_KINDS = {
    **dict.fromkeys(("SET", "ADD", "REPLACE", "incr"), WRITE),
    "GET": READ,
    "TOUCH": LOOKUP,
    "Deleting": DELETE,
}
_LONGEST_KEY = 250


def _read(content: Content) -> Iterator[Events]:
    log = _Log(content.name)
    for lines in content.lines():
        accesses = Accesses()
        for number, text in enumerate(lines.texts(), lines.first):
            log.read(accesses, number, text)
        if accesses.keys:
            yield accesses.events()
    log.end()


class _Log:
    """What is known of connections from one line to the next."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._binary: set[str] = set()
        # Commands that cannot be read, until their answer tells whether memcached could.
        self._faults: dict[str, TraceError] = {}

    def read(self, accesses: Accesses, number: int, text: str) -> None:
        """Read a line."""
        if text.startswith("<"):
            self._read_command(accesses, number, text)
        elif answer := _ANSWER.match(text):
            self._faults.pop(answer[1], None)
        elif protocol := _PROTOCOL.match(text):
            self._choose(protocol[1], is_binary=protocol[2] == "binary")
        elif self._binary and (found := _BINARY_ONLY.fullmatch(text)):
            accesses.add(*_binary_access(found["command"], found["key"], ""))

    def end(self) -> None:
        """Refuse a command that was never answered, and could not be read."""
        for fault in self._faults.values():
            raise fault

    def _read_command(self, accesses: Accesses, number: int, text: str) -> None:
        found = _COMMAND.match(text)
        if not found:
            return
        connection = found[1]
        if connection in self._faults:
            raise self._faults[connection]
        if _PROTOCOL.match(text):
            self._choose(connection, is_binary=True)
        elif connection not in self._binary:
            what = _take(accesses, found[2], (found[3] or "").split())
            if what:
                fault = Fault(what=what, value=text, remedy=_REMEDY)
                self._faults[connection] = line_error(self._name, number, fault)
        elif binary := _BINARY.fullmatch(text):
            accesses.add(*_binary_access(binary["command"], binary["key"], binary["size"]))

    def _choose(self, connection: str, *, is_binary: bool) -> None:
        if is_binary:
            self._binary.add(connection)
        else:
            self._binary.discard(connection)


def _binary_access(command: str, key: str, size: str | None) -> tuple[int, str, int]:
    return _BINARY_KINDS[command], key, int(size) if size else _DEFAULT_BYTES


_REMEDY = "correct or drop the line; commands are such as: <31 set key 0 60 5"


def _take(accesses: Accesses, command: str, words: Sequence[str]) -> str:
    """Take a command; return what is wrong with it, if it is one of ours and cannot be read."""
    if command in ("get", "gets"):
        return _add(accesses, READ, words)
    if command in ("gat", "gats"):
        # With a time and no key, it is answered as if all keys were missing.
        return _add(accesses, READ, words[1:]) if len(words) != 1 else ""
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
