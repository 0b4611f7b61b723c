"""Looking at the start of a stream without losing it."""

from __future__ import annotations

from collections.abc import Callable

from adhash.errors import InterruptedRunError
from adhash.workloads.raw_input import POLL_S, ByteStream

_MOST_WAITS = 10

StopCheck = Callable[[], bool]


def never() -> bool:
    """Return False: nobody asks to stop."""
    return False


def wait_into(stream: ByteStream, view: memoryview, should_stop: StopCheck) -> int:
    """Read like a blocking read that can be called off.

    Parameters
    ----------
    stream : ByteStream
        Where to read.
    view : memoryview
        Where to write, at least one byte.
    should_stop : callable
        Asked between waits of `POLL_S` seconds.

    Returns
    -------
    int
        The number of bytes written; 0 at the end.

    Raises
    ------
    InterruptedRunError
        Once `should_stop` returns True.
    StorageError
        Where the stream cannot be read.
    """
    while True:
        if should_stop():
            raise InterruptedRunError("stopped while waiting for the trace")
        got = stream.read_into(view, wait_s=POLL_S)
        if got is not None:
            return got


class Peeked:
    """A stream whose first bytes are known.

    Parameters
    ----------
    inner : ByteStream
        The stream, at its beginning.
    size : int
        How many bytes to look at; fewer where the stream is shorter.
    should_stop : callable
        Asked while the stream is silent.

    Raises
    ------
    InterruptedRunError
        Once `should_stop` returns True.
    StorageError
        Where the stream cannot be read.
    """

    def __init__(self, inner: ByteStream, size: int, should_stop: StopCheck) -> None:
        self._inner = inner
        start = memoryview(bytearray(size))
        filled = 0
        while filled < size and (got := wait_into(inner, start[filled:], should_stop)):
            filled += got
        self.start = bytes(start[:filled])
        self._unread = self.start

    def look_further(self, size: int, should_stop: StopCheck) -> bytes:
        """Return more of the first bytes, before anything was read.

        A pipe is waited for until it has brought a line, for a second at most.

        Parameters
        ----------
        size : int
            How many bytes to look at; fewer where the stream is shorter or silent.
        should_stop : callable
            Asked while the stream is silent.

        Returns
        -------
        bytes
            They will be read again.

        Raises
        ------
        InterruptedRunError
            Once `should_stop` returns True.
        StorageError
            Where the stream cannot be read.
        """
        waits = 0
        view = memoryview(bytearray(size))
        while len(self._unread) < size:
            got = self._inner.read_into(view[: size - len(self._unread)], wait_s=POLL_S)
            if got == 0 or (got is None and (b"\n" in self._unread or waits >= _MOST_WAITS)):
                break
            if got is None:
                waits += 1
                if should_stop():
                    raise InterruptedRunError("stopped while waiting for the trace")
            else:
                self._unread += view[:got]
        return self._unread

    def read_into(self, view: memoryview, *, wait_s: float) -> int | None:
        """Fill the front of `view`; see `RawInput.read_into`."""
        if not self._unread:
            return self._inner.read_into(view, wait_s=wait_s)
        out, self._unread = self._unread[: len(view)], self._unread[len(view) :]
        view[: len(out)] = out
        return len(out)
