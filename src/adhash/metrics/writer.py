"""The file of ticks that a run leaves behind.

While the run lasts the file has a temporary name, ``metrics.ndjson.partial``, which others may
follow; each tick is one unbuffered write, so that a reader sees whole lines. At the end it takes
its own name. A file of that name is therefore always the record of a run that ended in order.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from adhash.errors import StorageError
from adhash.metrics.ticks import Tick

FILE_NAME = "metrics.ndjson"
PARTIAL_NAME = "metrics.ndjson.partial"


class TickWriter:
    """Writes ticks to ``metrics.ndjson``; a context manager.

    Leaving the context in order publishes the file; leaving it by an exception removes it.

    Parameters
    ----------
    directory : Path
        Where the file goes; it is made if need be.
    max_ticks : int or None
        How many ticks of one mode are written at most; None for no limit.

    Raises
    ------
    StorageError
        If the directory cannot be made or written, or if another run is writing there.
    """

    def __init__(self, directory: Path, *, max_ticks: int | None = None) -> None:
        self.path = directory / FILE_NAME
        self._partial = directory / PARTIAL_NAME
        self._max_ticks = max_ticks
        self._written = 0
        self._dropped = 0
        self._mode_start = 0
        self._end = 0
        self._file = _open_alone(self._partial)

    def begin_mode(self) -> None:
        """Mark where the ticks of a mode begin; its limit starts anew."""
        self._mode_start = self._end
        self._written = self._dropped = 0

    def forget_mode(self) -> None:
        """Remove the ticks that were written since the mode began.

        Raises
        ------
        StorageError
            If the file cannot be cut.
        """
        try:
            os.ftruncate(self._file, self._mode_start)
            os.lseek(self._file, self._mode_start, os.SEEK_SET)
        except OSError as error:
            raise self._failure(error) from error
        self._end = self._mode_start
        self._written = self._dropped = 0

    def write(self, tick: Tick) -> None:
        """Append a tick, unless the mode has reached its limit.

        Parameters
        ----------
        tick : Tick
            The newest of the mode.

        Raises
        ------
        StorageError
            If it cannot be written, as on a full disk.
        """
        if self._max_ticks is not None and self._written >= self._max_ticks:
            self._dropped += 1
            return
        line = (tick.to_json() + "\n").encode()
        try:
            _write_whole(self._file, line)
        except OSError as error:
            raise self._failure(error) from error
        self._end += len(line)
        self._written += 1

    def fileno(self) -> int:
        """Return the descriptor of the open file."""
        return self._file

    @property
    def written(self) -> int:
        """The ticks of this mode in the file."""
        return self._written

    @property
    def dropped(self) -> int:
        """The ticks of this mode that its limit kept out of the file."""
        return self._dropped

    def publish(self) -> None:
        """Give the file its name, once its content is on the disk; a file without ticks is removed.

        Raises
        ------
        StorageError
            If the system cannot keep the file.
        """
        if not self._end:
            self.discard()
            return
        try:
            os.fsync(self._file)
            self._partial.replace(self.path)
        except OSError as error:
            self.discard()
            raise self._failure(error) from error
        os.close(self._file)

    def discard(self) -> None:
        """Remove the file."""
        self._partial.unlink(missing_ok=True)
        os.close(self._file)

    def _failure(self, error: OSError) -> StorageError:
        return StorageError(
            f"cannot write {self.path}: {error.strerror}",
            hint="free some space or choose another --metrics-out-dir",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.publish()
        else:
            self.discard()


def _open_alone(path: Path) -> int:
    """Open the file for this run only: two writers would interleave their lines."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror}", hint="choose another --metrics-out-dir"
        ) from error
    if not _lock(file, path):
        os.close(file)
        raise StorageError(
            f"another run is writing {path}", hint="choose another --metrics-out-dir"
        )
    os.ftruncate(file, 0)
    return file


def _lock(file: int, path: Path) -> bool:
    """Lock the file, and say whether it is ours: its last owner may have renamed it meanwhile."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(file).st_ino == path.stat().st_ino
    except OSError:
        return False


def _write_whole(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
