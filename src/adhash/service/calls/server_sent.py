"""Reading what a server streams: lines, and server-sent events, from blocks cut anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


class LineCutter:
    """Cuts blocks into whole lines; what has no end yet waits for the next block."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def lines(self, block: bytes) -> Iterator[bytes]:
        """Yield the lines that end in `block`, without their ends (LF or CR LF)."""
        self._rest += block
        if b"\n" not in block:
            return
        *whole, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest)
        for line in whole:
            yield line.removesuffix(b"\r")


@dataclass(frozen=True, kw_only=True)
class ServerSent:
    """An event of a stream: its name and its data."""

    name: str
    data: str


class EventCutter:
    """Cuts blocks into server-sent events (WHATWG HTML, 9.2); only whole ones come out."""

    def __init__(self) -> None:
        self._lines = LineCutter()
        self._name = ""
        self._data: list[str] = []

    def events(self, block: bytes) -> Iterator[ServerSent]:
        """Yield the events that end in `block`."""
        for line in self._lines.lines(block):
            if line:
                self._take(line.decode("utf-8", "replace"))
            elif self._data:
                yield ServerSent(name=self._name, data="\n".join(self._data))
                self._name, self._data = "", []
            else:
                self._name = ""

    def _take(self, line: str) -> None:
        # The id is in the data as well, and a line that begins with a colon keeps the line warm.
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._name = value
        elif field == "data":
            self._data.append(value)
