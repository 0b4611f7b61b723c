"""Calls of an allocator as accesses to the table of live blocks by their addresses."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from adhash.workloads.formats.content import Fault
from adhash.workloads.formats.events import DELETE, LOOKUP, WRITE, Events


class HeapCalls:
    """Accesses to the table of live blocks."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, int]] = []

    def store(self, address: int, size: int) -> None:
        """Take a block that was made."""
        self._rows.append((WRITE, address, size))

    def delete(self, address: int) -> None:
        """Take a block that was freed."""
        self._rows.append((DELETE, address, 0))

    def resize(self, old: int, new: int, size: int) -> None:
        """Take a block that was resized, and perhaps moved."""
        if old == new:
            self._rows.append((LOOKUP, old, 0))
        else:
            self.delete(old)
        self.store(new, size)

    def events(self) -> Iterator[Events]:
        """Yield them, if there are any.

        Yields
        ------
        Events
            All of them.
        """
        if self._rows:
            kinds, addresses, sizes = zip(*self._rows, strict=True)
            yield Events.of(
                np.array(kinds, dtype=np.uint8),
                np.array(addresses, dtype=np.uint64),
                np.array(sizes, dtype=np.int64),
            )


def fault(what: str, text: str) -> Fault:
    """Return what is wrong with a line."""
    return Fault(what=what, value=text, remedy="correct or drop the line")
