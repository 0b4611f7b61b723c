"""The content of a trace as blocks of bytes."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Self

from adhash.errors import PolicyError, TraceError
from adhash.workloads.magic import Compression
from adhash.workloads.raw_input import POLL_S, ByteStream, RawInput
from adhash.workloads.read_ahead import DEPTH, ReadAhead

# One block with the reader, DEPTH in the queue, one being filled.
_MOST_BUFFERS = DEPTH + 2
_LEAST_BUFFER_BYTES = 1 << 16


class ContentBlocks:
    """The decompressed bytes of a trace, block by block, in bounded memory.

    Parameters
    ----------
    raw : RawInput
        The file; closed with the source.
    content : ByteStream
        Its decompressed content.
    compression : {"", "gzip", "zstd", "xz"}
        How the file is compressed.
    block_bytes : int
        The size of a block, in bytes.
    max_bytes : int
        The most decompressed bytes to hand out; 0 for no limit.
    read_ahead : bool
        Whether to read, hash and decompress in a side thread.
    """

    def __init__(
        self,
        raw: RawInput,
        content: ByteStream,
        *,
        compression: Compression,
        block_bytes: int,
        max_bytes: int,
        read_ahead: bool,
    ) -> None:
        self.name = raw.name
        self.compression = compression
        self.reopenable = raw.is_regular and not raw.is_stdin
        self._raw = raw
        self._content = content
        self._max_bytes = max_bytes
        # Made when they are needed: a short trace fills one of them, and not a whole one.
        self._buffers: list[memoryview] = []
        self._buffer_bytes = block_bytes
        if not compression and raw.total_bytes is not None:
            # One more than the size, which shows the end. A file may be longer than it says.
            self._buffer_bytes = min(block_bytes, max(raw.total_bytes + 1, _LEAST_BUFFER_BYTES))
        self._content_bytes = 0
        self._ended = False
        self._read_ahead = ReadAhead(self._read_blocks()) if read_ahead else None

    @property
    def bytes_read(self) -> int:
        """Bytes of the file read so far (compressed ones, where it is compressed)."""
        return self._raw.bytes_read

    @property
    def total_bytes(self) -> int | None:
        """Size of the file in bytes; None for a pipe."""
        return self._raw.total_bytes

    def blocks(self) -> Iterator[memoryview]:
        """Yield the content in order.

        A block stays valid until the next one is asked for. An empty block means that nothing has
        come for a while: a moment to look for a cancellation. A source is read once.

        Yields
        ------
        memoryview
            Read-only bytes; cut anywhere, also inside a line.

        Raises
        ------
        TraceError
            Where there is no content at all.
        PolicyError
            Where the content is larger than `max_bytes`.
        StorageError
            Where the file cannot be read, is cut short or damaged.
        """
        if self._read_ahead is None:
            yield from self._read_blocks()
            return
        for block in self._read_ahead:
            yield memoryview(b"") if block is None else block

    def sha256(self) -> str | None:
        """Return the SHA-256 of the file in hexadecimal; None unless it was read to its end."""
        return self._raw.sha256()

    def close(self) -> None:
        """Stop reading and close the file; standard input stays open."""
        # A thread that hangs in a read keeps the file: closing it under the read could make the
        # descriptor somebody else's.
        if self._read_ahead is None or self._read_ahead.close():
            self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read_blocks(self) -> Iterator[memoryview]:
        turn = 0
        while not self._ended:
            if turn == len(self._buffers) < _MOST_BUFFERS:
                self._buffers.append(memoryview(bytearray(self._buffer_bytes)))
            block = self._fill(self._buffers[turn % _MOST_BUFFERS])
            turn += bool(block)
            yield block.toreadonly()
        if not self._content_bytes:
            raise TraceError(
                f"the trace {self.name} is empty",
                hint="a trace of operations starts with the header op,key,value",
                file=self.name,
            )

    def _fill(self, buffer: memoryview) -> memoryview:
        """Fill a buffer as far as it goes without waiting for more than the first bytes."""
        filled = 0
        while filled < len(buffer):
            got = self._content.read_into(buffer[filled:], wait_s=0 if filled else POLL_S)
            self._ended = got == 0
            if not got:
                break
            filled += got
        self._count(filled)
        return buffer[:filled]

    def _count(self, size: int) -> None:
        self._content_bytes += size
        if self._max_bytes and self._content_bytes > self._max_bytes:
            raise PolicyError(
                f"the trace {self.name} is larger than csv_max_bytes = {self._max_bytes} bytes"
                + (" once decompressed" if self.compression else ""),
                hint="raise --csv-max-bytes, or cut the trace",
            )
