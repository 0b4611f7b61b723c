"""Opening a trace for replay, whatever it is: the format is told by content, not by name."""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import IO, TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from adhash.errors import PolicyError, StorageError, TraceError
from adhash.workloads.compression import Decompressed
from adhash.workloads.content_blocks import ContentBlocks
from adhash.workloads.csv_source import CsvSource
from adhash.workloads.importing import AUTO, NATIVE, Importing
from adhash.workloads.known_digest import KnownDigest
from adhash.workloads.magic import (
    MAGIC_BYTES,
    Compression,
    Format,
    check_suffix,
    compression_of,
    format_of,
    refuse_foreign,
)
from adhash.workloads.peeked import Peeked, StopCheck, never, wait_into
from adhash.workloads.raw_input import RawInput

if TYPE_CHECKING:
    # pyarrow is loaded for the formats that need it, not for a CSV trace.
    from adhash.workloads.column_source import BatchFile, ColumnSource
    from adhash.workloads.formats.trace_format import TraceFormat
    from adhash.workloads.imported_source import ImportedSource

    TraceSource: TypeAlias = CsvSource | ColumnSource | ImportedSource

#: Large enough that the work a block does not count, small enough to stay in the L2 cache or near
#: it; from 256 KiB to 4 MiB the replay's speed does not change measurably.
DEFAULT_BLOCK_BYTES = 1 << 20

_COPY_BYTES = 1 << 20
# So much of a trace of no known header is looked at to tell its format.
_LOOK_BYTES = 1 << 16
_NATIVE_HEADERS = (b"op,key", b'"op"', b'op,"key')


def open_trace(
    path: str | os.PathLike[str],
    *,
    block_bytes: int = DEFAULT_BLOCK_BYTES,
    max_bytes: int = 0,
    hashed: bool = True,
    read_ahead: bool = True,
    should_stop: StopCheck = never,
    stdin_fd: int = 0,
    known_digest: KnownDigest | None = None,
    importing: Importing | None = None,
) -> TraceSource:
    """Open a trace and find out what it is.

    Parameters
    ----------
    path : str or PathLike
        CSV, Parquet, Arrow IPC (file or stream) or a foreign format, plain or compressed as gz, zst
        or xz; a regular file, a FIFO, or ``"-"`` for standard input.
    block_bytes : int
        The size of a block of CSV, in bytes.
    max_bytes : int
        The most bytes of decompressed content to hand out (of columns, for Parquet and Arrow); 0
        for no limit.
    hashed : bool
        Whether to compute the SHA-256 of the file for the manifest.
    read_ahead : bool
        Whether to read, hash, decompress and, for columns, check in a side thread.
    should_stop : callable
        Asked every 0.1 s while a silent pipe is waited for, here and in
        `ColumnSource.blocks`. (`CsvSource.blocks` yields empty blocks instead.)
    stdin_fd : int
        The descriptor that ``"-"`` means.
    known_digest : KnownDigest or None
        Taken for the SHA-256 while the file is the one it was made from.
    importing : Importing or None
        How a foreign format is read, and which it is; by default it is recognised where it can be.

    Returns
    -------
    CsvSource, ColumnSource or ImportedSource
        To be told apart by ``source.format``: "csv", "parquet", "arrow" or "imported"; all are
        context managers.

    Raises
    ------
    StorageError
        Where the file is missing, a directory, unreadable, cut short or damaged.
    TraceError
        Where it is empty, not a trace, or its columns are wrong.
    PolicyError
        Where a copy that must be made of it would be larger than `max_bytes`.
    InterruptedRunError
        Once `should_stop` returned True.
    """
    importing = importing or Importing()
    foreign = _named_format(importing.format)
    raw = RawInput(os.fspath(path), hashed=hashed, stdin_fd=stdin_fd, known_digest=known_digest)
    try:
        compression, content = _decompressed(raw, should_stop, may_be_anything=foreign is not None)
        shape = _BlockShape(block_bytes, max_bytes, read_ahead)
        if foreign is None and importing.format == AUTO:
            foreign = _recognised(raw, content, compression, should_stop)
        if foreign is not None:
            return _open_foreign(raw, content, compression, foreign, importing, shape, should_stop)
        trace_format = format_of(content.start)
        _require_named(importing.format, trace_format, raw.name)
        if trace_format == "csv":
            return CsvSource(raw, content, compression=compression, **shape._asdict())
        return _open_columns(raw, content, trace_format, compression, shape, should_stop)
    except BaseException:
        raw.close()
        raise


class _BlockShape(NamedTuple):
    """How the content of a file is handed out."""

    block_bytes: int
    max_bytes: int
    read_ahead: bool


def _named_format(name: str) -> TraceFormat | None:
    if name == AUTO or name in NATIVE:
        return None
    from adhash.workloads.formats.registry import trace_format

    return trace_format(name)


def _recognised(
    raw: RawInput, content: Peeked, compression: Compression, should_stop: StopCheck
) -> TraceFormat | None:
    start = content.start.removeprefix(b"\xef\xbb\xbf").lower()
    if format_of(content.start) != "csv" or start.startswith(_NATIVE_HEADERS):
        return None
    from adhash.workloads.formats.registry import detected

    return detected(content.look_further(_LOOK_BYTES, should_stop), _plain_name(raw, compression))


