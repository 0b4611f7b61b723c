"""What a trace would take in each engine, from its traffic and the calibration of this machine.

    time = the sum over operations of count * cost(kind of operation, entries then)
         + what growing to the largest number of entries costs

Costs were measured with keys drawn evenly from all of the table, and a trace comes back to some
keys sooner than to others. Pricing an operation on a key that came shortly before like one in a
small table was tried, and made the forecasts of the recorded traces worse: a replay reads and
parses between two batches of operations, which leaves little of a table in the nearest caches.

Keys and values of several kinds are priced each by its own curve, by their shares. What growth
costs depends on how far behind its last step the table ends, and where it ends is known only
about, so its cost is a mean over sizes around the one that was inferred.

What this cannot see: keys that the hash or the branch predictor likes or dislikes, and whether the
system has huge pages at hand. The error that remains between two engines is `MODEL_ERROR`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from adhash.analysis.calibration.classes import KEY_BYTES, VALUE_BYTES
from adhash.analysis.calibration.costs import OPERATIONS, CostModel, EngineCosts
from adhash.analysis.profile.traffic import Share, Traffic

#: How far forecasts are off from engine to engine: the standard deviation of the logarithm of the
#: time, once what is common to all engines is left out. The ratio of two engines' times has the
#: square root of two times that, which `make bench-profile` prints for recorded traces.
MODEL_ERROR = 0.08

# Standard deviation, and weights of a normal distribution, at the sizes that growth is averaged
# over.
_SIZE_ERROR = 0.05
_SIZES = ((-1.73, 1 / 6), (0.0, 2 / 3), (1.73, 1 / 6))


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a trace would take in one engine.

    Parameters
    ----------
    operations_ns : float
        Of its operations, without growth.
    growth_ns : float
        Of growing from empty.
    memory_bytes : float
        Of the table at its largest.
    saved_ns : float
        What reserving room for all entries before would save.
    """

    operations_ns: float
    growth_ns: float
    memory_bytes: float
    saved_ns: float

    @property
    def time_ns(self) -> float:
        """The time in the map."""
        return self.operations_ns + self.growth_ns


@dataclass(frozen=True, kw_only=True)
class _Priced:
    """A part of the keys and values, with what they cost.

    `extra_bytes` is how much longer an entry of the trace is than the ones that were measured.
    """

    weight: float
    costs: EngineCosts
    extra_bytes: float


def forecast(
    engines: Sequence[str], traffic: Traffic, model: CostModel, *, is_sampled: bool
) -> dict[str, Forecast]:
    """Return what a trace would take in each engine.

    Parameters
    ----------
    engines : sequence of str
        The candidates.
    traffic : Traffic
        What the trace does.
    model : CostModel
        What operations cost on this machine.
    is_sampled : bool
        Whether the size of the table is only inferred.

    Returns
    -------
    dict of str to Forecast
        By engine; those that were not calibrated are left out.
    """
    found = {engine: _priced(engine, traffic, model) for engine in engines}
    return {
        engine: _forecast(parts, traffic, is_sampled=is_sampled)
        for engine, parts in found.items()
        if parts
    }


def _priced(engine: str, traffic: Traffic, model: CostModel) -> list[_Priced]:
    parts = []
    for key, keys in traffic.keys.items():
        for value, values in traffic.values.items():
            costs = model.costs(engine, key, value)
            if costs is None:
                return []
            parts.append(
                _Priced(
                    weight=keys.part * values.part,
                    costs=costs,
                    extra_bytes=_extra(keys, KEY_BYTES[key], is_long=key == "long")
                    + _extra(values, VALUE_BYTES[value], is_long=value == "long"),
                )
            )
    return parts


def _extra(share: Share, measured_bytes: int, *, is_long: bool) -> float:
    """Return how much more room the arena gives: it holds the long ones, at their length."""
    return share.mean_bytes - measured_bytes if is_long else 0.0


def _forecast(parts: Sequence[_Priced], traffic: Traffic, *, is_sampled: bool) -> Forecast:
    sizes = _SIZES if is_sampled else ((0.0, 1.0),)
    peaks = [(traffic.peak * math.exp(_SIZE_ERROR * at), weight) for at, weight in sizes]
    growth_ns = sum(
        part.weight * weight * part.costs.growth_ns(peak)
        for part in parts
        for peak, weight in peaks
    )
    memory = sum(
        part.weight * (part.costs.memory.at(traffic.peak) + part.extra_bytes * traffic.peak)
        for part in parts
    )
    return Forecast(
        operations_ns=sum(part.weight * _operations_ns(part.costs, traffic) for part in parts),
        growth_ns=growth_ns,
        memory_bytes=max(1.0, memory),
        saved_ns=sum(
            part.weight * part.costs.saved_by_reserving_ns(traffic.peak) for part in parts
        ),
    )


def _operations_ns(costs: EngineCosts, traffic: Traffic) -> float:
    total = 0.0
    for name in OPERATIONS:
        slope = costs.operations[name]
        total += float(np.dot(traffic.counts[name], slope.at_each(traffic.entries)))
    return total


def ranked(forecasts: Mapping[str, Forecast]) -> list[str]:
    """Return the engines, the fastest first."""
    return sorted(forecasts, key=lambda engine: forecasts[engine].time_ns)
