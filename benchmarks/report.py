"""What a benchmark found: measurements, claims held against bars, and both as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from benchmarks.rounds import ClockName, Cost
from benchmarks.spread import Spread, spread_of

_SCALES = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


@dataclass(frozen=True, kw_only=True)
class Bar:
    """What a figure must reach.

    Parameters
    ----------
    limit : float
        The bar.
    side : {"at least", "at most"}
        On which side of it the figure must be.
    aim : float or None
        What would be better still.
    unit : str
        Written after the numbers.
    """

    limit: float
    side: Literal["at least", "at most"]
    aim: float | None = None
    unit: str = "x"

    def is_met_by(self, figure: float) -> bool:
        """Return whether a figure is on the right side."""
        return _is_on_side(figure, self.limit, self.side)

    def verdict(self, figure: Spread) -> str:
        """Return the bar in words, and whether it was met."""
        text = f"{self.side} {self.limit:g}{self.unit}: "
        text += "met" if self.is_met_by(figure.median) else "not met"
        if self.is_met_by(figure.low) != self.is_met_by(figure.high):
            text += " (the spread lies across it)"
        if self.aim is not None:
            reached = _is_on_side(figure.median, self.aim, self.side)
            text += f"; aim {self.aim:g}{self.unit}: {'reached' if reached else 'not reached'}"
        return text


def _is_on_side(figure: float, limit: float, side: str) -> bool:
    return figure >= limit if side == "at least" else figure <= limit


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A claim with the figure that was measured for it.

    Parameters
    ----------
    claim : str
        What the figure says.
    figure : Spread
        The figure, by the clock that decides.
    bar : Bar or None
        What it must reach; None for a figure that is only told.
    note : str
        Said behind it, such as the same figure by the other clock.
    unit : str
        Written after the numbers where no bar has one.
    """

    claim: str
    figure: Spread
    bar: Bar | None = None
    note: str = ""
    unit: str = "x"

    @property
    def is_met(self) -> bool:
        """Whether the bar was reached; True where there is none."""
        return self.bar is None or self.bar.is_met_by(self.figure.median)

    def text(self) -> str:
        """Return the finding as a line or two."""
        unit = self.bar.unit if self.bar else self.unit
        figure = self.figure
        line = f"  {self.claim}: {figure.median:.3g}{unit} [{figure.low:.3g} - {figure.high:.3g}]"
        line += f"  ({self.note})" if self.note else ""
        return line + (f"\n      {self.bar.verdict(figure)}" if self.bar else "")


@dataclass(frozen=True, kw_only=True)
class Timing:
    """The measurements of one candidate.

    Parameters
    ----------
    name : str
        The candidate.
    costs : sequence of Cost
        One a round.
    per : float
        How many pieces of work a cost is of; what is shown is the time of one.
    unit : {"s", "ms", "us", "ns"}
        The unit it is shown in.
    """

    name: str
    costs: Sequence[Cost]
    per: float = 1.0
    unit: str = "s"

    def spread(self, clock: ClockName) -> Spread:
        """Return the time of one piece of work in the unit."""
        scale = _SCALES[self.unit] / self.per
        return spread_of([cost.by(clock) * scale for cost in self.costs])


@dataclass(kw_only=True)
class CaseReport:
    """Everything that one case found."""

    name: str
    title: str
    timings: list[Timing] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """Return the report as text."""
        parts = [f"== {self.name}: {self.title}", _timing_table(self.timings), *self.tables]
        parts += [finding.text() for finding in self.findings]
        parts += [f"  note: {note}" for note in self.notes]
        return "\n".join(part for part in parts if part)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data, with every single measurement."""
        return {
            "name": self.name,
            "title": self.title,
            "timings": [asdict(timing) for timing in self.timings],
            "findings": [asdict(finding) | {"is_met": finding.is_met} for finding in self.findings],
            "notes": self.notes,
            "data": self.data,
        }


def _timing_table(timings: Sequence[Timing]) -> str:
    rows = [["", "unit", "CPU median", "[min - max]", "wall median", "[min - max]"]]
    for timing in timings:
        cells = [timing.name, timing.unit]
        for clock in ("cpu", "wall"):
            spread = timing.spread("cpu" if clock == "cpu" else "wall")
            cells += [f"{spread.median:.4g}", f"[{spread.low:.4g} - {spread.high:.4g}]"]
        rows.append(cells)
    return table(rows) if timings else ""


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells as aligned text: the first column to the left, others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  " + "  ".join([row[0].ljust(widths[0]), *cells[1:]]).rstrip())
    return "\n".join(lines)
