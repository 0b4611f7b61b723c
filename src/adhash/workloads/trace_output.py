"""Where a new trace goes: standard output, or a file whose suffix says how it is written."""

from __future__ import annotations

import contextlib
import gzip
import lzma
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias

import zstandard

from adhash.atomic_files import replacing, write_failure
from adhash.errors import BadInputError, PolicyError
from adhash.workloads.magic import Compression

OutputFormat: TypeAlias = Literal["csv", "parquet", "arrow-file", "arrow-stream"]

_FORMATS: dict[str, OutputFormat] = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".arrow": "arrow-file",
    ".feather": "arrow-file",
    ".ipc": "arrow-file",
    ".arrows": "arrow-stream",
}
_COMPRESSIONS: dict[str, Compression] = {".gz": "gzip", ".zst": "zstd", ".xz": "xz"}

# Speed first, as traces are written once and mostly read at once.
_GZIP_LEVEL, _ZSTD_LEVEL, _XZ_PRESET = 4, 1, 2
_SMALLEST_GZIP_LEVEL, _SMALLEST_ZSTD_LEVEL, _SMALLEST_XZ_PRESET = 9, 19, 9


def output_format(path: str, *, to: str | None = None) -> tuple[OutputFormat, Compression]:
    """Return the format and compression that the suffixes of a path choose.

    Parameters
    ----------
    path : str
        Such as ``trace.csv.zst`` or ``trace.parquet``; ``"-"`` stands for plain CSV.
    to : {"csv", "parquet", "arrow", "arrows"} or None
        The format, whatever the path is called; compression is still chosen by its suffix.

    Returns
    -------
    tuple of (str, str)
        The format and the compression.

    Raises
    ------
    BadInputError
        Where the suffixes name no format, or compress one that compresses itself.
    """
    named = _FORMATS.get(f".{to}") if to else None
    if path == "-":
        return named or "csv", ""
    stem, suffix = os.path.splitext(path.lower())  # noqa: PTH122 - Path drops "a." and "a/"
    compression = _COMPRESSIONS.get(suffix, "")
    if compression:
        suffix = os.path.splitext(stem)[1]  # noqa: PTH122
    trace_format = named or _FORMATS.get(suffix)
    if trace_format is None or (compression and trace_format == "parquet"):
        raise BadInputError(
            f"no trace format has the suffix of {path}",
            hint="use .csv, .parquet, .arrow or .arrows; all but .parquet also as .gz, .zst, .xz",
        )
    return trace_format, compression


@contextlib.contextmanager
def open_output(
    path: str | os.PathLike[str], compression: Compression, *, force: bool, smallest: bool = False
) -> Iterator[IO[bytes]]:
    """Open a file that appears when the block ends without an error, and never in part.

    Parameters
    ----------
    path : str or PathLike
        The target, or ``"-"`` for standard output.
    compression : {"", "gzip", "zstd", "xz"}
        How to compress what is written.
    force : bool
        Whether an existing file may be replaced.
    smallest : bool
        Whether size matters more than speed.

    Yields
    ------
    file object
        To write bytes to.

    Raises
    ------
    PolicyError
        Where the target exists and `force` is False.
    StorageError
        Where the system cannot write.
    """
    if os.fspath(path) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with (
        _target(Path(path), force=force) as target,
        compressed(target, compression, smallest=smallest) as file,
    ):
        yield file


@contextlib.contextmanager
def _target(path: Path, *, force: bool) -> Iterator[IO[bytes]]:
    if _is_device(path):
        with _written_through(path) as device:
            yield device
        return
    _refuse_existing(path, force=force)
    with replacing(path) as file:
        yield file
        # A trace takes a while to write, and the file may have come into being meanwhile.
        _refuse_existing(path, force=force)


def _is_device(path: Path) -> bool:
    """Return whether a device or FIFO is there, which cannot be replaced."""
    return path.exists() and not path.is_file() and not path.is_dir()


@contextlib.contextmanager
def _written_through(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("wb") as device:
            yield device
    except OSError as error:
        raise write_failure(path, error) from error


def _refuse_existing(path: Path, *, force: bool) -> None:
    if not force and path.is_file():
        raise PolicyError(f"{path} exists", hint="give --force to replace it, or another name")


def compressed(
    file: IO[bytes], compression: Compression, *, smallest: bool
) -> contextlib.AbstractContextManager[IO[bytes]]:
    """Return a file whose writes arrive in `file` compressed; ending it leaves `file` open.

    The result is the same whenever and wherever it is written: no name and no time in it.

    Parameters
    ----------
    file : file object
        Open for writing bytes.
    compression : {"", "gzip", "zstd", "xz"}
        How to compress.
    smallest : bool
        Whether size matters more than speed.

    Returns
    -------
    context manager of a file object
        To write bytes to.
    """
    packed: Any
    if compression == "gzip":
        level = _SMALLEST_GZIP_LEVEL if smallest else _GZIP_LEVEL
        packed = gzip.GzipFile("", "wb", level, file, mtime=0)
    elif compression == "zstd":
        level = _SMALLEST_ZSTD_LEVEL if smallest else _ZSTD_LEVEL
        compressor = zstandard.ZstdCompressor(level=level, write_checksum=True)
        packed = compressor.stream_writer(file, closefd=False)
    elif compression == "xz":
        preset = _SMALLEST_XZ_PRESET if smallest else _XZ_PRESET
        packed = lzma.LZMAFile(file, "wb", preset=preset)  # noqa: SIM115 - the caller's to close
    else:
        packed = contextlib.nullcontext(file)
    ready: contextlib.AbstractContextManager[IO[bytes]] = packed
    return ready
