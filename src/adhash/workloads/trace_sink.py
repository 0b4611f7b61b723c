"""Rows of a trace on their way from a running program to a file.

The program's threads append rows to a queue; one thread of ours writes them. Signals are handled
in the main thread only, so an interrupt never falls into the middle of a write: whatever was
queued before it becomes a whole and readable trace.
"""

from __future__ import annotations

import atexit
import collections
import os
import sys
import threading
import time
import weakref
from pathlib import Path

from adhash.errors import AdhashError, BadInputError
from adhash.workloads.trace_output import open_output, output_format

_HEADER = "op,key,value\n"
_ROWS_A_WRITE = 8192
# A program that is faster than the compression waits when so many rows are queued.
_MAX_QUEUED_ROWS = 200_000
_WRITE_EVERY_S = 0.05
_WAIT_S = 0.001

# Sinks whose threads a forked child would miss.
_open_sinks: weakref.WeakSet[TraceSink] = weakref.WeakSet()


class TraceSink:
    """A CSV trace that is written while a program runs and appears when it is closed.

    Closed at the exit of the interpreter at the latest. A forked child writes nothing.

    Parameters
    ----------
    out : str or PathLike
        The trace: .csv, .csv.gz, .csv.zst or .csv.xz.
    force : bool
        Whether an existing file may be replaced.
    smallest : bool
        Whether the size of a compressed file matters more than speed.

    Raises
    ------
    BadInputError
        Where the suffix is another one.
    PolicyError
        Where the file exists and `force` is False.
    StorageError
        Where the file cannot be written.
    """

    def __init__(
        self, out: str | os.PathLike[str], *, force: bool = False, smallest: bool = False
    ) -> None:
        trace_format, compression = output_format(os.fspath(out))
        if trace_format != "csv" or os.fspath(out) == "-":
            raise BadInputError(
                f"a recording is written as CSV to a file; got {out}",
                hint="use .csv, .csv.gz, .csv.zst or .csv.xz",
            )
        self.out = Path(out)
        self.rows = 0
        self.unrecorded: set[str] = set()
        self._output = open_output(out, compression, force=force, smallest=smallest)
        self._file = self._output.__enter__()
        self._queue: collections.deque[str] = collections.deque([_HEADER])
        self._closing = threading.Event()
        self._failure: AdhashError | None = None
        #: Whether rows are still taken: not after `close`, a failure, or in a forked child.
        self.is_recording = True
        self._keep = True
        self._is_of_parent = False
        self._thread = threading.Thread(target=self._run, name="adhash-record", daemon=True)
        self._thread.start()
        atexit.register(self._close_at_exit)
        _open_sinks.add(self)

    def append(self, row: str) -> None:
        """Take a row, with its line end."""
        self._queue.append(row)
        self.rows += 1
        while len(self._queue) > _MAX_QUEUED_ROWS and self._thread.is_alive():
            time.sleep(_WAIT_S)

    def close(self, *, keep: bool = True) -> None:
        """Write what is queued and let the file appear.

        Parameters
        ----------
        keep : bool
            Whether to keep the trace; if not, no file appears.

        Raises
        ------
        StorageError
            Where something could not be written; no file appears then.
        """
        if self._is_of_parent:
            return
        if not self._closing.is_set():
            self._keep = keep
        self.is_recording = False
        self._closing.set()
        self._thread.join()  # again, if an interrupt ended the first wait
        atexit.unregister(self._close_at_exit)
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _run(self) -> None:
        try:
            while not self._closing.wait(_WRITE_EVERY_S):
                self._write_queued()
            self._write_queued()
            self._finish()
        except AdhashError as error:
            self._failure = error
        except Exception as error:  # any failure of the disk: open_output gives it its type
            self._failure = self._abandon(error)
        self.is_recording = False

    def _write_queued(self) -> None:
        while count := min(len(self._queue), _ROWS_A_WRITE):
            rows = [self._queue.popleft() for _ in range(count)]
            self._file.write("".join(rows).encode())

    def _finish(self) -> None:
        if self._keep:
            self._output.__exit__(None, None, None)
        else:
            self._abandon(_NotKept())

    def _abandon(self, error: Exception) -> AdhashError | None:
        """End the output as failed, which removes the file; return the error that comes of it."""
        try:
            self._output.__exit__(type(error), error, error.__traceback__)
        except AdhashError as known:
            return known
        except Exception as unknown:
            return BadInputError(f"cannot record to {self.out}: {unknown}")
        return None

    def leave_to_parent(self) -> None:
        """Write nothing any more: this is a forked child, and the file is the parent's."""
        self.is_recording = False
        self._is_of_parent = True

    def _close_at_exit(self) -> None:
        try:
            self.close()
        except AdhashError as error:
            print(f"adhash: the recording failed: {error}", file=sys.stderr)


def _leave_to_parent() -> None:
    for sink in list(_open_sinks):
        sink.leave_to_parent()


os.register_at_fork(after_in_child=_leave_to_parent)


class _NotKept(Exception):  # noqa: N818 - no error, a way out of the output's block
    """The trace is not wanted."""
