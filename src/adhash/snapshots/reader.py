"""Read a snapshot: nothing in it is parsed before every byte of it has been verified.

The digest says that the file is what was written, not who wrote it. So what Arrow parses
afterwards is still validated (offsets in range, UTF-8 well-formed) before a native table sees it,
and each batch carries a checksum that catches a file changed in place behind our back.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from os import PathLike
from types import TracebackType

import pyarrow as pa

from adhash.errors import SnapshotError, StorageError
from adhash.snapshots.arrow_file import ArrowFile
from adhash.snapshots.columns import Column, arrow_type, column_from_arrow
from adhash.snapshots.digest import OnBytes, verify_digest
from adhash.snapshots.header import SnapshotHeader

# Told what is being done, and how far it is: (note, done, total, unit). Raising ends the work.
Watch = Callable[[str, int, int, str], None]


class Snapshot:
    """A verified snapshot, open for reading; a context manager that closes its file.

    Parameters
    ----------
    path : str
        Where it was opened, for messages.
    file : binary file
        The verified file; the snapshot closes it.
    arrow : ArrowFile
        Over the same file.
    header : SnapshotHeader
        What the snapshot says of itself.
    """

    def __init__(
        self,
        path: str,
        file: BufferedReader,
        arrow: ArrowFile,
        header: SnapshotHeader,
    ) -> None:
        self.path = path
        self.size_bytes = os.fstat(file.fileno()).st_size
        self.header = header
        self._file = file
        self._arrow = arrow

    def room_for_rows(self) -> int:
        """Return how many entries to make room for: what the header says, if the file can hold it.

        A file holds at most a few rows a byte, but its header may say anything.
        """
        return min(self.header.size, self.size_bytes)

    @property
    def has_marks(self) -> bool:
        """Whether its batches can be told apart, and saved in parts, if the file is damaged."""
        return SnapshotHeader.has_digest(self._arrow.schema.metadata)

    @property
    def arrow(self) -> ArrowFile:
        """The file as Arrow has it, for who wants to know how the batches lie."""
        return self._arrow

    def batches(self) -> Iterator[tuple[Column, Column]]:
        """Yield the keys and values, a batch of rows at a time, from the first on every call.

        Yields
        ------
        tuple of columns
            Valid as long as they are referenced: they do not depend on the file.

        Raises
        ------
        SnapshotError
            If the file was changed in place after it was verified, or holds other than
            ``header.size`` rows.
        """
        rows = 0
        for index in range(self._arrow.num_batches):
            with blaming(self.path):
                batch = self._arrow.batch(index)
            rows += batch.num_rows
            yield column_from_arrow(batch.column(0)), column_from_arrow(batch.column(1))
        if rows != self.header.size:
            raise SnapshotError(
                f"snapshot {self.path!r} holds {rows} rows where its header says {self.header.size}"
            )

    def close(self) -> None:
        """Close the file; batches that were read stay valid."""
        self._file.close()

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def open_snapshot(path: str | PathLike[str], *, watch: Watch | None = None) -> Snapshot:
    """Open a snapshot after checking every bit of it; memory stays bounded whatever its size.

    Parameters
    ----------
    path : path-like
        The snapshot.
    watch : callable or None
        Told after every megabyte how far it is.

    Returns
    -------
    Snapshot
        To be closed, or used as a context manager.

    Raises
    ------
    SnapshotError
        If the file is no snapshot, is damaged, or was written by an unknown version.
    StorageError
        If the system refuses to read it.
    """
    name = os.fspath(path)
    with blaming(name):
        file = open_regular(name)
        try:
            size_bytes = os.fstat(file.fileno()).st_size
            verify_digest(file, size_bytes, on_bytes=_telling(watch, size_bytes))
            arrow = ArrowFile(file, size_bytes)
            header = SnapshotHeader.from_metadata(arrow.schema.metadata)
            require_columns(arrow.schema, header)
        except BaseException:
            file.close()
            raise
    return Snapshot(name, file, arrow, header)


def _telling(watch: Watch | None, size_bytes: int) -> OnBytes | None:
    if watch is None:
        return None
    return lambda done: watch("checking the checksum", done, size_bytes, "bytes")


def open_regular(name: str) -> BufferedReader:
    """Open a file for reading, but no folder, device, pipe or socket.

    Parameters
    ----------
    name : str
        Its path.

    Returns
    -------
    BufferedReader
        To be closed.

    Raises
    ------
    SnapshotError
        If it is not a regular file.
    OSError
        If the system refuses.
    """
    # O_NONBLOCK: opening a FIFO that nobody writes to would hang for ever.
    descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SnapshotError("it is not a regular file")
    return os.fdopen(descriptor, "rb")


def require_columns(schema: pa.Schema, header: SnapshotHeader) -> None:
    """Check that a schema has the two columns that a header promises.

    Parameters
    ----------
    schema : pyarrow.Schema
        Of the file.
    header : SnapshotHeader
        Of the same file.

    Raises
    ------
    SnapshotError
        If it has not.
    """
    expected = {"key": arrow_type(header.key_type), "value": arrow_type(header.value_type)}
    found = dict(zip(schema.names, schema.types, strict=True))
    if len(schema) != len(expected) or found != expected:
        raise SnapshotError(f"its columns are {found} where its header promises {expected}")


@contextmanager
def blaming(name: str) -> Iterator[None]:
    """Turn what reading raises into errors that name the file.

    Parameters
    ----------
    name : str
        The file.

    Raises
    ------
    SnapshotError
        If the file is to blame.
    StorageError
        If the system is.
    """
    try:
        yield
    except SnapshotError as error:
        raise SnapshotError(f"snapshot {name!r}: {error.detail}", hint=error.hint) from error
    except pa.ArrowException as error:
        raise SnapshotError(f"snapshot {name!r}: Arrow cannot read it: {error}") from error
    except OSError as error:
        if error.errno is None:  # Arrow's own I/O complaints carry no errno
            raise SnapshotError(f"snapshot {name!r}: Arrow cannot read it: {error}") from error
        raise StorageError(f"cannot read snapshot {name!r}: {error.strerror}") from error
