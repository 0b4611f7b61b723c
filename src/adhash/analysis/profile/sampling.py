"""Drawing pieces of a trace from its whole length.

The first piece begins where the trace does, with the empty table that the trace begins with. The
others lie at equal distances behind it, the last at the end, so that phases count by how long they
last. Each piece stands for the rows nearer to it than to any other. What the table held at the
beginning of a piece is the business of `adhash.analysis.profile.history`.

An uncompressed CSV file is read at these places only, so the time does not depend on its size; how
many rows lie between is estimated from the bytes of those that were read. Compressed CSV, standard
input and pipes have no places to go to: they are unpacked into an unnamed temporary file first.
Parquet and Arrow files are read through, keeping only what belongs to a piece.

The alternative, keeping every operation of the keys whose hash is below a threshold (SHARDS),
preserves each key's history exactly. It was tried and rejected: it has to read and parse every
row, which costs as much as running the trace on an engine or two, and it takes the references of a
hot key wholly or not at all.

References
----------
C. A. Waldspurger, N. Park, A. Garthwaite, I. Ahmad, "Efficient MRC construction with SHARDS", FAST
2015, for the alternative.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from adhash.analysis.profile.column_sampling import count_rows, draw_from_columns
from adhash.analysis.profile.csv_sampling import CsvSampler
from adhash.analysis.profile.sample import Drawing, Sample
from adhash.analysis.profile.windows import CsvReader
from adhash.errors import BadInputError, PolicyError, StorageError

if TYPE_CHECKING:
    from adhash.workloads.column_source import ColumnSource
    from adhash.workloads.csv_source import CsvSource
    from adhash.workloads.imported_source import ImportedSource
    from adhash.workloads.sources import TraceSource

# Most traces are not read through: room for blocks that are never filled costs milliseconds.
_BLOCK_BYTES = 1 << 18


def draw_sample(trace: str, drawing: Drawing) -> Sample:
    """Return a sample of a trace.

    Parameters
    ----------
    trace : str
        As for `adhash.workloads.sources.open_trace`.
    drawing : Drawing
        How to draw.

    Returns
    -------
    Sample
        Of the whole trace where it is short enough.

    Raises
    ------
    TraceError
        If it is no trace, or one of the rows looked at is wrong.
    PolicyError
        If it is larger than allowed.
    StorageError
        If it cannot be read, or not be unpacked.
    InterruptedRunError
        If it was stopped.
    """
    drawing.tell("opening the trace", 0, None, unit="bytes")
    with _open(trace, drawing) as source:
        if source.format == "csv":
            return _draw_from_csv(source, drawing)
        if source.total_rows is not None:
            return draw_from_columns(source, source.total_rows, drawing)
        _require_reopenable(source)
        total_rows = count_rows(source, drawing)
    with _open(trace, drawing) as again:
        return draw_from_columns(cast("ImportedSource", again), total_rows, drawing)


def _open(trace: str, drawing: Drawing) -> TraceSource:
    from adhash.workloads.importing import Importing
    from adhash.workloads.sources import open_trace

    return open_trace(
        trace,
        block_bytes=_BLOCK_BYTES,
        max_bytes=drawing.settings.csv_max_bytes,
        read_ahead=False,
        should_stop=drawing.is_stopped,
        importing=Importing.of(drawing.settings),
    )


def _require_reopenable(source: ColumnSource | ImportedSource) -> None:
    if not source.reopenable:
        what = "an Arrow stream" if source.format == "arrow" else "a pipe"
        raise BadInputError(
            f"{source.name} is {what}, whose length only its end tells",
            hint="save it to a file",
        )


def _draw_from_csv(source: CsvSource, drawing: Drawing) -> Sample:
    with _seekable(source, drawing) as (file, total_bytes):
        reader = CsvReader(
            file=file,
            name=source.name,
            machinery=drawing.machinery,
            max_line_bytes=drawing.settings.max_line_bytes,
            is_stopped=drawing.is_stopped,
        )
        sample = CsvSampler(drawing=drawing, reader=reader, total_bytes=total_bytes).draw()
    # The digest of a copy that was unpacked is not that of the trace's file.
    is_copy = source.compression or not source.reopenable
    return replace(sample, sha256=source.sha256()) if is_copy else replace(sample, is_seekable=True)


@contextmanager
def _seekable(source: CsvSource, drawing: Drawing) -> Iterator[tuple[BinaryIO, int]]:
    """Yield the uncompressed file and its size in bytes."""
    if source.reopenable and not source.compression:
        size = source.total_bytes or 0
        _require_bytes(size, source.name, drawing.settings.csv_max_bytes)
        with Path(source.name).open("rb") as file:
            yield file, size
        return
    with _temporary_file() as copy:
        for block in source.blocks():
            drawing.require_going_on()
            _write(copy, block)
            drawing.tell("unpacking the trace", source.bytes_read, source.total_bytes, unit="bytes")
        yield copy, copy.tell()


def _require_bytes(size: int, name: str, limit: int) -> None:
    if limit and size > limit:
        raise PolicyError(
            f"the trace {name} is larger than csv_max_bytes = {limit} bytes",
            hint="raise --csv-max-bytes, or cut the trace",
        )


@contextmanager
def _temporary_file() -> Iterator[BinaryIO]:
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
    except OSError as error:
        raise _no_room(error) from error
    with file:
        yield cast("BinaryIO", file)


def _write(copy: BinaryIO, block: memoryview) -> None:
    try:
        copy.write(block)
        copy.flush()
    except OSError as error:
        raise _no_room(error) from error


def _no_room(error: OSError) -> StorageError:
    return StorageError(
        f"cannot unpack the trace to {tempfile.gettempdir()}: {error.strerror}",
        hint="set TMPDIR to a directory with room, or give the trace as an uncompressed file",
    )
