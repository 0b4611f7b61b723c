"""Writing record batches as a trace in CSV, Parquet or Arrow IPC."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any

import pyarrow as pa

from adhash.workloads.trace_output import OutputFormat, open_output, output_format

_HEADER = b"op,key,value\n"


def write_trace(
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    out: str | os.PathLike[str],
    *,
    force: bool = False,
    smallest: bool = False,
    on_rows: Callable[[int], None] | None = None,
) -> int:
    """Write a trace and return the number of its rows.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        The columns op, key and value. In CSV, strings are not quoted: they must need no quotes.
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
    trace_format, compression = output_format(os.fspath(out))
    rows = 0
    with open_output(out, compression, force=force, smallest=smallest) as file:
        writer = _WRITERS[trace_format](file, schema)
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

    def __init__(self, file: IO[bytes], schema: pa.Schema) -> None:
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
        columns = [op.dictionary_decode(), batch.column(1), batch.column(2)]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        self._file.write(self._block.getbuffer())
        self._block.seek(0)
        self._block.truncate()

    def close(self) -> None:
        self._writer.close()


def _parquet_writer(file: IO[bytes], schema: pa.Schema) -> Any:
    from pyarrow import parquet

    # Batches are row groups otherwise, of which a large trace would have thousands.
    return _Grouped(parquet.ParquetWriter(file, schema, compression="zstd"), schema)


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


def _arrow_file_writer(file: Any, schema: pa.Schema) -> Any:
    return pa.ipc.new_file(file, schema)


def _arrow_stream_writer(file: Any, schema: pa.Schema) -> Any:
    return pa.ipc.new_stream(file, schema)


_WRITERS: dict[OutputFormat, Callable[[IO[bytes], pa.Schema], Any]] = {
    "csv": _CsvWriter,
    "parquet": _parquet_writer,
    "arrow-file": _arrow_file_writer,
    "arrow-stream": _arrow_stream_writer,
}
