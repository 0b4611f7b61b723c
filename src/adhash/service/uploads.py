"""Uploads: streamed to disk, hashed on the way, kept under their SHA-256."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from adhash.clock import Clock
from adhash.service.errors import TooLargeError, UploadFailedError
from adhash.service.folder import inputs_folder
from adhash.service.models import InputInfo
from adhash.service.records import InputRecord
from adhash.service.store import Store

_PREFIX = ".upload-"
_FLUSH_BYTES = 1 << 20


def remove_unfinished(job_root: Path) -> None:
    """Delete what uploads left that a crash cut off; call it before any begins."""
    for path in inputs_folder(job_root).glob(f"{_PREFIX}*"):
        path.unlink(missing_ok=True)


async def keep_upload(
    blocks: AsyncIterator[bytes],
    *,
    name: str,
    owner: str,
    job_root: Path,
    limit: int,
    store: Store,
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
    job_root : Path
        Where the folder of uploads is.
    limit : int
        The most bytes it may have.
    store : Store
        Keeps the record.
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
    folder = inputs_folder(job_root)
    folder.mkdir(exist_ok=True)
    temporary = folder / f"{_PREFIX}{secrets.token_hex(16)}"
    try:
        sha256, size = await _write(blocks, temporary, limit)
        await run_in_threadpool(_settle, temporary, folder / sha256)
    except OSError as error:
        raise UploadFailedError(
            f"the upload could not be kept: {error.strerror}", hint="make room on the server"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    record = InputRecord(sha256=sha256, name=name, size=size, owner=owner, created_at=clock.now())
    await run_in_threadpool(store.add_input, record)
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
