"""What a reader reads from: the decompressed content of a trace as lines or records, checked.

Readers are handed whole lines or whole records only, and everything that is wrong with any text
(no UTF-8, a NUL, a line without end) or with any file of records (one that was cut) is found here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from adhash.errors import InterruptedRunError, TraceError

_LINE_FEED = 10
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong with a line or a record.

    Parameters
    ----------
    what : str
        What is wrong, such as ``"the size is no number"``.
    value : str
        The offending text.
    remedy : str
        What to do.
    """

    what: str
    value: str = ""
    remedy: str = ""


class Lines:
    """Whole lines of a text, each with its line feed.

    Parameters
    ----------
    data : bytes
        The lines.
    first : int
        The number of the first one in the file, from 1.
    name : str
        The trace as the user named it.
    """

    def __init__(self, data: bytes, first: int, name: str) -> None:
        self.data = data
        self.first = first
        self.name = name

    def __len__(self) -> int:
        return len(self.ends)

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """Where each line ends: behind its line feed."""
        return np.flatnonzero(np.frombuffer(self.data, dtype=np.uint8) == _LINE_FEED) + 1

    def strings(self) -> Any:
        """Return the lines, each with its line feed, without copying them."""
        offsets = np.concatenate([[0], self.ends]).astype(np.int32)
        buffers = [None, pa.py_buffer(offsets.data), pa.py_buffer(self.data)]
        return pa.Array.from_buffers(pa.string(), len(self), buffers)

    def text(self, index: int) -> str:
        """Return a line without its end."""
        start = int(self.ends[index - 1]) if index else 0
        return self.data[start : int(self.ends[index])].decode().rstrip("\r\n")

    def texts(self) -> list[str]:
        """Return all lines without their ends."""
        return [line.rstrip("\r") for line in self.data.decode().split("\n")[:-1]]

    def without_first(self) -> Lines:
        """Return the lines behind the first."""
        return Lines(self.data[int(self.ends[0]) :], self.first + 1, self.name)

    def refuse(self, index: int, fault: Fault) -> NoReturn:
        """Refuse a line.

        Parameters
        ----------
        index : int
            Its place among these.
        fault : Fault
            What is wrong with it.

        Raises
        ------
        TraceError
            Always.
        """
        raise line_error(self.name, self.first + index, fault)


def line_error(name: str, line: int, fault: Fault) -> TraceError:
    """Return the error for a line that cannot be read."""
    value = shown(fault.value)
    return TraceError(
        f"{name}: line {line}: {fault.what}" + (f": {value}" if value else ""),
        hint=fault.remedy,
        file=name,
        line=line,
        value=value,
    )


def shown(text: str) -> str:
    """Return text that can be printed, shortened."""
    if not text:
        return ""
    text = text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."
    return repr(text)


