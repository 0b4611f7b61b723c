"""A trace in a foreign format, as blocks of columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from types import TracebackType
from typing import Any, Literal, Self, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from adhash.errors import BadInputError, TraceError
from adhash.workloads.arrow_buffers import array_of, numbers_of
from adhash.workloads.columns import Column, ColumnBlock, KeyType, byte_strings
from adhash.workloads.content_blocks import ContentBlocks
from adhash.workloads.formats.content import Content
from adhash.workloads.formats.events import Events
from adhash.workloads.formats.fill import MOST_EVENTS, Filled, FirstReads, ReadThrough, unfilled
from adhash.workloads.formats.trace_format import TraceFormat
from adhash.workloads.formats.values import filler
from adhash.workloads.importing import Importing
from adhash.workloads.peeked import StopCheck

_PUT = 1
# So much filler is made at a time, whatever the sizes that a trace records.
_MOST_VALUE_BYTES = 32 << 20
_CANONICAL_INTEGER = r"^(?:0|-?[1-9][0-9]{0,18})$"


class ImportedSource:
    """The operations of a trace in a foreign format, block by block, in bounded memory.

    Made by `adhash.workloads.sources.open_trace`. Memory is bounded by some blocks of the file; a
    fill policy holds the distinct keys as well.

    Parameters
    ----------
    content : ContentBlocks
        The content of the file; closed with the source.
    trace_format : TraceFormat
        What it is.
    importing : Importing
        How to read it.
    again : callable
        Opens the content once more, for a preload.
    should_stop : callable
        Asked at every block of the file.
    """

    format: Literal["imported"] = "imported"
    total_rows: int | None = None

    def __init__(
        self,
        content: ContentBlocks,
        trace_format: TraceFormat,
        importing: Importing,
        *,
        again: Callable[[], ContentBlocks],
        should_stop: StopCheck,
    ) -> None:
        self.name = content.name
        self.format_name = trace_format.name
        self.compression = content.compression
        self.reopenable = content.reopenable
        self._content = content
        self._format = trace_format
        self._importing = importing
        self._again = again
        self._should_stop = should_stop
        self._events: Iterator[Events] | None = None
        self._key_type: KeyType | None = None

    @property
    def key_type(self) -> KeyType:
        """The type of the keys; the beginning is read where the format leaves it open."""
        if self._key_type is None:
            self._key_type = self._first_key_type()
        return self._key_type

    @property
    def total_bytes(self) -> int | None:
        """Size of the file in bytes; None for a pipe."""
        return self._content.total_bytes

    @property
    def bytes_read(self) -> int:
        """Bytes of the file read so far."""
        return self._content.bytes_read

    def blocks(
        self,
        *,
        key_type: KeyType | Literal["auto"] = "auto",
        value_type: Literal["auto", "int64", "bytes"] = "auto",
    ) -> Iterator[ColumnBlock]:
        """Yield the operations in order; a source is read once.

        Parameters
        ----------
        key_type : {"auto", "int64", "uint64", "str", "bytes"}
            The type to hand keys out as.
        value_type : {"auto", "int64", "bytes"}
            Integers are the sizes of values; otherwise they are strings of these sizes.

        Yields
        ------
        ColumnBlock
            At most 65,536 operations.

        Raises
        ------
        TraceError
            Where the file is not of its format, or has no access.
        BadInputError
            Where a preload is asked for of what can be read once only.
        PolicyError
            Where the content is larger than allowed.
        StorageError
            Where the file cannot be read.
        InterruptedRunError
            Where the reading was stopped.
        """
        wanted = self.key_type if key_type == "auto" else key_type
        rows = 0
        for filled in self._filled():
            keys = _as_keys(filled.keys, wanted, self.name)
            values = _Values(filled, first_row=rows + 1, cap=self._importing.value_cap)
            yield from values.blocks(keys, as_sizes=value_type == "int64")
            rows += len(filled.ops)
        if not rows:
            raise TraceError(
                f"the trace {self.name} has no accesses of the format {self.format_name}",
                hint="check its --format",
                file=self.name,
            )

    def sha256(self) -> str | None:
        """Return the SHA-256 of the file in hexadecimal; None unless it was read to its end."""
        return self._content.sha256()

    def close(self) -> None:
        """Stop reading and close the file; standard input stays open."""
        self._content.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _first_key_type(self) -> KeyType:
        declared = self._format.key_type
        if declared != "auto":
            return declared
        events = self._read(self._content)
        first = next(events, None)
        self._events = events if first is None else chain([first], events)
        return "int64" if first is not None and _are_integers(first.keys) else "str"

    def _read(self, content: ContentBlocks) -> Iterator[Events]:
        return self._format.read(
            Content(
                content.blocks(),
                name=self.name,
                should_stop=self._should_stop,
                max_line_bytes=self._importing.max_line_bytes,
            )
        )

    def _accesses(self) -> Iterator[Events]:
        for events in self._events or self._read(self._content):
            yield from events.pieces(MOST_EVENTS)

    def _filled(self) -> Iterator[Filled]:
        if self._importing.fill == "through":
            yield from map(ReadThrough().fill, self._accesses())
            return
        if self._importing.fill == "preload":
            yield from map(unfilled, self._preload())
        yield from map(unfilled, self._accesses())

    def _preload(self) -> Iterator[Events]:
        if not self.reopenable:
            raise BadInputError(
                f"fill = preload reads the trace twice, which {self.name} cannot be",
                hint="save it to a file, or use --fill through",
            )
        first_reads = FirstReads()
        with self._again() as content:
            for events in self._read(content):
                for piece in events.pieces(MOST_EVENTS):
                    first_reads.add(piece)
        for writes in first_reads.writes():
            yield from writes.pieces(MOST_EVENTS)


class _Values:
    """The values of some operations, made a bounded number of bytes at a time."""

    def __init__(self, filled: Filled, *, first_row: int, cap: int) -> None:
        self._filled = filled
        self._first_row = first_row
        self._cap = cap

    def blocks(self, keys: Column, *, as_sizes: bool) -> Iterator[ColumnBlock]:
        is_put = self._filled.ops == _PUT
        if as_sizes:
            sizes = np.where(is_put, self._filled.sizes, 0)
            yield ColumnBlock(ops=self._filled.ops, keys=keys, values=sizes)
            return
        rows = len(is_put)
        step = max(1, min(rows, _MOST_VALUE_BYTES // self._cap))
        for start in range(0, rows, step):
            part = slice(start, min(start + step, rows))
            yield ColumnBlock(
                ops=self._filled.ops[part],
                keys=_cut(keys, part),
                values=self._strings(part, is_put[part]),
            )

    def _strings(self, part: slice, is_put: Any) -> Column:
        puts = np.flatnonzero(is_put)
        offsets = np.zeros(len(is_put) + 1, dtype=np.int64)
        if not len(puts):
            return offsets, np.zeros(0, dtype=np.uint8)
        rows = puts + (self._first_row + part.start)
        lengths, data = filler(rows, self._filled.sizes[part][puts], cap=self._cap)
        offsets[puts + 1] = lengths
        return np.cumsum(offsets), data


def _cut(keys: Column, part: slice) -> Column:
    if not isinstance(keys, tuple):
        return keys[part]
    offsets, data = keys
    ours = offsets[part.start : part.stop + 1]
    return ours - ours[0], data[ours[0] : ours[-1]]


def _are_integers(keys: Any) -> bool:
    texts = keys.cast(pa.large_string())
    if not pc.all(pc.match_substring_regex(texts, _CANONICAL_INTEGER)).as_py():
        return False
    try:
        texts.cast(pa.int64())
    except pa.ArrowInvalid:
        return False
    return True


def _as_keys(keys: Any, wanted: KeyType, name: str) -> Column:
    """Return keys as a table takes them."""
    is_number = isinstance(keys, np.ndarray)
    if wanted in ("str", "bytes"):
        array = array_of(keys).cast(pa.large_string()) if is_number else keys
        return byte_strings(array)
    target = np.dtype(wanted)
    if is_number:
        return _as_integers(keys, target, name)
    texts = keys.cast(pa.large_string())
    is_canonical = pc.match_substring_regex(texts, _CANONICAL_INTEGER)
    try:
        if pc.all(is_canonical).as_py():
            return cast("Column", numbers_of(texts.cast(pa.from_numpy_dtype(target))))
        wrong = is_canonical.index(False).as_py()
    except pa.ArrowInvalid:
        wrong = 0
    raise _misfit(name, wanted, str(texts[wrong].as_py()), "str")


def _as_integers(keys: Any, target: np.dtype[Any], name: str) -> Column:
    if keys.dtype == target:
        return cast("Column", keys)
    # Between the two types of 64 bits only the upper half of each does not fit the other.
    is_beyond = keys.astype(np.int64, copy=False) < 0
    if is_beyond.any():
        other = "uint64" if target == np.int64 else "int64"
        raise _misfit(name, str(target), str(keys[int(is_beyond.argmax())]), other)
    return cast("Column", keys.astype(target))


def _misfit(name: str, wanted: str, key: str, other: str) -> TraceError:
    return TraceError(
        f"{name}: the key {key[:60]!r} is no {wanted}",
        hint=f"give --key-type {other}",
        file=name,
        value=key[:60],
    )
