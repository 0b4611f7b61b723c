"""What a run of the benchmarks was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.rounds import ClockName, Cost
from benchmarks.spread import Spread, paired_ratios, spread_of


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to measure.

    Parameters
    ----------
    quick : bool
        Smaller sizes and fewer rounds: seconds instead of minutes, and ratios of another workload.
    rounds : int or None
        Rounds of every case; None leaves it to the case.
    clock : {"cpu", "wall"}
        The clock whose ratios are held against the bars.
    traces : Path
        The folder of recorded traces.
    """

    quick: bool
    rounds: int | None
    clock: ClockName
    traces: Path

    def rounds_or(self, usual: int, quick: int) -> int:
        """Return the rounds asked for, or those that a case takes by itself."""
        return self.rounds or (quick if self.quick else usual)

    def ratio(self, above: list[Cost], below: list[Cost]) -> tuple[Spread, str]:
        """Return the ratios of paired costs by the deciding clock, and by the other in words."""
        by_clock = {
            name: spread_of(paired_ratios([c.by(name) for c in above], [c.by(name) for c in below]))
            for name in ("cpu", "wall")
        }
        other: ClockName = "wall" if self.clock == "cpu" else "cpu"
        return by_clock[self.clock], f"by {other} time {by_clock[other].median:.3g}x"
