"""Moving files: an upload that is sent again from its start, a download that goes on where it was.

A download is written beside its target under a name that holds its digest, and takes the target's
place when every byte has come and the SHA-256 is right. What an end of the process left of it is
found again by the next download of the same file, which asks only for the rest.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from adhash.atomic_files import write_failure
from adhash.errors import BadInputError, StorageError
from adhash.service.calls.methods import artifacts_of, job_path, read_as
from adhash.service.calls.retrying import Retries, ask, open_stream, unreachable
from adhash.service.calls.steps import DisconnectedError, Pause, Read, Request, Steps, do
from adhash.service.calls.upload_body import UploadBody
from adhash.service.errors import UnknownArtifactError
from adhash.service.models import ArtifactInfo, InputInfo

_BLOCK_BYTES = 1 << 20
# Hashing what was sent may take the server a while after the last byte.
_UPLOAD_SILENCE_S = 300.0


def upload(path: Path, name: str | None, retries: Retries) -> Steps[str]:
    """Send a file, and return the URI that requests name it by.

    Parameters
    ----------
    path : Path
        A regular file.
    name : str or None
        What the server shall call it; None takes its own name.
    retries : Retries
        How often to send it again.

    Returns
    -------
    str
        ``input://`` and its SHA-256.

    Raises
    ------
    BadInputError
        If there is no such file.
    StorageError
        If it cannot be read, the server cannot be reached, or what arrived is something else.
    """
    body = UploadBody(path)
    sent = Request(
        method="PUT",
        path=f"/api/inputs/{quote(name or path.name, safe='')}",
        file=body,
        timeout_s=_UPLOAD_SILENCE_S,
    )
    info = read_as(InputInfo, (yield from ask(sent, retries)))
    if info.sha256 != body.sha256:
        raise StorageError(
            f"{path} did not arrive as it was sent", hint="upload it again; do not change it"
        )
    return info.uri


def download(job_id: str, name: str, target: Path, retries: Retries) -> Steps[ArtifactInfo]:
    """Fetch an artifact into a file, whole and checked, or leave the file as it is.

    Parameters
    ----------
    job_id : str
        The job.
    name : str
        The artifact.
    target : Path
        The file that it becomes.
    retries : Retries
        How often to go on when nothing more has come in between.

    Returns
    -------
    ArtifactInfo
        What it is.

    Raises
    ------
    UnknownArtifactError
        If the job has none of that name.
    StorageError
        If the file cannot be written, the server cannot be reached any more, or the bytes are not
        those that the server promised.
    """
    if target.is_dir():
        raise BadInputError(f"{target} is a folder", hint="name the file to write")
    artifact = _find((yield from artifacts_of(job_id, retries)), name)
    path = job_path(job_id, "artifacts", name)
    with _partial(target, artifact) as part:
        return (yield from _bring(part, artifact, path, retries))


def _bring(part: _Part, artifact: ArtifactInfo, path: str, retries: Retries) -> Steps[ArtifactInfo]:
    yield from do(part.take_up)
    yield from _fetch(part, artifact, path, retries)
    yield from do(part.settle)
    return artifact


def _find(artifacts: list[ArtifactInfo], name: str) -> ArtifactInfo:
    for artifact in artifacts:
        if artifact.name == name:
            return artifact
    known = ", ".join(artifact.name for artifact in artifacts[:20]) or "none"
    raise UnknownArtifactError(
        f"the job has no artifact {name[:120]!r}", hint=f"its artifacts: {known}"
    )


def _fetch(part: _Part, artifact: ArtifactInfo, path: str, retries: Retries) -> Steps[None]:
    failures = 0
    while part.size < artifact.size:
        lost = DisconnectedError("the server ended the file before its end")
        try:
            answer = yield from open_stream(_request(path, part, artifact), retries)
            if part.size and answer.status != 206:
                yield from do(part.begin_anew)
            while block := (yield Read()):
                failures = 0
                yield from do(partial(part.append, block))
        except DisconnectedError as broken:
            lost = broken
        if part.size >= artifact.size:
            return
        failures += 1
        if failures > retries.limit:
            raise unreachable(lost)
        yield Pause(retries.pause_s(failures))


def _request(path: str, part: _Part, artifact: ArtifactInfo) -> Request:
    rest = {"Range": f"bytes={part.size}-", "If-Range": f'"{artifact.sha256}"'}
    return Request(method="GET", path=path, headers=rest if part.size else {})


class _Part:
    """A file that has not wholly come yet, and the digest of what has."""

    def __init__(self, file: BinaryIO, target: Path, artifact: ArtifactInfo) -> None:
        self._file = file
        self._target = target
        self._artifact = artifact
        self._digest = hashlib.sha256()
        self.size = 0

    def take_up(self) -> None:
        """Hash what an earlier download left."""
        self._file.seek(0)
        while block := self._file.read(_BLOCK_BYTES):
            self._digest.update(block)
            self.size += len(block)

    def begin_anew(self) -> None:
        """Forget what has come."""
        self._file.truncate(0)
        self._digest, self.size = hashlib.sha256(), 0

    def append(self, block: bytes) -> None:
        """Write a block behind what has come."""
        self._file.write(block)
        self._digest.update(block)
        self.size += len(block)

    def settle(self) -> None:
        """Put the file in the place of its target if it is what was promised."""
        path = Path(self._file.name)
        if self._digest.hexdigest() != self._artifact.sha256:
            path.unlink(missing_ok=True)
            raise StorageError(
                f"{self._artifact.name} did not arrive as the server keeps it",
                hint="download it again",
            )
        os.fsync(self._file.fileno())
        path.replace(self._target)


@contextmanager
def _partial(target: Path, artifact: ArtifactInfo) -> Iterator[_Part]:
    real = Path(os.path.realpath(target))
    path = real.with_name(f".{real.name[:100]}.{artifact.sha256[:16]}.part")
    try:
        # Appending: what another process has written since would not be overwritten unseen.
        with path.open("a+b", buffering=0) as file:
            _hold(file, target)
            yield _Part(file, real, artifact)
    except OSError as error:
        raise write_failure(target, error) from error


def _hold(file: BinaryIO, target: Path) -> None:
    """Keep two downloads from writing one file."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StorageError(
            f"{target} is being downloaded by another process", hint="wait for its end"
        ) from None