class Content:
    """The decompressed content of a trace, to be read once.

    Parameters
    ----------
    blocks : iterator of memoryview
        The bytes, cut anywhere; an empty block means that a pipe is silent.
    name : str
        The trace as the user named it.
    should_stop : callable
        Asked at every block.
    max_line_bytes : int
        The longest line allowed.
    """

    def __init__(
        self,
        blocks: Iterator[memoryview],
        *,
        name: str,
        should_stop: Callable[[], bool],
        max_line_bytes: int = 1 << 20,
    ) -> None:
        self.name = name
        self._blocks = blocks
        self._should_stop = should_stop
        self._max_line_bytes = max_line_bytes

    def lines(self) -> Iterator[Lines]:
        """Yield the text, some whole lines at a time; the last one needs no line feed.

        Yields
        ------
        Lines
            At least one; in UTF-8, without a NUL and without a byte-order mark.

        Raises
        ------
        TraceError
            Where it is no such text.
        InterruptedRunError
            Where the reading was stopped.
        """
        number = 1
        for data in self._whole_lines():
            lines = Lines(data, number, self.name)
            self._check(lines)
            number += len(lines)
            yield lines

    def records(self, size: int, *, skip: int = 0) -> Iterator[bytes]:
        """Yield the content in whole records.

        Parameters
        ----------
        size : int
            Of a record, in bytes.
        skip : int
            How many bytes lie before the first one.

        Yields
        ------
        bytes
            Some records.

        Raises
        ------
        TraceError
            Where the content ends within a record.
        InterruptedRunError
            Where the reading was stopped.
        """
        rest, offset = b"", 0
        for block in self._going_on():
            data = rest + bytes(block)
            if skip:
                skipped = min(skip, len(data))
                data, skip, offset = data[skipped:], skip - skipped, offset + skipped
            cut = len(data) - len(data) % size
            rest = data[cut:]
            if cut:
                yield data[:cut]
            offset += cut
        if rest:
            raise self.error_at(
                offset,
                f"the last record has {len(rest)} of {size} bytes",
                "the file was cut, or is of another format: copy it again or name its --format",
            )

    def all(self, most: int) -> bytes:
        """Return all of the content.

        Parameters
        ----------
        most : int
            The most bytes to take.

        Returns
        -------
        bytes
            The content.

        Raises
        ------
        TraceError
            Where it is larger.
        InterruptedRunError
            Where the reading was stopped.
        """
        parts, size = [], 0
        for block in self._going_on():
            parts.append(bytes(block))
            size += len(block)
            if size > most:
                raise self.error_at(most, f"it has more than {most} bytes", "cut the trace")
        return b"".join(parts)

    def error_at(self, offset: int, what: str, remedy: str) -> TraceError:
        """Return the error for what is wrong at a byte of the content, counted from 0."""
        return TraceError(
            f"{self.name}: at byte {offset}: {what}", hint=remedy, file=self.name, value=str(offset)
        )

    def _going_on(self) -> Iterator[memoryview]:
        for block in self._blocks:
            if self._should_stop():
                raise InterruptedRunError("stopped while reading the trace")
            if block:
                yield block

    def _whole_lines(self) -> Iterator[bytes]:
        waiting: list[bytes] = []
        size, is_first = 0, True
        for block in self._going_on():
            data = bytes(block)
            cut = data.rfind(b"\n") + 1
            if cut:
                whole = b"".join([*waiting, data[:cut]])
                yield _without_mark(whole) if is_first else whole
                waiting, size, is_first = [], 0, False
            waiting.append(data[cut:])
            size += len(data) - cut
            if size > self._max_line_bytes:
                raise self._too_long()
        rest = b"".join(waiting)
        rest = _without_mark(rest) if is_first else rest
        if rest:
            yield rest + b"\n"

    def _check(self, lines: Lines) -> None:
        data = lines.data
        if b"\0" in data:
            at = data.index(b"\0")
            raise line_error(
                self.name,
                lines.first + data.count(b"\n", 0, at),
                Fault(what="it has a NUL", remedy="name the --format of a binary trace"),
            )
        if not data.isascii():
            _require_utf8(lines)
        if int(np.diff(lines.ends, prepend=0).max()) > self._max_line_bytes + 1:
            raise self._too_long()

    def _too_long(self) -> TraceError:
        return TraceError(
            f"{self.name}: a line is longer than max_line_bytes = {self._max_line_bytes} bytes",
            hint="this is no such text: name its --format; or raise replay.max_line_bytes",
            file=self.name,
        )


def _without_mark(data: bytes) -> bytes:
    return data.removeprefix(b"\xef\xbb\xbf")


def _require_utf8(lines: Lines) -> None:
    try:
        lines.data.decode()
    except UnicodeDecodeError as error:
        line = lines.first + lines.data.count(b"\n", 0, error.start)
        bad: Any = lines.data[error.start : error.start + 8]
        raise line_error(
            lines.name,
            line,
            Fault(
                what="it is no UTF-8",
                value=repr(bytes(bad)),
                remedy="convert the text to UTF-8, such as with iconv",
            ),
        ) from None
