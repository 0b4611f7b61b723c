"""Figures between and beyond the sizes that were measured.

Single operations cost more in a larger table, never less: what was measured is made monotone first
(the least squares answer, by pooling neighbours that are in the wrong order), which also takes out
noise. Between sizes, a straight line over the logarithm of the size; beyond the last one the line
goes on as steeply as it rose there.

Filling is different. A table that grows by doubling costs per entry what a staircase says: just
behind a growth twice as much as just before. The steps are the same an octave later, so beyond the
last size measured the last octave is repeated, with the rise that it had over the one before.

References
----------
M. Ayer, H. D. Brunk, G. M. Ewing, W. T. Reid, E. Silverman, "An empirical distribution function for
sampling with incomplete information", Annals of Mathematical Statistics 26 (1955), for pooling.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adhash.analysis.calibration.calibration import Calibration, Curve
from adhash.analysis.calibration.classes import Class, KeyClass

OPERATIONS = ("hit", "miss", "update", "delete", "insert")

_Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Staircase:
    """A total that rises with the entries of a table, by a staircase per entry.

    Parameters
    ----------
    sizes : ndarray of float64, shape (n,)
        Entries, rising.
    totals : ndarray of float64, shape (n,)
        The total at each of them, not falling.
    """

    sizes: _Floats
    totals: _Floats

    def at(self, entries: float) -> float:
        """Return the total at any number of entries, zero or more; it never falls."""
        last = float(self.sizes[-1])
        if entries <= float(self.sizes[0]):
            return entries / float(self.sizes[0]) * float(self.totals[0])
        if entries <= last:
            return float(np.interp(entries, self.sizes, self.totals))
        octaves = math.ceil(math.log2(entries / last) - 1e-9)
        rise = max(0.0, self.at(last) / last - self.at(last / 2) / (last / 2))
        # Where the last octave was cheaper than the one before, the total must not fall all the
        # same: at its beginning it is what it was at the end of the one before.
        repeated = 2.0**octaves * self.at(entries / 2.0**octaves) + octaves * rise * entries
        return max(repeated, 2.0 ** (octaves - 1) * self.at(last) + (octaves - 1) * rise * last)


@dataclass(frozen=True, kw_only=True)
class Slope:
    """A cost that rises with the logarithm of the entries of a table.

    Parameters
    ----------
    logs : ndarray of float64, shape (n,)
        Of the entries, to base 2, rising.
    costs : ndarray of float64, shape (n,)
        In nanoseconds, not falling.
    """

    logs: _Floats
    costs: _Floats

    def at(self, entries: float) -> float:
        """Return the cost in a table of so many entries; it never falls."""
        return float(self.at_each(np.array([entries]))[0])

    def at_each(self, entries: _Floats) -> _Floats:
        """Return the cost in tables of so many entries each, of the shape of `entries`."""
        places = np.log2(np.maximum(entries, 1.0))
        costs: _Floats = np.interp(places, self.logs, self.costs)
        if len(self.logs) > 1:
            steepness = (self.costs[-1] - self.costs[-2]) / (self.logs[-1] - self.logs[-2])
            costs = costs + np.maximum(places - self.logs[-1], 0.0) * steepness
        return costs


@dataclass(frozen=True, kw_only=True)
class EngineCosts:
    """What one engine costs with one kind of keys and values.

    Parameters
    ----------
    fill : Staircase
        Nanoseconds of all insertions from empty, growth included.
    memory : Staircase
        Bytes.
    operations : mapping of str to Slope
        Of each of `OPERATIONS`, in nanoseconds.
    saved_share : float
        The part of filling that room reserved before saves, in [0, 1).
    """

    fill: Staircase
    memory: Staircase
    operations: dict[str, Slope]
    saved_share: float

    @classmethod
    def of(cls, curve: Curve, calibration: Calibration) -> EngineCosts:
        """Return the costs that a curve of a calibration tells."""
        sizes = np.array(calibration.sizes[: len(curve.fill_ns)], dtype=np.float64)
        memory = np.maximum.accumulate(np.array(curve.memory_bytes, dtype=np.float64))
        probed = np.array(calibration.probed_sizes[: len(curve.hit_ns)], dtype=np.float64)
        logs = np.log2(probed)
        fill = Staircase(sizes=sizes, totals=np.array(curve.fill_ns))
        reserved = np.array(curve.reserved_fill_ns)
        filled = np.array([fill.at(size) for size in probed[: len(reserved)]])
        return cls(
            fill=fill,
            memory=Staircase(sizes=sizes, totals=memory),
            operations={
                name: Slope(logs=logs, costs=monotone(getattr(curve, f"{name}_ns")))
                for name in OPERATIONS
            },
            saved_share=max(0.0, float(np.median(1 - reserved / filled))),
        )

    def growth_ns(self, entries: float) -> float:
        """Return what growing to a size costs beyond the insertions themselves, in nanoseconds.

        Parameters
        ----------
        entries : float
            The largest number of entries.

        Returns
        -------
        float
            Zero or more.
        """
        return max(0.0, self.fill.at(entries) - self.insertions_ns(entries))

    def saved_by_reserving_ns(self, entries: float) -> float:
        """Return what reserving room for so many entries before saves, in nanoseconds."""
        return self.saved_share * self.fill.at(entries)

    def insertions_ns(self, entries: float) -> float:
        """Return what inserting costs from empty to a size where the table need never grow."""
        # The mean over a table that fills from empty, by the sizes an octave apart.
        if entries < 1:
            return 0.0
        octaves = np.arange(math.floor(math.log2(entries)) + 1, dtype=np.float64)
        highs: _Floats = entries * np.exp2(-octaves)
        return float(np.dot(highs / 2, self.operations["insert"].at_each(0.75 * highs)))


class CostModel:
    """The costs of all engines with all kinds of keys and values, made where they are asked for.

    Parameters
    ----------
    calibration : Calibration
        What was measured.
    """

    def __init__(self, calibration: Calibration) -> None:
        self.calibration = calibration
        self._curves = {(each.engine, each.key, each.value): each for each in calibration.curves}
        self._made: dict[tuple[str, KeyClass, Class], EngineCosts] = {}

    def costs(self, engine: str, key: KeyClass, value: Class) -> EngineCosts | None:
        """Return what an engine costs with a kind of keys and of values; None if not measured."""
        name = (engine, key, value)
        if name not in self._made and name in self._curves:
            self._made[name] = EngineCosts.of(self._curves[name], self.calibration)
        return self._made.get(name)


def monotone(costs: Sequence[float]) -> _Floats:
    """Return the nearest figures, by least squares, that do not fall."""
    pools: list[tuple[float, int]] = []
    for cost in costs:
        mean, count = float(cost), 1
        while pools and pools[-1][0] > mean:
            lower, size = pools.pop()
            mean = (mean * count + lower * size) / (count + size)
            count += size
        pools.append((mean, count))
    return np.repeat([mean for mean, _ in pools], [count for _, count in pools])
