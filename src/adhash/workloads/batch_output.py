"""Writing record batches as a trace in CSV, Parquet or Arrow IPC."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import IO, Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from adhash.workloads.trace_output import OutputFormat, open_output, output_format

Codec: TypeAlias = Literal["none", "lz4", "zstd"]

_HEADER = b"op,key,value\n"

# How well fewer rows are packed tells nothing of those that follow.
_TELLING_ROWS = 4096


def write_trace(
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    out: str | os.PathLike[str],
    *,
    force: bool = False,
    smallest: bool = False,
    on_rows: Callable[[int], None] | None = None,
    to: str | None = None,
    codec: Codec | None = None,
) -> int:
    """Write a trace and return the number of its rows.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        The columns op, key and value. In CSV, what needs quotes has them.
    schema : pyarrow.Schema
        The schema of all batches.
    out : str or PathLike
        The file; its suffix chooses format and compression. ``"-"`` is CSV on standard output.
    force : bool
        Whether an existing file may be replaced.
    smallest : bool
        Whether the size of a compressed file matters more than speed.
    on_rows : callable or None
        Told after each batch how many rows were written so far.
    to : {"csv", "parquet", "arrow", "arrows"} or None
        The format, whatever the suffix.
    codec : {"none", "lz4", "zstd"} or None
        How columns are compressed. Where None, with lz4 in Arrow files unless the first batch tells
        that this does not halve them, which are then read faster than plain ones because there is
        less of them to hash; with zstd in Parquet; not at all in a file that is compressed as a
        whole.

    Returns
    -------
    int
        The number of rows.

    Raises
    ------
    BadInputError
        Where the suffix names no format.
    PolicyError
        Where the file exists and `force` is False.
    StorageError
        Where the system cannot write; nothing is left under the name then.
    """
    trace_format, compression = output_format(os.fspath(out), to=to)
    rows = 0
    with open_output(out, compression, force=force, smallest=smallest) as file:
        writer = _WRITERS[trace_format](file, schema, codec or ("none" if compression else None))
        with _closing(writer):
            for batch in batches:
                writer.write_batch(batch)
                rows += len(batch)
                if on_rows:
                    on_rows(rows)
    return rows


@contextlib.contextmanager
def _closing(writer: Any) -> Iterator[None]:
    """Close a writer while its file is open, and after a failure without a second complaint."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(Exception):
            writer.close()
        raise
    writer.close()


class _CsvWriter:
    """CSV as the format of traces has it, which is: no quotes around the header."""

    def __init__(self, file: IO[bytes], schema: pa.Schema, _codec: Codec | None) -> None:
        from pyarrow import csv

        self._file = file
        self._block = io.BytesIO()
        options = csv.WriteOptions(include_header=False, quoting_style="none", batch_size=1 << 16)
        plain = pa.schema([schema.field(i) for i in range(1, 3)]).insert(
            0, pa.field("op", pa.string())
        )
        self._writer = csv.CSVWriter(self._block, plain, write_options=options)
        self._schema = plain
        file.write(_HEADER)

    def write_batch(self, batch: pa.RecordBatch) -> None:
        op: Any = batch.column(0)
        columns: list[Any] = [op.dictionary_decode(), batch.column(1), batch.column(2)]
        if any(_has_special(column) for column in columns[1:]):
            self._file.write(_quoted_rows(columns))
            return
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        self._file.write(self._block.getbuffer())
        self._block.seek(0)
        self._block.truncate()

    def close(self) -> None:
        self._writer.close()


def _has_special(column: Any) -> bool:
    """Return whether a field needs quotes; numbers never do."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return False
    # A look at all bytes of the buffer is a hundred times cheaper than one at each string.
    data = column.buffers()[2]
    content = b"" if data is None else memoryview(data).tobytes()
    return any(special in content for special in (b'"', b",", b"\n", b"\r"))


def _quoted_rows(columns: list[Any]) -> memoryview:
    """Return rows of CSV with quotes where they are needed, which Arrow's own writer refuses."""
    text = pa.large_string()
    fields = [_quoted(column.cast(text).fill_null("")) for column in columns]
    ends, between = pa.scalar("\n", text), pa.scalar(",", text)
    compute: Any = pc
    rows = compute.binary_join_element_wise(*fields, between)
    whole = compute.binary_join_element_wise(rows, ends, pa.scalar("", text))
    # The strings of an array lie one behind another: they are the text.
    _, offsets, data = whole.buffers()
    return memoryview(data)[: memoryview(offsets).cast("q")[len(whole)]]


def _quoted(strings: Any) -> Any:
    compute: Any = pc
    mark, nothing = pa.scalar('"', strings.type), pa.scalar("", strings.type)
    doubled = compute.replace_substring(strings, '"', '""')
    in_quotes = compute.binary_join_element_wise(mark, doubled, mark, nothing)
    is_special = compute.match_substring_regex(strings, '[",\r\n]')
    return compute.if_else(is_special, in_quotes, strings)


def _parquet_writer(file: IO[bytes], schema: pa.Schema, codec: Codec | None) -> Any:
    from pyarrow import parquet

    # Batches are row groups otherwise, of which a large trace would have thousands.
    return _Grouped(parquet.ParquetWriter(file, schema, compression=codec or "zstd"), schema)


class _Grouped:
    """A Parquet writer whose row groups are of a million rows."""

    _ROWS = 1 << 20

    def __init__(self, writer: Any, schema: pa.Schema) -> None:
        self._writer = writer
        self._schema = schema
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def write_batch(self, batch: pa.RecordBatch) -> None:
        self._waiting.append(batch)
        self._rows += len(batch)
        if self._rows >= self._ROWS:
            self._write()

    def close(self) -> None:
        self._write()
        self._writer.close()

    def _write(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting, self._schema), self._ROWS)
        self._waiting, self._rows = [], 0


class _ArrowWriter:
    """An Arrow writer whose codec is the one asked for, or else chosen by the first batch."""

    def __init__(
        self, opener: Callable[..., Any], file: IO[bytes], schema: pa.Schema, codec: Codec | None
    ) -> None:
        self._open = partial(opener, file, schema)
        self._codec = codec
        self._writer: Any = None

    def write_batch(self, batch: pa.RecordBatch) -> None:
        if self._writer is None:
            codec = self._codec or ("lz4" if _is_worth_lz4(batch) else "none")
            self._writer = self._open(options=_ipc_options(codec))
        self._writer.write_batch(batch)

    def close(self) -> None:
        if self._writer is None:
            self._writer = self._open()
        self._writer.close()


def _is_worth_lz4(batch: pa.RecordBatch) -> bool:
    if len(batch) < _TELLING_ROWS:
        return True
    plain, packed = (_size_of(batch, codec) for codec in ("none", "lz4"))
    return 2 * packed < plain


def _size_of(batch: pa.RecordBatch, codec: Codec) -> int:
    sink = pa.MockOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=_ipc_options(codec)) as writer:
        writer.write_batch(batch)
    return int(sink.size())


def _ipc_options(codec: Codec) -> pa.ipc.IpcWriteOptions:
    return pa.ipc.IpcWriteOptions(compression=None if codec == "none" else codec)


_WRITERS: dict[OutputFormat, Callable[[IO[bytes], pa.Schema, Codec | None], Any]] = {
    "csv": _CsvWriter,
    "parquet": _parquet_writer,
    "arrow-file": partial(_ArrowWriter, pa.ipc.new_file),
    "arrow-stream": partial(_ArrowWriter, pa.ipc.new_stream),
}
