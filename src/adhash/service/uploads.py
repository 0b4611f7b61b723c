"""Uploads: streamed to disk, hashed on the way, kept under their SHA-256, and swept when old.

An upload is swept when it is old and no job names it that has not ended or whose artifacts are
kept. Its record stays, so that a request that names it can be told what became of it. Two races are
closed here, where everything about uploads passes in one process:

- the same file is uploaded again: its file is settled and its record made new under one lock, which
  a sweep holds as well;
- a request that names it was checked and its job is not yet in the store: what was looked up in the
  last hour is not swept.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import threading
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from adhash.clock import NS_PER_S, Clock
from adhash.service.confine import INPUT_SCHEME
from adhash.service.errors import TooLargeError, UploadFailedError
from adhash.service.folder import inputs_folder
from adhash.service.models import InputInfo
from adhash.service.records import InputRecord
from adhash.service.store import Store

_PREFIX = ".upload-"
_FLUSH_BYTES = 1 << 20
_DIGEST = re.compile(rf"{INPUT_SCHEME}([0-9a-f]{{64}})")
_LOOKED_UP_NS = 3_600 * NS_PER_S


class UploadShelf:
    """The uploads of a job root.

    Safe to use from several threads.

    Parameters
    ----------
    store : Store
        Keeps their records, and the jobs that name them.
    job_root : Path
        Where the folder of uploads is.
    clock : Clock
        Dates records and look-ups.
    """

    def __init__(self, store: Store, *, job_root: Path, clock: Clock) -> None:
        self.folder = inputs_folder(job_root)
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._looked_up_ns: dict[str, int] = {}

    def find(self, sha256: str) -> Path | None:
        """Return where an upload lies; None if there never was one, a path without file if it went.

        Parameters
        ----------
        sha256 : str
            Its digest.

        Returns
        -------
        Path or None
            Not swept within the next hour.
        """
        with self._lock:
            if self._store.input(sha256) is None:
                return None
            self._looked_up_ns[sha256] = self._clock.monotonic_ns()
        return self.folder / sha256

    def settle(self, temporary: Path, record: InputRecord) -> None:
        """Put a file that was received in its place, and keep its record.

        Parameters
        ----------
        temporary : Path
            The whole file, on the same file system.
        record : InputRecord
            What it is.

        Raises
        ------
        OSError
            If the disk refuses it.
        StoreUnavailableError
            If the record cannot be kept; the file is then there without one, and is swept.
        """
        with self._lock:
            _settle(temporary, self.folder / record.sha256)
            self._store.add_input(record)

    def sweep(self, before: datetime, *, limit: int) -> list[str]:
        """Delete uploads that were uploaded before a time and that nothing needs.

        Parameters
        ----------
        before : datetime
            Newer ones stay.
        limit : int
            Delete so many at most.

        Returns
        -------
        list of str
            The digests of those that were deleted.
        """
        with self._lock:
            old = [each for each in self._store.inputs_before(before) if self._is_there(each)]
            if not old:
                return []
            needed = self._named_by_jobs() | self._looked_up_lately()
            gone = [each for each in old if each not in needed][:limit]
            for sha256 in gone:
                (self.folder / sha256).unlink(missing_ok=True)
            return gone

    def _is_there(self, sha256: str) -> bool:
        return (self.folder / sha256).is_file()

    def _named_by_jobs(self) -> set[str]:
        requests = self._store.requests_with(INPUT_SCHEME)
        return {found for request in requests for found in _DIGEST.findall(request)}

    def _looked_up_lately(self) -> set[str]:
        since_ns = self._clock.monotonic_ns() - _LOOKED_UP_NS
        self._looked_up_ns = {
            sha256: at_ns for sha256, at_ns in self._looked_up_ns.items() if at_ns >= since_ns
        }
        return set(self._looked_up_ns)

    def remove_unfinished(self) -> None:
        """Delete what uploads left that a crash cut off; call it before any begins."""
        for path in self.folder.glob(f"{_PREFIX}*"):
            path.unlink(missing_ok=True)


async def keep_upload(
    blocks: AsyncIterator[bytes],
    *,
    name: str,
    owner: str,
    limit: int,
    shelf: UploadShelf,
    clock: Clock,
) -> InputInfo:
    """Keep an upload and return how requests name it.

    Parameters
    ----------
    blocks : async iterator of bytes
        The content.
    name : str
        What the caller calls it.
    owner : str
        Who uploads.
    limit : int
        The most bytes it may have.
    shelf : UploadShelf
        Where it goes.
    clock : Clock
        Dates the record.

    Returns
    -------
    InputInfo
        Its URI, size and SHA-256.

    Raises
    ------
    TooLargeError
        If it has more than `limit` bytes.
    UploadFailedError
        If the disk refuses it.
    """
    shelf.folder.mkdir(exist_ok=True)
    temporary = shelf.folder / f"{_PREFIX}{secrets.token_hex(16)}"
    try:
        sha256, size = await _write(blocks, temporary, limit)
        record = InputRecord(
            sha256=sha256, name=name, size=size, owner=owner, created_at=clock.now()
        )
        await run_in_threadpool(shelf.settle, temporary, record)
    except OSError as error:
        raise UploadFailedError(
            f"the upload could not be kept: {error.strerror}", hint="make room on the server"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return describe_input(record)


def describe_input(record: InputRecord) -> InputInfo:
    """Return an upload as callers see it."""
    return InputInfo(
        uri=f"input://{record.sha256}", name=record.name, size=record.size, sha256=record.sha256
    )


async def _write(blocks: AsyncIterator[bytes], path: Path, limit: int) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("xb", buffering=0) as file:
        pending = bytearray()
        async for block in blocks:
            size += len(block)
            if size > limit:
                raise TooLargeError(
                    f"the upload has more than {limit} bytes",
                    hint="the server's ADHASH_MAX_UPLOAD_BYTES is the limit",
                )
            digest.update(block)
            pending += block
            if len(pending) >= _FLUSH_BYTES:
                await run_in_threadpool(_write_all, file.fileno(), bytes(pending))
                pending.clear()
        await run_in_threadpool(_write_all, file.fileno(), bytes(pending))
        await run_in_threadpool(os.fsync, file.fileno())
    return digest.hexdigest(), size


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _settle(temporary: Path, target: Path) -> None:
    temporary.replace(target)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
