"""A file that appears under its name only when it is whole."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from adhash.errors import PolicyError, StorageError


class AtomicOutput:
    """Writes beside the target, then renames; a failure leaves what was there before.

    Devices and FIFOs cannot be replaced and are written to directly.

    Parameters
    ----------
    path : str or PathLike
        The target. A symbolic link is followed.
    force : bool
        Whether an existing file may be replaced.

    Raises
    ------
    PolicyError
        Where the target exists and `force` is False.
    StorageError
        Where the target cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], *, force: bool) -> None:
        self.path = Path(os.path.realpath(path))
        self._shown = os.fspath(path)
        self._force = force
        self._refuse_existing()
        self._temporary: Path | None = None
        try:
            if self._is_special():
                self.file: IO[bytes] = self.path.open("wb")
            else:
                name = f".{self.path.name[:200]}.{secrets.token_hex(4)}.tmp"
                self._temporary = self.path.with_name(name)
                self.file = self._temporary.open("xb")
        except OSError as error:
            raise self.failure(error) from error

    def commit(self) -> None:
        """Make the file appear, once its bytes are on the disk.

        Raises
        ------
        PolicyError
            Where the target has come into being meanwhile and `force` is False.
        StorageError
            Where the system cannot write.
        """
        try:
            self.file.flush()
            if self._temporary is None:
                self.file.close()
                return
            os.fsync(self.file.fileno())
            self.file.close()
            self._refuse_existing()
            self._temporary.replace(self.path)
            _sync_directory(self.path.parent)
        except OSError as error:
            raise self.failure(error) from error

    def discard(self) -> None:
        """Remove what was written; nothing happens after `commit`."""
        with contextlib.suppress(OSError):
            self.file.close()
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                self._temporary.unlink(missing_ok=True)

    def failure(self, error: OSError) -> StorageError:
        """Return the error that says what the system refused."""
        return StorageError(
            f"cannot write {self._shown}: {(error.strerror or str(error)).lower()}",
            hint="check the directory, its rights and the room on its disk",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self.commit()
        finally:
            self.discard()

    def _refuse_existing(self) -> None:
        if not self._force and self.path.is_file():
            raise PolicyError(
                f"{self._shown} exists", hint="give --force to replace it, or another name"
            )

    def _is_special(self) -> bool:
        try:
            mode = self.path.stat().st_mode
        except FileNotFoundError:
            return False
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(21, "Is a directory", str(self.path))
        return not stat.S_ISREG(mode)


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
