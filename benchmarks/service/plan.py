"""What a run of the benchmarks of the service was asked for, and how its times are summed up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import Bar, Finding
from benchmarks.spread import Spread


@dataclass(frozen=True, kw_only=True)
class ServicePlan:
    """How to measure.

    Parameters
    ----------
    quick : bool
        Smaller sizes and fewer rounds: a first look, not the sizes that the claims are about.
    rounds : int or None
        Rounds of what is measured in turns; None leaves it to the case.
    folder : Path
        A fresh folder for job roots; its disk is what is measured.
    trace : Path or None
        The CSV that is replayed; None makes one.
    """

    quick: bool
    rounds: int | None
    folder: Path
    trace: Path | None

    def sized(self, usual: int, quick: int) -> int:
        """Return one of two sizes."""
        return quick if self.quick else usual

    def place(self, name: str) -> Path:
        """Return a new folder of its own for a case."""
        path = self.folder / name
        path.mkdir(parents=True)
        return path


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of the values do not exceed (nearest rank)."""
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]


def slow_tail(claim: str, took_s: Sequence[float], bar: Bar | None) -> Finding:
    """Return the 99th percentile of times, in milliseconds, with the median and the longest."""
    p99 = quantile(took_s, 0.99) * 1e3
    median, longest = quantile(took_s, 0.5) * 1e3, max(took_s) * 1e3
    return Finding(
        claim=f"{claim}, p99",
        figure=Spread(median=p99, low=p99, high=p99),
        bar=bar,
        unit=" ms",
        note=f"p50 {median:.3g} ms, longest {longest:.3g} ms, {len(took_s)} of them",
    )


def exactly(value: float) -> Spread:
    """Return a figure that was counted and has no spread."""
    return Spread(median=value, low=value, high=value)
