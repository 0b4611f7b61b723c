"""Collecting accesses one by one, where lines are too irregular to be read all at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from adhash.workloads.formats.events import Events


@dataclass
class Accesses:
    """Accesses that are collected one by one."""

    kinds: list[int] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def add(self, kind: int, key: str | bytes, size: int) -> None:
        """Take an access."""
        self.kinds.append(kind)
        self.keys.append(key.encode() if isinstance(key, str) else key)
        self.sizes.append(size)

    def events(self) -> Events:
        """Return them."""
        return Events.of(
            np.array(self.kinds, dtype=np.uint8),
            pa.array(self.keys, pa.large_binary()),
            np.array(self.sizes, dtype=np.int64),
        )
