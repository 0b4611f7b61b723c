"""Replace a file as a whole: readers and crashes see the old file or the new one, never a part.

The new content goes to a temporary name in the same folder, is fsynced, renamed over the target,
and the folder is fsynced. The writer holds a lock on its temporary file, which the system drops
when the process dies in whatever way: the next writer in that folder removes every temporary file
that nobody holds. (``O_TMPFILE`` would leave no litter at all, but a link cannot replace a file.)
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from adhash.errors import StorageError

_PREFIX: Final = ".adhash-"
_SUFFIX: Final = ".tmp"


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """Give a file whose content takes the place of `target` when the block ends without an error.

    Parameters
    ----------
    target : Path
        A regular file, or nothing yet. Where it is a link, what it points to is replaced.

    Yields
    ------
    binary file
        Readable, writable and seekable.

    Raises
    ------
    StorageError
        If the system refuses: no space, no permission, no such folder, a folder as target. The
        old file is then as it was.
    """
    try:
        with _replacing(Path(os.path.realpath(target))) as file:
            yield file
    except OSError as error:
        raise write_failure(target, error) from error


def replace_text(target: Path, text: str) -> None:
    """Make `text` the content of `target`, in UTF-8.

    Parameters
    ----------
    target : Path
        As for `replacing`.
    text : str
        All of the new content.

    Raises
    ------
    StorageError
        If the system refuses; the old file is then as it was.
    """
    with replacing(target) as file:
        file.write(text.encode())


def write_failure(target: Path, error: OSError) -> StorageError:
    """Return the error that says why `target` could not be written."""
    return StorageError(
        f"cannot write {target}: {error.strerror or error}",
        hint="check the folder, its rights and the room on its disk; what was there is unchanged",
    )


@contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    mode = _mode_to_keep(target)
    _remove_litter(target.parent)
    with _create_locked(target.parent) as file:
        temporary = Path(file.name)
        try:
            yield file
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    _fsync_folder(target.parent)


def _mode_to_keep(target: Path) -> int | None:
    """Return the permission bits of the file to be replaced; None where there is none."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(None, "it is a directory", str(target))
    if not stat.S_ISREG(mode):
        raise OSError(None, "it is not a regular file", str(target))
    return stat.S_IMODE(mode)


def _create_locked(folder: Path) -> BinaryIO:
    while True:
        path = folder / f"{_PREFIX}{os.getpid()}-{os.urandom(8).hex()}{_SUFFIX}"
        file = path.open("x+b", buffering=1 << 20)
        # A file system without locks keeps its litter; that is no reason to refuse a save.
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        # Between creation and lock another writer may have taken the file for litter.
        if os.fstat(file.fileno()).st_nlink > 0:
            return file
        file.close()


def _remove_litter(folder: Path) -> None:
    for entry in os.scandir(folder):
        if entry.name.startswith(_PREFIX) and entry.name.endswith(_SUFFIX):
            with suppress(OSError):
                _remove_if_abandoned(Path(entry.path))


def _remove_if_abandoned(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(descriptor)


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
