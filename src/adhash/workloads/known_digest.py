"""The SHA-256 of a trace that is read several times, computed once.

It is computed before the first reading and not along with it: the engine that ran first would
share its processor with the hashing, and look slower than those after it.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_BLOCK_BYTES = 1 << 20

# Device, inode, size and time of the last change: another file, or another state, has others.
Identity = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class KnownDigest:
    """The SHA-256 of a file, in hexadecimal, and the state in which the file had it."""

    identity: Identity
    sha256: str


def identity_of(descriptor: int) -> Identity | None:
    """Return what an open file is recognised by; None for anything but a regular file."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def digest_of(path: str, *, should_stop: Callable[[], bool]) -> KnownDigest | None:
    """Return the digest of a file, in about 0.6 s a GB.

    Parameters
    ----------
    path : str
        Any path.
    should_stop : callable
        Asked after every MiB.

    Returns
    -------
    KnownDigest or None
        None where there is no regular file that can be read, where it changed meanwhile, and where
        `should_stop` returned True. Whoever opens the file will find out what is wrong with it.
    """
    try:
        # A FIFO that is opened and closed would look to its writer as if the reader had gone away.
        return _digest(path, should_stop) if Path(path).is_file() else None
    except (OSError, ValueError):
        return None


def _digest(path: str, should_stop: Callable[[], bool]) -> KnownDigest | None:
    digest = hashlib.sha256()
    with Path(path).open("rb", buffering=0) as file:
        identity = identity_of(file.fileno())
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            if should_stop():
                return None
        if identity is None or identity_of(file.fileno()) != identity:
            return None
    return KnownDigest(identity=identity, sha256=digest.hexdigest())
