"""The caches of this machine's first CPU, as far as the system tells of them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from adhash.units import parse_bytes

_FOLDER = Path("/sys/devices/system/cpu/cpu0/cache")


@dataclass(frozen=True, kw_only=True)
class Cache:
    """One level of the caches, with its size in bytes."""

    level: int
    size_bytes: int


def caches(folder: Path = _FOLDER) -> list[Cache]:
    """Return the caches that hold data, the smallest first; none where they are not known."""
    found = []
    for index in sorted(folder.glob("index*")):
        with suppress(OSError, ValueError):
            found.append(_read(index))
    return sorted((each for each in found if each is not None), key=lambda each: each.size_bytes)


def _read(index: Path) -> Cache | None:
    if (index / "type").read_text("ascii").strip() == "Instruction":
        return None
    size = (index / "size").read_text("ascii").strip()
    # The kernel writes K and M for powers of 1024.
    return Cache(
        level=int((index / "level").read_text("ascii")),
        size_bytes=parse_bytes(f"{size}iB" if size[-1:].isalpha() else size),
    )
