"""What a map's engine found when it held its own memory to its invariants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Invariant:
    """One invariant of a table, or of the map as a whole.

    Parameters
    ----------
    name : str
        What must be true, in words.
    layout : str
        The layout of the table; empty for the map as a whole.
    table : str
        ``only``, ``current`` or ``old``; empty for the map as a whole.
    checked : int
        How many slots, entries, blocks or numbers were looked at.
    broken : int
        How many of them were not as they must be.
    examples : tuple of str
        The first few of those, in words.
    """

    name: str
    layout: str
    table: str
    checked: int
    broken: int
    examples: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was found that breaks it."""
        return self.broken == 0

    @classmethod
    def from_native(cls, record: dict[str, Any]) -> Invariant:
        """Return an invariant of a native report."""
        return cls(**{**record, "examples": tuple(record["examples"])})

    def __str__(self) -> str:
        where = f"{self.table} {self.layout} table".strip() if self.layout else "map"
        if self.holds:
            return f"{where}: {self.name}: {self.checked:,} checked"
        return (
            f"{where}: {self.name}: {self.broken:,} of {self.checked:,} broken: {self.examples[0]}"
        )


def broken_invariants(invariants: Sequence[Invariant]) -> list[Invariant]:
    """Return those that do not hold."""
    return [each for each in invariants if not each.holds]
