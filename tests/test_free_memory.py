"""Memory that is free, and memory that is given back."""

from __future__ import annotations

import ctypes
import resource
from pathlib import Path

import pytest

from adhash.free_memory import free_memory_bytes, give_back_free_memory

MEGABYTE = 1_000_000


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * resource.getpagesize()


def test_some_memory_is_free() -> None:
    told = free_memory_bytes()
    assert told is None or told > MEGABYTE


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim") or not Path("/proc/self/statm").exists(),
    reason="the C library keeps what was freed",
)
def test_what_was_freed_goes_back_to_the_system() -> None:
    # Blocks below the size that is mapped by itself, with one above them that holds the heap.
    blocks = [bytes(60_000) for _ in range(2000)]
    held = bytes(60_000)
    del blocks
    before = resident_bytes()
    give_back_free_memory()
    assert resident_bytes() < before - 50 * MEGABYTE
    assert len(held) == 60_000
