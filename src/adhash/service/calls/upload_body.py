"""The body of an upload: a file, read in blocks and hashed on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from adhash.errors import BadInputError, StorageError

_BLOCK_BYTES = 1 << 18


class UploadBody:
    """A file that is read anew for each attempt to send it.

    Parameters
    ----------
    path : Path
        A regular file.

    Raises
    ------
    BadInputError
        If it is none.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise BadInputError(f"there is no file {path} to upload", hint="check the path")
        self._path = path
        self._digest = hashlib.sha256()

    def blocks(self) -> Iterator[bytes]:
        """Yield the content.

        Yields
        ------
        bytes
            At most 256 KiB.

        Raises
        ------
        StorageError
            If it cannot be read.
        """
        self._digest = hashlib.sha256()
        try:
            with self._path.open("rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    self._digest.update(block)
                    yield block
        except OSError as error:
            raise StorageError(f"cannot read {self._path}: {error.strerror or error}") from error

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of what was read last, in hexadecimal digits."""
        return self._digest.hexdigest()
