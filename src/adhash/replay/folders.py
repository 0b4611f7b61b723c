"""The folders that a run makes for its files: kept only if something was written to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from adhash.errors import StorageError


@contextmanager
def prepared_folders(folders: Iterable[Path]) -> Iterator[None]:
    """Make folders that are missing for the length of a run; remove those that stayed empty.

    They are made at the beginning, so that a run of an hour does not fail at its end.

    Parameters
    ----------
    folders : iterable of Path
        Where files shall go.

    Raises
    ------
    StorageError
        If one cannot be made.
    """
    made: list[Path] = []
    try:
        for folder in folders:
            _make(folder, made)
        yield
    finally:
        for folder in reversed(made):
            with suppress(OSError):  # it is in use, as it should be
                folder.rmdir()


def _make(folder: Path, made: list[Path]) -> None:
    """Make a folder and those above it, and add each to `made` as soon as it is there."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        for each in reversed(missing):
            each.mkdir(exist_ok=True)
            made.append(each)
        folder.mkdir(exist_ok=True)  # fails where a file has the name
    except OSError as error:
        raise StorageError(
            f"cannot make the folder {folder}: {(error.strerror or str(error)).lower()}",
            hint="choose another place for what the run writes",
        ) from error
