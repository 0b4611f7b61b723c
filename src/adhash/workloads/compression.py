"""Decompression as a stream: bounded output a step, and no damage overlooked.

The modules of the standard library that open compressed files as files are not used: they cannot
return control while a pipe is silent, and the one for zstd takes a file that was cut inside a
frame for a whole one. Here a frame (gzip calls it a member, xz a stream) is decoded by one small
decoder after another, and what lies between and behind frames is looked at.
"""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Callable
from typing import Protocol

import zstandard

from adhash.errors import StorageError
from adhash.workloads.magic import Compression, compression_of, is_cut_magic
from adhash.workloads.raw_input import ByteStream

_INPUT_BYTES = 256 * 1024
# Decoders may ask for this much memory for their dictionary; `xz -9` needs 65 MiB.
_MEMORY_LIMIT_BYTES = 512 * 1024 * 1024
# zstd's decoder has no limit for its output. Four bytes can stand for 128 KiB (a block of one
# repeated byte), so a kibibyte of input is at most 32 MiB of output. Steps of this size cost
# nothing measurable: 188 MB of trace decompress in 0.24 s with them and in 0.23 s without.
_ZSTD_STEP_BYTES = 1024
_LONGEST_MAGIC = 6


class FrameDecoder(Protocol):
    """What `lzma.LZMADecompressor` is; the others are made to look like it."""

    @property
    def eof(self) -> bool:
        """Whether the frame is complete."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether more compressed bytes are needed before more output can come."""
        ...

    @property
    def unused_data(self) -> bytes:
        """The bytes behind the end of the frame."""
        ...

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Decode `data`; return at most `max_length` bytes."""
        ...


class _GzipMember:
    """One member of a gzip file; the check of its CRC and length is zlib's."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(wbits=31)
        self._was_full = False

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def needs_input(self) -> bool:
        # Output that filled its buffer may leave more of it inside zlib, with no input left over.
        return not (self._decoder.eof or self._decoder.unconsumed_tail or self._was_full)

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = self._decoder.decompress(self._decoder.unconsumed_tail + data, max_length)
        self._was_full = len(out) == max_length
        return out


class _ZstdFrame:
    """One frame of a zstd file, decoded in steps small enough to bound the output."""

    def __init__(self) -> None:
        limit = zstandard.ZstdDecompressor(max_window_size=_MEMORY_LIMIT_BYTES)
        self._decoder = limit.decompressobj()
        self._input = memoryview(b"")
        self._output = memoryview(b"")

    @property
    def eof(self) -> bool:
        return self._decoder.eof and not self._output

    @property
    def needs_input(self) -> bool:
        return not (self._output or self._input or self._decoder.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._decoder.unused_data) + bytes(self._input)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        if data:
            self._input = memoryview(data)
        while self._input and not self._output and not self._decoder.eof:
            step, self._input = self._input[:_ZSTD_STEP_BYTES], self._input[_ZSTD_STEP_BYTES:]
            self._output = memoryview(self._decoder.decompress(step))
        out, self._output = self._output[:max_length], self._output[max_length:]
        return bytes(out)


def _xz_stream() -> FrameDecoder:
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_MEMORY_LIMIT_BYTES)


_DECODERS: dict[Compression, Callable[[], FrameDecoder]] = {
    "gzip": _GzipMember,
    "zstd": _ZstdFrame,
    "xz": _xz_stream,
}
# gzip and xz files may be padded with zeros (tapes, blocks of disks); zstd files may not.
_PADDED: frozenset[Compression] = frozenset({"gzip", "xz"})


class Decompressed:
    """The content of a compressed stream; several frames in a row are one content.

    Parameters
    ----------
    inner : ByteStream
        The compressed bytes, from the first magic number on.
    compression : {"gzip", "zstd", "xz"}
        How they are compressed.
    name : str
        The trace as the user named it, for messages.
    """

    def __init__(self, inner: ByteStream, compression: Compression, name: str) -> None:
        self._inner = inner
        self._compression = compression
        self._name = name
        self._decoder: FrameDecoder | None = _DECODERS[compression]()
        self._pending = b""  # compressed bytes that no decoder has seen
        self._consumed = 0
        self._buffer = memoryview(bytearray(_INPUT_BYTES))

    def read_into(self, view: memoryview, *, wait_s: float) -> int | None:
        """Fill the front of `view` with content; see `RawInput.read_into`.

        Parameters
        ----------
        view : memoryview
            Writable bytes, at least one.
        wait_s : float
            How long to wait for a pipe that has nothing to read, in seconds.

        Returns
        -------
        int or None
            The number of bytes written; 0 at the end; None where nothing came in time.

        Raises
        ------
        StorageError
            Where the compressed data is cut short, damaged, or followed by something else.
        """
        while True:
            if self._wants_input():
                got = self._refill(wait_s)
                if got is None:
                    return None
                if got == 0:
                    self._check_complete()
                    return 0
                continue
            out = self._decode(len(view))
            if out:
                view[: len(out)] = out
                return len(out)

    def _wants_input(self) -> bool:
        if self._decoder is None and not self._start_frame():
            return True
        assert self._decoder is not None  # noqa: S101
        return not self._pending and self._decoder.needs_input

    def _refill(self, wait_s: float) -> int | None:
        got = self._inner.read_into(self._buffer, wait_s=wait_s)
        if got:
            self._pending += bytes(self._buffer[:got])
            self._consumed += got
        return got

    def _decode(self, max_bytes: int) -> bytes:
        assert self._decoder is not None  # noqa: S101
        data, self._pending = self._pending, b""
        try:
            out = self._decoder.decompress(data, max_bytes)
        except (zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
            raise self._damaged(f"cannot be decompressed ({error})") from error
        if self._decoder.eof:
            self._pending = self._decoder.unused_data
            self._decoder = None
        return out

    def _start_frame(self) -> bool:
        """Begin the frame that follows a complete one; False while its magic is not all there."""
        if self._compression in _PADDED:
            self._pending = self._pending.lstrip(b"\x00")
        if compression_of(self._pending) == self._compression:
            self._decoder = _DECODERS[self._compression]()
            return True
        if len(self._pending) >= _LONGEST_MAGIC:
            raise self._trailing()
        return False

    def _check_complete(self) -> None:
        if self._decoder is not None or is_cut_magic(self._pending or b"?", self._compression):
            raise StorageError(
                f"{self._name} is cut short: the {self._compression} data ends too early, at byte "
                f"{self._consumed}",
                hint="copy or compress the trace again",
            )
        if self._pending:
            raise self._trailing()

    def _trailing(self) -> StorageError:
        at = self._consumed - len(self._pending)
        return self._damaged(f"is followed by something else at byte {at}: {self._pending[:8]!r}")

    def _damaged(self, what: str) -> StorageError:
        return StorageError(
            f"{self._name}: the {self._compression} data {what}",
            hint="copy or compress the trace again",
        )
