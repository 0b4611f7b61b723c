"""The files that a job made: moved into place once, listed, and opened without following links."""

from __future__ import annotations

import hashlib
import json
import mimetypes
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from adhash.atomic_files import replace_text
from adhash.service.errors import GoneError, UnknownArtifactError
from adhash.service.folder import JobFolder
from adhash.service.records import ArtifactRecord

# Names end in these where the system's table of types has nothing better.
_MEDIA_TYPES = {
    ".ndjson": "application/x-ndjson",
    ".arrow": "application/vnd.apache.arrow.file",
    ".md": "text/markdown",
    ".svg": "image/svg+xml",
    ".toml": "application/toml",
    ".log": "text/plain",
}
_BLOCK_BYTES = 1 << 20
# A job that makes more is not listed further: a listing is for people and programs to read.
MAX_ARTIFACTS = 10_000


def publish(folder: JobFolder, attempt: int, result: dict[str, Any] | None) -> None:
    """Make the artifacts and the result of an attempt those of the job; doing it again is safe.

    Parameters
    ----------
    folder : JobFolder
        The folder of the job; no process of the attempt is left.
    attempt : int
        The number of the attempt.
    result : dict or None
        What the work returned.

    Raises
    ------
    OSError
        If the system refuses; what was there is unchanged.
    """
    made = folder.attempt(attempt).artifacts
    if made.is_dir() and not folder.artifacts.exists():
        made.rename(folder.artifacts)
    folder.artifacts.mkdir(exist_ok=True)
    if result is not None:
        replace_text(folder.summary, json.dumps(result, ensure_ascii=False, indent=2) + "\n")
        _link(folder.summary, folder.artifacts / folder.summary.name)
    if folder.ticks.exists() and folder.ticks.stat().st_size > 0:
        _link(folder.ticks, folder.artifacts / folder.ticks.name)
    shutil.rmtree(folder.attempt(attempt).temporary, ignore_errors=True)


def _link(source: Path, target: Path) -> None:
    """Give a file a second name; a file that the job itself made by that name stays."""
    with suppress(FileExistsError):
        os.link(source, target)


def scan(folder: JobFolder) -> tuple[ArtifactRecord, ...]:
    """Return a record of every regular file among the artifacts, by name.

    Parameters
    ----------
    folder : JobFolder
        After `publish`.

    Returns
    -------
    tuple of ArtifactRecord
        Links and other things that are no files are left out.
    """
    if not folder.artifacts.is_dir():
        return ()
    records = (_record(folder, name) for name in sorted(_names(folder.artifacts)))
    return tuple(record for record in records if record is not None)


def _names(root: Path) -> Iterator[str]:
    count = 0
    for parent, folders, files in os.walk(root, followlinks=False):
        folders.sort()
        for name in sorted(files):
            count += 1
            if count > MAX_ARTIFACTS:
                return
            yield str((Path(parent) / name).relative_to(root))


def _record(folder: JobFolder, name: str) -> ArtifactRecord | None:
    try:
        with _open_without_links(folder.artifacts, name) as file:
            size = os.fstat(file.fileno()).st_size
            digest = hashlib.sha256()
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
    except OSError:
        return None
    return ArtifactRecord(
        name=name, size=size, media_type=media_type(name), sha256=digest.hexdigest()
    )


def media_type(name: str) -> str:
    """Return the media type of a file by its name."""
    suffix = Path(name).suffix.lower()
    guessed, encoding = mimetypes.guess_type(name)
    if encoding is not None:
        return "application/octet-stream"
    return _MEDIA_TYPES.get(suffix) or guessed or "application/octet-stream"


def open_artifact(folder: JobFolder, name: str) -> BinaryIO:
    """Open an artifact for reading.

    Parameters
    ----------
    folder : JobFolder
        The folder of the job.
    name : str
        As it was registered.

    Returns
    -------
    binary file
        The caller closes it.

    Raises
    ------
    GoneError
        If the artifacts of the job were deleted.
    UnknownArtifactError
        If there is no regular file of that name.
    """
    if not folder.artifacts.is_dir():
        raise GoneError("the artifacts of this job were deleted", hint="its record remains")
    try:
        return _open_without_links(folder.artifacts, name)
    except (OSError, ValueError):
        raise UnknownArtifactError(f"there is no artifact {name[:120]!r}") from None


def _open_without_links(root: Path, name: str) -> BinaryIO:
    """Open beneath `root` part by part, so that no part can be a link."""
    parts = Path(name).parts
    if not parts or Path(name).is_absolute() or ".." in parts:
        raise ValueError(f"not a name of an artifact: {name!r}")
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    for part in parts[:-1]:
        descriptor = _step(descriptor, part, os.O_DIRECTORY)
    descriptor = _step(descriptor, parts[-1], os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(name)
    return os.fdopen(descriptor, "rb")


def _step(folder: int, part: str, flags: int) -> int:
    try:
        return os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=folder)
    finally:
        os.close(folder)


def remove_files(folder: JobFolder) -> None:
    """Delete everything that a job left on disk, its record excepted.

    Parameters
    ----------
    folder : JobFolder
        The folder of a job that has ended. It is renamed first, so that a reader finds all or
        nothing.
    """
    doomed = folder.path.with_name(f".deleted-{folder.path.name}")
    with suppress(FileNotFoundError):
        folder.path.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)
