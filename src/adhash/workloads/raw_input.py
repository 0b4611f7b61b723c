"""The bytes of a trace as they lie in a file or come through a pipe."""

from __future__ import annotations

import hashlib
import io
import os
import select
import stat
from typing import Protocol

from adhash.errors import StorageError
from adhash.workloads.known_digest import KnownDigest, identity_of

#: How long a read waits for a silent pipe before it says so, in seconds. A caller that looks for
#: a cancellation after every block therefore sees it well within 0.2 s.
POLL_S = 0.1

_HASH_BYTES = 1 << 20


class ByteStream(Protocol):
    """A source of bytes that never blocks for longer than it is told to."""

    def read_into(self, view: memoryview, *, wait_s: float) -> int | None:
        """Fill the front of `view`; return the bytes written, 0 at the end, None if none came."""
        ...


class RawInput:
    """A trace file, FIFO or standard input, counted and hashed as it is read.

    Parameters
    ----------
    path : str
        The file, or ``"-"`` for standard input.
    hashed : bool
        Whether to keep a running SHA-256 of the bytes.
    stdin_fd : int
        The descriptor that ``"-"`` means.
    known_digest : KnownDigest or None
        Taken for the SHA-256 instead of computing it, while the file is the one it was made from.

    Raises
    ------
    StorageError
        Where the path is missing, a directory, or not readable.
    """

    def __init__(
        self,
        path: str,
        *,
        hashed: bool = True,
        stdin_fd: int = 0,
        known_digest: KnownDigest | None = None,
    ) -> None:
        self.is_stdin = path == "-"
        self.name = "standard input" if self.is_stdin else path
        self.bytes_read = 0
        self._ended = False
        self._file = _open(path, stdin_fd)
        self._known = known_digest if self._is(known_digest) else None
        self._digest = hashlib.sha256() if hashed and self._known is None else None
        status = os.fstat(self._file.fileno())
        self.is_regular = stat.S_ISREG(status.st_mode)
        self.total_bytes = status.st_size if self.is_regular else None
        self._poll = select.poll()
        self._poll.register(self._file.fileno(), select.POLLIN)

    def read_into(self, view: memoryview, *, wait_s: float) -> int | None:
        """Fill the front of `view` with the next bytes.

        Parameters
        ----------
        view : memoryview
            Writable bytes, at least one.
        wait_s : float
            How long to wait for a pipe that has nothing to read, in seconds.

        Returns
        -------
        int or None
            The number of bytes written; 0 at the end; None where nothing came in time.

        Raises
        ------
        StorageError
            Where the system cannot read.
        """
        try:
            if not self.is_regular and not self._poll.poll(wait_s * 1000):
                return None
            got = self._file.readinto(view)
        except OSError as error:
            raise _unreadable(self.name, error) from error
        if got is None:
            return None
        self._account(view[:got])
        return got

    def sha256(self) -> str | None:
        """Return the SHA-256 of the file in hexadecimal; None unless it was read to its end."""
        if not self._ended:
            return None
        if self._known is not None:
            return self._known_sha256()
        return self._digest.hexdigest() if self._digest else None

    def sha256_of_all(self) -> str | None:
        """Read on to the end, then return `sha256`; None where a pipe is silent before it ends.

        Returns
        -------
        str or None
            In hexadecimal.

        Raises
        ------
        StorageError
            Where the system cannot read.
        """
        if self._known is not None:
            return self._known_sha256()
        view = memoryview(bytearray(_HASH_BYTES))
        while self._digest and not self._ended:
            if self.read_into(view, wait_s=POLL_S) is None:
                return None
        return self.sha256()

    def close(self) -> None:
        """Close the file; standard input stays open."""
        self._file.close()

    def _is(self, known: KnownDigest | None) -> bool:
        return known is not None and identity_of(self._file.fileno()) == known.identity

    def _known_sha256(self) -> str | None:
        return self._known.sha256 if self._known and self._is(self._known) else None

    def _account(self, view: memoryview) -> None:
        self.bytes_read += len(view)
        self._ended = not view
        if self._digest:
            self._digest.update(view)


def _open(path: str, stdin_fd: int) -> io.FileIO:
    try:
        if path == "-":
            return io.FileIO(stdin_fd, closefd=False)
        return io.FileIO(path, opener=_open_without_waiting)
    except OSError as error:
        shown = "standard input" if path == "-" else path
        raise _unreadable(shown, error) from error
    except ValueError as error:  # a NUL in the path
        raise StorageError(f"cannot read the trace {path!r}: {error}") from error


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a FIFO before anyone writes to it: the waiting is done by poll, which can be ended."""
    return os.open(path, flags | os.O_NONBLOCK)


_HINTS = {
    FileNotFoundError: "check the path; '-' reads standard input",
    IsADirectoryError: "name a trace inside it",
    PermissionError: "give this user the right to read it",
}


def _unreadable(name: str, error: OSError) -> StorageError:
    reason = (error.strerror or str(error)).lower()
    return StorageError(
        f"cannot read the trace {name}: {reason}",
        hint=_HINTS.get(type(error), "check the file and its disk"),
    )
