"""How much memory this process may still take, and giving back what it does not use."""

from __future__ import annotations

import ctypes
import resource
from contextlib import suppress
from pathlib import Path
from typing import Final

_MEMINFO: Final = Path("/proc/meminfo")
_STATM: Final = Path("/proc/self/statm")
_CGROUP: Final = Path("/sys/fs/cgroup")


def free_memory_bytes() -> int | None:
    """Return the least of what the system, the container and the limits leave; None if none tells.

    Returns
    -------
    int or None
        Bytes, 0 at least. What is cached of files counts as free, as far as the system tells.
    """
    found = [_of_the_system(), _of_the_container(), _of_the_limit()]
    told = [each for each in found if each is not None]
    return max(0, min(told)) if told else None


def give_back_free_memory() -> None:
    """Give memory that was freed back to the system, where the C library can (glibc).

    What is allocated next is then touched for the first time, as in a process that has just begun,
    and the page faults that this takes can be measured.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _of_the_system() -> int | None:
    text = _text(_MEMINFO)
    for line in (text or "").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _of_the_container() -> int | None:
    limit, used = _text(_CGROUP / "memory.max"), _text(_CGROUP / "memory.current")
    if limit is None or used is None or not limit.strip().isdigit():
        return None
    return int(limit) - int(used)


def _of_the_limit() -> int | None:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    text = _text(_STATM)
    if limit == resource.RLIM_INFINITY or text is None:
        return None
    return limit - int(text.split()[0]) * resource.getpagesize()


def _text(path: Path) -> str | None:
    try:
        return path.read_text("ascii")
    except OSError:
        return None
