"""Reading the output of a job: every byte, in one order that never changes, resumable anywhere.

The work writes its standard output and standard error straight to two files, so that nothing that
was written can be lost, whoever dies. What the files do not say is when a byte came and how the two
streams interleaved: that is the index, to which the runner appends a line whenever it sees that a
file has grown (``o 1234 1700000000000``: standard output reaches byte 1234 at that millisecond).
The index only grows, so the order it defines is final, and a reader's place in it is four numbers:

    token = <byte of the index>.<bytes of stdout given>.<bytes of stderr given>.<lines given>

A line is given when the index covers its line feed. What is left without one is given when the job
has ended, marked `partial`; so are the pieces of a line longer than `MAX_LINE_BYTES`. Putting the
messages of a stream together, with a line feed after each that is not partial, gives its file back
byte for byte.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from adhash.service.errors import GoneError, InvalidRequestError
from adhash.service.folder import JobFolder
from adhash.service.models import LogLine

MAX_LINE_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 18
_TOKEN = re.compile(r"^(\d{1,18})\.(\d{1,18})\.(\d{1,18})\.(\d{1,18})$")
# The longest line of an index: a letter, two numbers of 64 bits, two spaces, a line feed.
_MAX_RECORD_BYTES = 64

Stream = Literal["stdout", "stderr"]
_STREAMS: dict[bytes, Stream] = {b"o": "stdout", b"e": "stderr"}


@dataclass(frozen=True, kw_only=True)
class LogPosition:
    """A place between two lines of the output."""

    index: int = 0
    stdout: int = 0
    stderr: int = 0
    seq: int = 0

    @property
    def token(self) -> str:
        """Return the place as text."""
        return f"{self.index}.{self.stdout}.{self.stderr}.{self.seq}"

    def given(self, stream: Stream) -> int:
        """Return how many bytes of a stream lie before the place."""
        return self.stdout if stream == "stdout" else self.stderr

    def after(self, stream: Stream, length: int) -> LogPosition:
        """Return the place after one more line of so many bytes."""
        if stream == "stdout":
            return replace(self, stdout=self.stdout + length, seq=self.seq + 1)
        return replace(self, stderr=self.stderr + length, seq=self.seq + 1)


def position_of(token: str | None) -> LogPosition:
    """Return the place that a token names; the beginning for None.

    Parameters
    ----------
    token : str or None
        The ``next`` of a line.

    Returns
    -------
    LogPosition
        The place after that line.

    Raises
    ------
    InvalidRequestError
        If it is no token.
    """
    if token is None:
        return LogPosition()
    parts = _TOKEN.fullmatch(token)
    if parts is None:
        raise InvalidRequestError(
            f"since is not a token of a log: {token[:80]!r}",
            hint="give the next of the last line you have",
        )
    index, stdout, stderr, seq = map(int, parts.groups())
    return LogPosition(index=index, stdout=stdout, stderr=stderr, seq=seq)


@dataclass(frozen=True, kw_only=True)
class _Growth:
    """One line of the index: how far a stream had come, and when."""

    stream: Stream
    end: int
    at: datetime
    next_index: int


class LogReader:
    """Gives the lines of a job's output from a place on, a bounded number at a time.

    Parameters
    ----------
    folder : JobFolder
        The folder of the job.
    position : LogPosition
        Where to begin.

    Raises
    ------
    GoneError
        If the output was deleted.
    """

    def __init__(self, folder: JobFolder, position: LogPosition) -> None:
        if not folder.path.is_dir():
            raise GoneError(
                "the logs of this job were deleted", hint="the record of the job remains"
            )
        self._folder = folder
        self.position = position

    def read(self, *, is_complete: bool) -> list[LogLine]:
        """Return the next lines, at most about half a megabyte of them; none if none is there.

        Parameters
        ----------
        is_complete : bool
            Whether the job had ended before the call: what is left without a line feed is then
            given too.

        Returns
        -------
        list of LogLine
            In order; `position` is the place after the last.
        """
        while (growth := self._next_growth()) is not None:
            lines = list(self._lines_of(growth))
            if lines:
                return lines
            self.position = replace(self.position, index=growth.next_index)
        return list(self._remains()) if is_complete else []

    def _next_growth(self) -> _Growth | None:
        raw = _read_at(self._folder.log_index, self.position.index, _MAX_RECORD_BYTES)
        line, feed, _ = raw.partition(b"\n")
        parts = line.split(b" ")
        if not feed or len(parts) != 3 or parts[0] not in _STREAMS:
            return None
        return _Growth(
            stream=_STREAMS[parts[0]],
            end=int(parts[1]),
            at=datetime.fromtimestamp(int(parts[2]) / 1000, tz=UTC),
            next_index=self.position.index + len(line) + 1,
        )

    def _lines_of(self, growth: _Growth) -> Iterator[LogLine]:
        """Yield the lines that are whole within a growth, up to a block of them."""
        begin = self.position.given(growth.stream)
        wanted = min(growth.end - begin, MAX_LINE_BYTES)
        if wanted <= 0:
            return
        block = _read_at(self._path(growth.stream), begin, min(wanted, _BLOCK_BYTES))
        if b"\n" not in block and wanted > len(block):
            block = _read_at(self._path(growth.stream), begin, wanted)
        yield from self._split(block, growth)

    def _split(self, block: bytes, growth: _Growth) -> Iterator[LogLine]:
        *whole, rest = block.split(b"\n")
        for text in whole:
            yield self._line(growth.stream, text, growth.at, is_partial=False)
        if not whole and len(rest) >= MAX_LINE_BYTES:
            yield self._line(growth.stream, _cut(rest), growth.at, is_partial=True)

    def _remains(self) -> Iterator[LogLine]:
        """Yield what the streams hold beyond the last line feed, or beyond the index."""
        for stream in _STREAMS.values():
            rest = _read_at(self._path(stream), self.position.given(stream), MAX_LINE_BYTES)
            if rest:
                at = datetime.fromtimestamp(self._path(stream).stat().st_mtime, tz=UTC)
                text, feed, _ = rest.partition(b"\n")
                yield self._line(stream, text, at, is_partial=not feed)
                return

    def _line(self, stream: Stream, text: bytes, at: datetime, *, is_partial: bool) -> LogLine:
        seq = self.position.seq
        self.position = self.position.after(stream, len(text) + (not is_partial))
        message = text.decode("utf-8", "replace")
        is_utf8 = message.encode() == text
        return LogLine(
            seq=seq,
            at=at,
            stream=stream,
            message=message,
            next=self.position.token,
            partial=is_partial,
            base64=None if is_utf8 else base64.b64encode(text).decode(),
        )

    def _path(self, stream: Stream) -> Path:
        return self._folder.stdout if stream == "stdout" else self._folder.stderr


def raw_bytes(line: LogLine) -> bytes:
    """Return the bytes of a line as they were written."""
    text = line.message.encode() if line.base64 is None else base64.b64decode(line.base64)
    return text if line.partial else text + b"\n"


def _cut(piece: bytes) -> bytes:
    """Return the piece without the beginning of a character whose end is in the next."""
    for length in range(len(piece), max(len(piece) - 4, 0), -1):
        try:
            piece[max(length - 4, 0) : length].decode()
        except UnicodeDecodeError as error:
            if error.reason != "unexpected end of data":
                return piece
        else:
            return piece[:length]
    return piece


def _read_at(path: Path, offset: int, length: int) -> bytes:
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(offset)
            return _read_fully(file.fileno(), length)
    except FileNotFoundError:
        return b""


def _read_fully(descriptor: int, length: int) -> bytes:
    parts = []
    while length > 0 and (part := os.read(descriptor, length)):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
