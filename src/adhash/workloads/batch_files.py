"""The readers of record batches: Parquet, Arrow IPC files and Arrow IPC streams."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO, Any

import pyarrow as pa

from adhash.workloads.peeked import StopCheck, wait_into
from adhash.workloads.raw_input import ByteStream

_BATCH_ROWS = 65_536
_READ_BYTES = 1 << 20
# Columns are unpacked in the thread that reads: a replay is bound to its cores, and a few threads.
_READ_OPTIONS = pa.ipc.IpcReadOptions(use_threads=False)


class ParquetBatches:
    """The rows of a Parquet file, read a page at a time rather than a row group at a time.

    Parameters
    ----------
    file : str or file object
        The file; it must be seekable.

    Raises
    ------
    pyarrow.ArrowException, OSError
        Where it is no Parquet file.
    """

    def __init__(self, file: str | IO[bytes]) -> None:
        from pyarrow import parquet

        # Without a buffer size the reader holds whole column chunks: up to the whole trace.
        self._file = parquet.ParquetFile(file, buffer_size=_READ_BYTES, pre_buffer=False)
        self.schema = self._file.schema_arrow
        self.total_rows: int | None = self._file.metadata.num_rows

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in order."""
        columns = ["op", "key", "value"]
        yield from self._file.iter_batches(_BATCH_ROWS, columns=columns, use_threads=False)

    def close(self) -> None:
        """Close the file."""
        self._file.close(force=True)


class ArrowFileBatches:
    """The batches of an Arrow IPC file (also called Feather).

    Not memory-mapped: a map of a file that somebody cuts short ends the process by a signal.

    Parameters
    ----------
    file : str or file object
        The file; it must be seekable.

    Raises
    ------
    pyarrow.ArrowException, OSError
        Where it is no Arrow IPC file.
    """

    total_rows: int | None = None

    def __init__(self, file: str | IO[bytes]) -> None:
        self._source: pa.NativeFile
        if isinstance(file, str):
            self._source = pa.OSFile(file, mode="r")
        else:
            self._source = pa.PythonFile(file, mode="r")  # type: ignore[arg-type]
        self._reader = pa.ipc.open_file(self._source, options=_READ_OPTIONS)
        self.schema = self._reader.schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches in order."""
        for index in range(self._reader.num_record_batches):
            yield self._reader.get_batch(index)

    def close(self) -> None:
        """Close the file."""
        self._source.close()


class ArrowStreamBatches:
    """The batches of an Arrow IPC stream, as they arrive.

    Parameters
    ----------
    stream : ByteStream
        The stream.
    should_stop : callable
        Asked while the stream is silent.

    Raises
    ------
    pyarrow.ArrowException, OSError
        Where it is no Arrow IPC stream.
    """

    total_rows: int | None = None

    def __init__(self, stream: ByteStream, should_stop: StopCheck) -> None:
        reader = io.BufferedReader(_BlockingFile(stream, should_stop), _READ_BYTES)
        self._source = pa.PythonFile(reader, mode="r")
        self._reader = pa.ipc.open_stream(self._source, options=_READ_OPTIONS)
        self.schema = self._reader.schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches as they arrive."""
        yield from self._reader

    def close(self) -> None:
        """Close the reader; the stream stays open."""
        self._source.close()


class _BlockingFile(io.RawIOBase):
    """A `ByteStream` with the methods of a file."""

    def __init__(self, stream: ByteStream, should_stop: StopCheck) -> None:
        super().__init__()
        self._stream = stream
        self._should_stop = should_stop

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        return wait_into(self._stream, view, self._should_stop) if view else 0
