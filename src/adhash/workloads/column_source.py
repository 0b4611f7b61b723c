"""A trace in Parquet or Arrow IPC, as blocks of columns."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Literal, Protocol, Self

import pyarrow as pa

from adhash.errors import InterruptedRunError, PolicyError, TraceError
from adhash.workloads.columns import (
    BatchReader,
    ColumnBlock,
    KeyType,
    ValueType,
    check_schema,
    is_text,
    key_type_of,
    value_type_of,
)
from adhash.workloads.hash_ahead import HashAhead
from adhash.workloads.magic import Compression
from adhash.workloads.peeked import StopCheck, never
from adhash.workloads.raw_input import RawInput
from adhash.workloads.read_ahead import ReadAhead

#: Rows handed out at a time.
BLOCK_ROWS = 65_536


#: What pyarrow raises for damage: OSError from Parquet pages, ValueError from names in no UTF-8,
#: MemoryError from a length that a damaged header makes up.
DAMAGE = (pa.ArrowException, OSError, ValueError, MemoryError)


class BatchFile(Protocol):
    """A file of record batches, read from the first to the last."""

    @property
    def schema(self) -> pa.Schema:
        """The schema of the file."""
        ...

    @property
    def total_rows(self) -> int | None:
        """The number of rows; None where only the end tells."""
        ...

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches, of any size."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class ColumnSource:
    """The operations of a Parquet or Arrow IPC trace, block by block, in bounded memory.

    Made by `adhash.workloads.sources.open_trace`. Memory is bounded by one record batch of an
    Arrow file (whoever wrote it chose its size) and by `BLOCK_ROWS` rows of a Parquet file.

    Parameters
    ----------
    raw : RawInput
        The file; closed with the source.
    batch_file : BatchFile
        Its record batches.
    trace_format : {"parquet", "arrow"}
        What the file is.
    compression : {"", "gzip", "zstd", "xz"}
        How the file as a whole is compressed.
    max_bytes : int
        The most bytes of columns to hand out; 0 for no limit.
    read_ahead : bool
        Whether to read and check in a side thread, a few blocks ahead.
    is_apart : bool
        Whether `batch_file` reads through a descriptor of its own, so that the file can be hashed
        through the one of `raw` meanwhile.
    should_stop : callable
        Asked while no block is ready.
    """

    def __init__(
        self,
        raw: RawInput,
        batch_file: BatchFile,
        *,
        trace_format: Literal["parquet", "arrow"],
        compression: Compression,
        max_bytes: int,
        read_ahead: bool = False,
        is_apart: bool = False,
        should_stop: StopCheck = never,
    ) -> None:
        self.name = raw.name
        self.format = trace_format
        # What --format calls it.
        self.format_name = trace_format
        self.compression = compression
        self.reopenable = raw.is_regular and not raw.is_stdin
        self._raw = raw
        self._file = batch_file
        self._max_bytes = max_bytes
        self._content_bytes = 0
        self._rows = 0
        self._finished = False
        self._wants_ahead = read_ahead
        self._is_apart = is_apart
        self._should_stop = should_stop
        self._ahead: ReadAhead[ColumnBlock] | None = None
        self._hashing: HashAhead | None = None
        check_schema(batch_file.schema, raw.name)
        self.key_type: KeyType = key_type_of(batch_file.schema.field("key").type, raw.name)
        self.value_type: ValueType = value_type_of(batch_file.schema.field("value").type, raw.name)
        self.has_text_values = is_text(batch_file.schema.field("value").type)

    @property
    def total_rows(self) -> int | None:
        """The number of rows; None where only the end tells."""
        return self._file.total_rows

    @property
    def total_bytes(self) -> int | None:
        """Size of the file in bytes; None for a pipe."""
        return self._raw.total_bytes

    @property
    def bytes_read(self) -> int:
        """Bytes of the file read so far; in proportion to the rows where these are counted."""
        if self.total_bytes is None or not self.total_rows:
            return self._raw.bytes_read
        return self.total_bytes * self._rows // self.total_rows

    def blocks(self, *, key_type: KeyType | Literal["auto"] = "auto") -> Iterator[ColumnBlock]:
        """Yield the operations in order; a source is read once.

        Parameters
        ----------
        key_type : {"auto", "int64", "uint64", "str", "bytes"}
            The type to hand keys out as; integers may be asked for as strings.

        Yields
        ------
        ColumnBlock
            At most `BLOCK_ROWS` operations; it owns its memory.

        Raises
        ------
        TraceError
            Where the file is damaged, has no row, or a row is no operation.
        PolicyError
            Where the columns are larger than `max_bytes`.
        StorageError
            Where the file cannot be read.
        InterruptedRunError
            Where the source was opened with `should_stop` and that returned True.
        """
        blocks = self._read(self.key_type if key_type == "auto" else key_type)
        if not self._wants_ahead:
            yield from blocks
            return
        if self._is_apart:
            self._hashing = HashAhead(self._raw)
        self._ahead = ReadAhead(blocks)
        for block in self._ahead:
            if block is not None:
                yield block
            elif self._should_stop():
                raise InterruptedRunError("stopped while reading the trace")

    def _read(self, key_type: KeyType) -> Iterator[ColumnBlock]:
        reader = BatchReader(file=self.name, key_type=key_type)
        for batch in self._slices():
            self._count(batch)
            yield reader.read(batch)
        if not self._rows:
            raise TraceError(
                f"the trace {self.name} has no rows",
                hint="a trace has one row an operation",
                file=self.name,
            )

    def sha256(self) -> str | None:
        """Return the SHA-256 of the file in hexadecimal; None unless all rows were read.

        A plain file is hashed apart from its rows, because their readers jump around in it: in a
        side thread while they are read ahead, else here and now (about 0.6 s a GB).
        """
        if not self._finished:
            return None
        return self._hashing.sha256() if self._hashing else self._raw.sha256_of_all()

    def close(self) -> None:
        """Close the file; standard input stays open."""
        # A thread that hangs in a read keeps its file, see `ContentBlocks.close`.
        if self._ahead is None or self._ahead.close():
            self._file.close()
        if self._hashing is None or self._hashing.close():
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

    def _slices(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self._file.batches():
                for start in range(0, len(batch), BLOCK_ROWS):
                    yield batch.slice(start, BLOCK_ROWS)
        except DAMAGE as error:
            raise damaged(self.name, self.format, error) from error
        self._finished = True

    def _count(self, batch: pa.RecordBatch) -> None:
        self._rows += len(batch)
        self._content_bytes += batch.nbytes
        if self._max_bytes and self._content_bytes > self._max_bytes:
            raise PolicyError(
                f"the columns of {self.name} are larger than csv_max_bytes = "
                f"{self._max_bytes} bytes",
                hint="raise --csv-max-bytes, or cut the trace",
            )


def damaged(name: str, trace_format: str, error: BaseException) -> TraceError:
    """Return the error for a file that is not, or not wholly, what it announces.

    Parameters
    ----------
    name : str
        The trace as the user named it.
    trace_format : str
        What it announces to be.
    error : BaseException
        What the reader said.

    Returns
    -------
    TraceError
        With the reason in a line.
    """
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return TraceError(
        f"{name} is not a whole {trace_format} file: {reason}",
        hint="write or copy the trace again",
        file=name,
    )
