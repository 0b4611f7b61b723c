"""Rows from given places of a CSV file, without reading what lies between them.

A row cannot be told from the middle of a quoted field by looking at it, so a place of the file is
only where the search begins: a row starts behind a line feed and with an operation, and where
there are quotes around, the first start from which every row of the window parses is taken. The
native checker parses, the one that a replay's rows go through as well; columns are then made of
rows that are known to be well-formed.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO

from adhash.analysis.profile.operations import Operations
from adhash.errors import InterruptedRunError, TraceError
from adhash.replay.machinery import Machinery
from adhash.replay.table_types import Fault, MisfitError, TableTypes, as_trace_error, widen

if TYPE_CHECKING:
    from adhash.workloads.columns import BatchReader

HEADER = b"op,key,value\n"
_QUOTE = b'"'
_ROW_START = re.compile(rb'\n(?="?(?:get|put|del)"?,)', re.IGNORECASE)
# How many starts are tried in a window with quotes before it is called faulty.
_MOST_STARTS = 64
# Checked and made into columns at a time: a few milliseconds, so that a cancellation is soon seen.
_STEP_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Window:
    """Whole rows of a CSV file.

    Parameters
    ----------
    offset : int
        Where they begin in the file, in bytes.
    content : bytes
        The rows; the first window of a file starts with its header.
    has_header : bool
        Whether this is that window.
    """

    offset: int
    content: bytes
    has_header: bool


@dataclass(frozen=True, kw_only=True)
class CsvReader:
    """Reads windows of one CSV file.

    Parameters
    ----------
    file : file object
        The uncompressed trace, open to read bytes and to seek.
    name : str
        The trace as the user named it.
    machinery : Machinery
        Checks rows.
    max_line_bytes : int
        The longest row allowed.
    is_stopped : callable
        Whether to stop.
    """

    file: BinaryIO
    name: str
    machinery: Machinery
    max_line_bytes: int
    is_stopped: Callable[[], bool]

    def read_start(self, size: int) -> Window:
        """Return the window at the beginning of the file, of about `size` bytes."""
        content = self._read(0, size)
        is_whole = len(content) < size
        end = len(content) if is_whole else end_of_rows(content)
        return Window(offset=0, content=content[:end], has_header=True)

    def read_at(self, offset: int, size: int, types: TableTypes) -> Window | None:
        """Return the window of about `size` bytes that begins at or behind an offset.

        Parameters
        ----------
        offset : int
            Where to search, in bytes, behind the header.
        size : int
            How much to read, in bytes. Where not one row fits into that, the next one is taken,
            or long rows would never be seen.
        types : TableTypes
            The types to parse the rows as, while their start is sought.

        Returns
        -------
        Window or None
            None where no row begins behind the offset.
        """
        window = self._window_within(offset, size, types)
        if window is None:
            window = self._window_within(offset, size + 2 * self.max_line_bytes, types)
            if window is not None:
                window = replace(window, content=window.content[: end_of_row(window.content)])
        return window

    def _window_within(self, offset: int, size: int, types: TableTypes) -> Window | None:
        content = self._read(offset - 1, size + 1)
        matches = itertools.islice(_ROW_START.finditer(content), _MOST_STARTS)
        starts = [match.end() for match in matches]
        if _QUOTE not in content:
            starts = starts[:1]
        windows = (self._cut(content, start, offset - 1) for start in starts)
        found = [window for window in windows if window.content]
        fitting = (window for window in found if not self._faults(window, types))
        return next(fitting, found[0] if found else None)

    def operations(self, window: Window, asked: TableTypes, used: TableTypes) -> Operations:
        """Return the operations of a window.

        Parameters
        ----------
        window : Window
            Its rows.
        asked : TableTypes
            The types that the caller asked for.
        used : TableTypes
            The types to read them as.

        Returns
        -------
        Operations
            One a row; there may be none.

        Raises
        ------
        TraceError
            If a row is wrong.
        MisfitError
            If a row does not fit types that were inferred.
        InterruptedRunError
            If it was stopped.
        """
        from adhash.workloads.columns import BatchReader

        for fault in self._faults(window, used):
            raise self._explain(fault, window, asked, used)
        rows = _without_header(window)
        reader = BatchReader(file=self.name, key_type=used.key)  # type: ignore[arg-type]
        parts = list(self._parts(rows, reader, used))
        if len(parts) == 1:
            return parts[0]
        return Operations.joined(parts or [_empty(reader, used)])

    def operations_of(
        self, windows: Sequence[Window], asked: TableTypes, used: TableTypes
    ) -> list[Operations]:
        """Return the operations of several windows; raises as `operations`.

        Short windows cost more to prepare than to parse, so they are parsed as one piece of text
        where that is safe: where no field is quoted, a row is a line. A faulty row is told by the
        window that it stands in, which parsing each by itself finds again.
        """
        joined = b"".join(window.content for window in windows)
        if _QUOTE not in joined and all(window.content.endswith(b"\n") for window in windows):
            lines = [window.content.count(b"\n") for window in windows]
            lines[0] -= windows[0].has_header
            with suppress(TraceError, MisfitError):
                whole = self.operations(replace(windows[0], content=joined), asked, used)
                if len(whole) == sum(lines):  # else there were empty lines
                    ends = list(itertools.accumulate(lines))
                    return [whole.cut(end - n, end) for end, n in zip(ends, lines, strict=True)]
        return [self.operations(window, asked, used) for window in windows]

    def count_rows(self, window: Window, asked: TableTypes, used: TableTypes) -> int:
        """Return how many rows a window has; raises as `operations`."""
        if _QUOTE not in window.content:
            rows = _without_header(window)
            return rows.count(b"\n") + (not rows.endswith(b"\n") and bool(rows))
        return len(self.operations(window, asked, used))

    def _parts(self, rows: bytes, reader: BatchReader, used: TableTypes) -> Iterator[Operations]:
        at = 0
        while at < len(rows):
            self._require_going_on()
            step = rows[at : at + _STEP_BYTES]
            end = len(step) if at + len(step) == len(rows) else end_of_rows(step)
            # A row longer than a step takes the rest with it: rare, and right.
            step = step[:end] if end else rows[at:]
            yield from _read_rows(step, reader, used)
            at += len(step)

    def _read(self, offset: int, size: int) -> bytes:
        self.file.seek(offset)
        parts = []
        while size > 0 and (part := self.file.read(min(size, _STEP_BYTES))):
            self._require_going_on()
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _cut(self, content: bytes, start: int, base: int) -> Window:
        rows = content[start:]
        return Window(offset=base + start, content=rows[: end_of_rows(rows)], has_header=False)

    def _faults(self, window: Window, types: TableTypes) -> list[Fault]:
        checker = self.machinery.new_checker(
            key_type=types.key, value_type=types.value, max_line_bytes=self.max_line_bytes
        )
        content = memoryview(window.content if window.has_header else HEADER + window.content)
        for at in range(0, len(content), _STEP_BYTES):
            self._require_going_on()
            checker.feed_csv(content[at : at + _STEP_BYTES], False)  # noqa: FBT003 - as the class
            if checker.is_finished():
                break
        checker.feed_csv(b"", True)  # noqa: FBT003
        return [Fault.of(native) for native in checker.errors()]

    def _explain(
        self, fault: Fault, window: Window, asked: TableTypes, used: TableTypes
    ) -> TraceError | MisfitError:
        wider = widen(fault, asked=asked, used=used)
        if wider is not None:
            return MisfitError(fault, wider)
        if window.has_header:
            return as_trace_error(fault, self.name)
        value = f" '{fault.value}'" if fault.value else ""
        return TraceError(
            f"{self.name}: column {fault.column}: {fault.what}{value}, in line {fault.line - 1} "
            f"behind byte {window.offset}",
            hint=f"{fault.remedy}; adhash run-csv --dry-run tells the line",
            file=self.name,
            value=fault.value,
        )

    def _require_going_on(self) -> None:
        if self.is_stopped():
            raise InterruptedRunError("interrupted before the trace was sampled")


def end_of_rows(content: bytes) -> int:
    """Return where the last whole row ends: behind the last line feed outside of quotes.

    Parameters
    ----------
    content : bytes
        CSV from the beginning of a row; every quote in it opens, closes or is doubled.

    Returns
    -------
    int
        0 where no row ends in it.
    """
    end = content.rfind(b"\n") + 1
    quotes = content.count(_QUOTE, 0, end)
    while quotes % 2:
        earlier = content.rfind(b"\n", 0, end - 1) + 1
        quotes -= content.count(_QUOTE, earlier, end)
        end = earlier
    return end


def end_of_row(content: bytes) -> int:
    """Return where the first row ends, as `end_of_rows` the last."""
    end = content.find(b"\n") + 1
    while end and content.count(_QUOTE, 0, end) % 2:
        end = content.find(b"\n", end) + 1
    return end


def _without_header(window: Window) -> bytes:
    if not window.has_header:
        return window.content
    return window.content.partition(b"\n")[2]


def _empty(reader: BatchReader, used: TableTypes) -> Operations:
    import pyarrow as pa

    schema = pa.schema(list(_column_types(used).items()))
    return Operations.of_block(reader.read(pa.RecordBatch.from_pylist([], schema=schema)))


def _column_types(used: TableTypes) -> dict[str, Any]:
    import pyarrow as pa

    integers = {"int64": pa.int64(), "uint64": pa.uint64()}
    return {
        "op": pa.string(),
        "key": integers.get(used.key, pa.binary()),
        "value": integers.get(used.value, pa.binary()),
    }


def _read_rows(content: bytes, reader: BatchReader, used: TableTypes) -> Iterator[Operations]:
    from adhash.workloads.whole_csv import read_whole_csv

    table = read_whole_csv(
        content,
        ("op", "key", "value"),
        has_line_feeds=_QUOTE in content,
        column_types=_column_types(used),
        null_values=[""],
        strings_can_be_null=False,
    )
    for batch in table.to_batches():
        yield Operations.of_block(reader.read(batch))
