"""A trace of any format as columns, every row checked as a replay checks it.

For analyses that look at operations and execute none. CSV is read twice, which is still faster
than one careful reading: the native parser checks every byte (some 50 M rows/s) and says what is
wrong in its own words, and pyarrow then makes columns of rows that are known to be well-formed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adhash.clock import Clock, SystemClock
from adhash.errors import InterruptedRunError, InvariantError
from adhash.replay.feeding import Feed, open_feed
from adhash.replay.machinery import Machinery, NativeMachinery
from adhash.replay.session import explain_fault, require_rows, require_some_rows
from adhash.replay.table_types import Fault, TableTypes

if TYPE_CHECKING:
    from adhash.config_models import ReplaySettings
    from adhash.workloads.columns import ColumnBlock
    from adhash.workloads.sources import TraceSource

#: The most rows of a block; their numbers within it fit into 16 bits.
BLOCK_ROWS = 65_536

# Columns are made of at least this much CSV at a time: less, and making them costs more than them.
_READ_BYTES = 4 << 20
_QUOTE = b'"'


@contextmanager
def open_checked_columns(
    trace: str,
    *,
    settings: ReplaySettings,
    types: TableTypes,
    asked: TableTypes | None = None,
    is_stopped: Callable[[], bool],
    machinery: Machinery | None = None,
    clock: Clock | None = None,
) -> Iterator[CheckedColumns]:
    """Open a trace to read its operations as columns.

    Parameters
    ----------
    trace : str
        As for `adhash.workloads.sources.open_trace`.
    settings : ReplaySettings
        Its limits on rows, bytes and the length of lines.
    types : TableTypes
        Of keys and values; ``auto`` is decided by the beginning of the trace.
    asked : TableTypes or None
        The types that the caller was asked for, where `types` are wider ones: what was ``auto`` may
        be widened once more. `types` where None.
    is_stopped : callable
        Whether to stop; asked at every block and while a pipe is silent.
    machinery : Machinery or None
        The native module where None.
    clock : Clock or None
        The system's where None.

    Yields
    ------
    CheckedColumns
        Not yet read.

    Raises
    ------
    AdhashError
        If the trace cannot be opened, or is not of the types asked for.
    """
    native = machinery or NativeMachinery()
    with open_feed(
        trace,
        settings=settings,
        types=types,
        block_bytes=_READ_BYTES,
        infer=native.infer_types,
        clock=clock or SystemClock(),
        is_stopped=is_stopped,
    ) as feed:
        yield CheckedColumns(
            feed, asked=asked or types, settings=settings, machinery=native, is_stopped=is_stopped
        )


class CheckedColumns:
    """The operations of an opened trace, to be read once.

    Parameters
    ----------
    feed : Feed
        The trace.
    asked : TableTypes
        The types that were asked for.
    settings : ReplaySettings
        The limits.
    machinery : Machinery
        The native module.
    is_stopped : callable
        Whether to stop.
    """

    def __init__(
        self,
        feed: Feed,
        *,
        asked: TableTypes,
        settings: ReplaySettings,
        machinery: Machinery,
        is_stopped: Callable[[], bool],
    ) -> None:
        self._feed = feed
        self._is_stopped = is_stopped
        self._collector = _Collector(
            feed.source, asked=asked, used=feed.types, settings=settings, machinery=machinery
        )

    @property
    def source(self) -> TraceSource:
        """The trace, for its name, its size and how much of it was read."""
        return self._feed.source

    @property
    def types(self) -> TableTypes:
        """The types of keys and values."""
        return self._feed.types

    def blocks(self) -> Iterator[ColumnBlock]:
        """Yield the operations in order.

        Yields
        ------
        ColumnBlock
            At most `BLOCK_ROWS` operations. The values of a CSV trace are byte strings, whatever
            their type.

        Raises
        ------
        TraceError
            If a row is wrong, or there is none.
        MisfitError
            If a row does not fit types that were inferred: to be read again with wider ones.
        PolicyError
            If the trace is larger than allowed.
        StorageError
            If it cannot be read.
        InterruptedRunError
            If it was stopped.
        """
        for _ in self._feed.into_driver(self._collector):
            self._require_going_on()
            for block in self._collector.take():
                yield block
                self._require_going_on()
        require_some_rows(self._collector.rows, file=self.source.name)

    def _require_going_on(self) -> None:
        if self._is_stopped():
            raise InterruptedRunError("interrupted before the trace was read")


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """Whole rows of CSV, without the header."""

    content: memoryview
    has_quotes: bool


class _Collector:
    """Takes what a feed gives and keeps it as blocks of columns until they are taken."""

    def __init__(
        self,
        source: TraceSource,
        *,
        asked: TableTypes,
        used: TableTypes,
        settings: ReplaySettings,
        machinery: Machinery,
    ) -> None:
        from adhash.workloads.columns import BatchReader

        self.rows = 0
        self._source = source
        self._asked = asked
        self._used = used
        self._max_rows = settings.csv_max_rows
        self._checker = machinery.new_checker(
            key_type=used.key, value_type=used.value, max_line_bytes=settings.max_line_bytes
        )
        self._reader = BatchReader(file=source.name, key_type=used.key)  # type: ignore[arg-type]
        self._cutter = _RowCutter()
        self._blocks: list[ColumnBlock] = []

    def take(self) -> list[ColumnBlock]:
        """Return the blocks collected since the last call."""
        taken, self._blocks = self._blocks, []
        return taken

    def feed_columns(self, ops: Any, keys: Any, values: Any) -> None:
        """Take the next operations."""
        from adhash.workloads.columns import ColumnBlock

        self.rows += len(ops)
        require_rows(self.rows, limit=self._max_rows, file=self._source.name)
        self._blocks.append(ColumnBlock(ops=ops, keys=keys, values=values))

    def feed_csv(self, block: Any, last: bool) -> None:  # noqa: FBT001 - as the native class
        """Take the next bytes of a CSV trace."""
        self._checker.feed_csv(block, last)
        for native in self._checker.errors():
            raise explain_fault(
                Fault.of(native),
                source=self._source,
                asked=self._asked,
                used=self._used,
                is_bound=False,
            )
        require_rows(self._checker.rows(), limit=self._max_rows, file=self._source.name)
        piece = self._cutter.cut(bytes(block), is_last=last)
        if piece.content:
            self._read(piece)
        if last and self.rows != self._checker.rows():
            raise InvariantError(
                f"{self._source.name} has {self._checker.rows()} rows, but {self.rows} were read",
                hint="this is a fault of adhash: please report it with the trace",
            )

    def _read(self, piece: _Piece) -> None:
        for batch in read_rows(piece.content, self._used.key, has_quotes=piece.has_quotes):
            for start in range(0, len(batch), BLOCK_ROWS):
                block = self._reader.read(batch.slice(start, BLOCK_ROWS))
                self.rows += len(block)
                self._blocks.append(block)


class _RowCutter:
    """Cuts a stream of CSV behind rows: whole ones go out, the beginning of the next one stays."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_header_passed = False

    def cut(self, content: bytes, *, is_last: bool) -> _Piece:
        """Return the whole rows so far, or nothing until there are enough of them."""
        rest = self._without_header(self._rest + content if self._rest else content)
        has_quotes = _QUOTE in rest
        end = 0
        if self._is_header_passed and (is_last or len(rest) >= _READ_BYTES // 2):
            end = len(rest) if is_last else end_of_rows(rest, has_quotes=has_quotes)
        self._rest = rest[end:]
        return _Piece(content=memoryview(rest)[:end], has_quotes=has_quotes)

    def _without_header(self, content: bytes) -> bytes:
        if self._is_header_passed:
            return content
        end = content.find(b"\n") + 1
        self._is_header_passed = end > 0
        return content[end:]


def end_of_rows(content: bytes, *, has_quotes: bool) -> int:
    """Return where the last whole row ends: behind the last line feed outside of quotes.

    Parameters
    ----------
    content : bytes
        Well-formed CSV from the beginning of a row; every quote in it opens, closes or is doubled.
    has_quotes : bool
        Whether there is a quote in it.

    Returns
    -------
    int
        0 where no row ends in it.
    """
    end = content.rfind(b"\n") + 1
    quotes = content.count(_QUOTE, 0, end) if has_quotes else 0
    while quotes % 2:
        earlier = content.rfind(b"\n", 0, end - 1) + 1
        quotes -= content.count(_QUOTE, earlier, end)
        end = earlier
    return end


def read_rows(content: memoryview, key_type: str, *, has_quotes: bool) -> Iterator[Any]:
    """Yield rows of CSV that are known to be well-formed, as record batches.

    Parameters
    ----------
    content : memoryview
        Whole rows without header.
    key_type : str
        ``"int64"``, ``"uint64"``, ``"str"`` or ``"bytes"``; the latter two are read as bytes.
    has_quotes : bool
        Whether there is a quote in it: line feeds may then be part of fields.

    Yields
    ------
    pyarrow.RecordBatch
        Columns op, key and value; the last of bytes.
    """
    import pyarrow as pa

    from adhash.workloads.whole_csv import read_whole_csv

    key = {"int64": pa.int64(), "uint64": pa.uint64()}.get(key_type, pa.binary())
    op = pa.dictionary(pa.int32(), pa.string())
    table = read_whole_csv(
        content,
        ("op", "key", "value"),
        has_line_feeds=has_quotes,
        column_types={"op": op, "key": key, "value": pa.binary()},
        strings_can_be_null=False,
    )
    yield from table.to_batches()