def _plain_name(raw: RawInput, compression: Compression) -> str:
    return os.path.splitext(raw.name)[0] if compression else raw.name  # noqa: PTH122


def _require_named(named: str, found: Format, name: str) -> None:
    """Refuse a trace that is not of the native format that was named."""
    if named != AUTO and named != found.partition("-")[0]:
        raise TraceError(
            f"{name} is not {named}, it looks like {found.partition('-')[0]}",
            hint="leave --format out, or name another",
            file=name,
        )


def _open_foreign(
    raw: RawInput,
    content: Peeked,
    compression: Compression,
    foreign: TraceFormat,
    importing: Importing,
    shape: _BlockShape,
    should_stop: StopCheck,
) -> ImportedSource:
    from adhash.workloads.imported_source import ImportedSource

    def again() -> ContentBlocks:
        other = RawInput(raw.name, hashed=False)
        try:
            _, start = _decompressed(other, should_stop, may_be_anything=True)
            return ContentBlocks(other, start, compression=compression, **shape._asdict())
        except BaseException:
            other.close()
            raise

    return ImportedSource(
        ContentBlocks(raw, content, compression=compression, **shape._asdict()),
        foreign,
        importing,
        again=again,
        should_stop=should_stop,
    )


def _decompressed(
    raw: RawInput, should_stop: StopCheck, *, may_be_anything: bool
) -> tuple[Compression, Peeked]:
    outer = Peeked(raw, MAGIC_BYTES, should_stop)
    _refuse_empty(raw.name, outer.start)
    compression = compression_of(outer.start)
    if not compression:
        if not may_be_anything:  # bytes of a named binary format may look like something else
            refuse_foreign(outer.start, raw.name)
        if format_of(outer.start) == "csv":
            check_suffix(raw.name, outer.start)
        return "", outer
    content = Peeked(Decompressed(outer, compression, raw.name), MAGIC_BYTES, should_stop)
    _refuse_empty(raw.name, content.start)
    if may_be_anything:
        return compression, content
    refuse_foreign(content.start, raw.name)
    if compression_of(content.start):
        raise TraceError(
            f"{raw.name} is compressed twice", hint="decompress it once", file=raw.name
        )
    return compression, content


def _refuse_empty(name: str, start: bytes) -> None:
    if not start:
        raise TraceError(
            f"the trace {name} is empty",
            hint="a trace of operations starts with the header op,key,value",
            file=name,
        )


def _open_columns(
    raw: RawInput,
    content: Peeked,
    trace_format: Format,
    compression: Compression,
    shape: _BlockShape,
    should_stop: StopCheck,
) -> ColumnSource:
    from adhash.workloads.batch_files import ArrowFileBatches, ArrowStreamBatches, ParquetBatches
    from adhash.workloads.column_source import DAMAGE, ColumnSource, damaged

    shown: Literal["parquet", "arrow"] = "parquet" if trace_format == "parquet" else "arrow"
    batch_file: BatchFile
    is_apart = False
    with contextlib.ExitStack() as on_failure:
        try:
            if trace_format == "arrow-stream":
                batch_file = ArrowStreamBatches(content, should_stop)
            else:
                seekable = _seekable(raw, content, compression, shape.max_bytes, should_stop)
                is_apart = isinstance(seekable, str)
                if not isinstance(seekable, str):
                    on_failure.callback(seekable.close)
                reader = ParquetBatches if trace_format == "parquet" else ArrowFileBatches
                batch_file = reader(seekable)
        except DAMAGE as error:
            raise damaged(raw.name, shown, error) from error
        on_failure.callback(batch_file.close)
        source = ColumnSource(
            raw,
            batch_file,
            trace_format=shown,
            compression=compression,
            max_bytes=shape.max_bytes,
            read_ahead=shape.read_ahead,
            is_apart=is_apart,
            should_stop=should_stop,
        )
        on_failure.pop_all()
        return source


def _seekable(
    raw: RawInput,
    content: Peeked,
    compression: Compression,
    max_bytes: int,
    should_stop: StopCheck,
) -> str | IO[bytes]:
    """Return something to seek in: the file itself, or an unnamed copy on disk of its content."""
    if raw.is_regular and not compression and not raw.is_stdin:
        return raw.name
    with contextlib.ExitStack() as on_failure:
        try:
            copy = on_failure.enter_context(tempfile.TemporaryFile())
            _copy(content, copy, max_bytes, raw.name, should_stop)
        except OSError as error:
            raise StorageError(
                f"cannot copy the trace {raw.name} to {tempfile.gettempdir()}: {error.strerror}",
                hint="set TMPDIR to a directory with room",
            ) from error
        on_failure.pop_all()
        return copy


def _copy(
    content: Peeked, copy: IO[bytes], max_bytes: int, name: str, should_stop: StopCheck
) -> None:
    view = memoryview(bytearray(_COPY_BYTES))
    copied = 0
    while got := wait_into(content, view, should_stop):
        copied += got
        if max_bytes and copied > max_bytes:
            raise PolicyError(
                f"the trace {name} is larger than csv_max_bytes = {max_bytes} bytes",
                hint="raise --csv-max-bytes, or cut the trace",
            )
        copy.write(view[:got])
    copy.seek(0)
