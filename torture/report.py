"""What a scenario found: figures, each held to its bar, and what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A measured number; `limit` is the most it may be, None where it is only told."""

    name: str
    value: float
    unit: str = ""
    limit: float | None = None

    @property
    def is_good(self) -> bool:
        """Return whether it is within its bar."""
        return self.limit is None or self.value <= self.limit

    def __str__(self) -> str:
        bar = "" if self.limit is None else f"  (at most {self.limit:g} {self.unit})".rstrip()
        mark = "ok  " if self.is_good else "FAIL"
        return f"  {mark} {self.name}: {self.value:,.6g} {self.unit}{bar}".rstrip()


@dataclass
class Report:
    """What a scenario found."""

    scenario: str
    figures: list[Figure] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def tell(self, name: str, value: float, *, unit: str = "", limit: float | None = None) -> None:
        """Add a figure."""
        self.figures.append(Figure(name=name, value=float(value), unit=unit, limit=limit))

    def blame(self, text: str) -> None:
        """Add a fault: something that must never be."""
        self.faults.append(text)

    def skip(self, text: str) -> None:
        """Say what could not be tried here, and why."""
        self.skipped.append(text)

    @property
    def is_good(self) -> bool:
        """Return whether nothing went wrong."""
        return not self.faults and all(figure.is_good for figure in self.figures)

    @property
    def losses(self) -> list[str]:
        """Return what must not be on any machine, however slow: faults, and counts too high."""
        counts = [figure for figure in self.figures if not figure.unit and not figure.is_good]
        return [*self.faults, *map(str, counts)]

    def __str__(self) -> str:
        lines = [self.scenario, *map(str, self.figures)]
        lines += [f"  skip {text}" for text in self.skipped]
        lines += [f"  FAIL {fault}" for fault in self.faults[:20]]
        if len(self.faults) > 20:
            lines.append(f"  ... and {len(self.faults) - 20} faults more")
        return "\n".join(lines)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
