"""Whether the keys of a trace collide more than chance would have it, engine by engine.

No formula knows what a hash makes of real keys. So they are put into the table of each engine, with
its own hash and by its own rule of growth, and the lengths of their probes are compared with those
under a perfectly uniform hash (`adhash.maps.probe_theory`). Making tables of all keys may take
longer than reading the trace. So of many keys, the first come are put into a smaller table, halved
as often as the number of keys, which leaves the load factor as it is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa

from adhash.analysis.dna import outcomes as o
from adhash.analysis.dna.result_risks import CollisionRisk, EngineCollisions
from adhash.analysis.dna.trace_analysis import TraceAnalysis
from adhash.maps import Map, MapStats, engines
from adhash.maps.probe_theory import uniform_probe_shares
from adhash.snapshots.columns import column_to_arrow

# A table is made of at most so many keys, and of one in so many rows if these are more than a few.
_MOST_KEYS = 1 << 18
_ROWS_A_KEY = 32
_FEW_KEYS = 1 << 13
# Engines that take long for each key get fewer.
_PART_OF_KEYS = {"std": 4, "adaptive": 4}
_SAMPLES = 1 << 16
# Any seed; a fixed one, so that two readings of a trace say the same.
_SEED = 0x5EED
_AS_CHANCE, _LITTLE_MORE = 1.05, 1.5


def collision_risk(analysis: TraceAnalysis) -> CollisionRisk:
    """Return how the keys of a trace lie in the table of each engine.

    Parameters
    ----------
    analysis : TraceAnalysis
        Of the trace.

    Returns
    -------
    CollisionRisk
        Of every engine in this build.
    """
    states = analysis.histories["states"]
    held = np.flatnonzero(states == o.LIVE)
    if not len(held):
        held = np.arange(len(states))
    most = min(_MOST_KEYS, max(_FEW_KEYS, analysis.rows // _ROWS_A_KEY))
    keys = analysis.keys_of(held[: _halved(len(held), most)])
    # Equal strings are equal bytes, and hashed as such.
    kind = "bytes" if analysis.key_type == "str" else analysis.key_type
    arrow = column_to_arrow(keys, kind)
    found = [
        _collisions(engine, arrow[: _halved(len(held), most // _PART_OF_KEYS.get(engine, 1))], kind)
        for engine in engines()
    ]
    return CollisionRisk(
        is_exact=analysis.is_exact and all(each.keys == len(held) for each in found),
        entries=len(held) * analysis.weight,
        engines=found,
        verdict=_overall(found),
    )


def _halved(keys: int, most: int) -> int:
    """Return how many keys to take: all, or half of them as often as it needs."""
    while keys > most:
        keys = (keys + 1) // 2
    return keys


def _collisions(engine: str, keys: pa.Array[Any], key_type: str) -> EngineCollisions:
    table: Map[object, int] = Map(engine=engine, key=key_type, value="int64", seed=_SEED)
    table.put_many(keys, np.zeros(len(keys), dtype=np.int64))
    return _compared(table.stats(probe_samples=_SAMPLES))


def _compared(stats: MapStats) -> EngineCollisions:
    looked_at = sum(stats.probe_hist)
    shares = [float(count) / looked_at for count in stats.probe_hist]
    expected = uniform_probe_shares(stats.layout, size=stats.size, capacity=stats.capacity)
    mean = stats.avg_probe_estimate
    expected_mean = None if expected is None else _mean(expected)
    excess = None if expected_mean is None else mean / expected_mean
    as_chance = _AS_CHANCE if expected is None else _as_chance(expected, looked_at)
    return EngineCollisions(
        engine=stats.engine,
        layout=stats.layout,
        keys=stats.size,
        capacity=stats.capacity,
        load_factor=stats.load_factor,
        mean_probe=mean,
        longest_probe=stats.max_group_len,
        probe_shares=shares,
        expected_mean_probe=expected_mean,
        expected_probe_shares=expected,
        excess=excess,
        verdict=_verdict(excess, as_chance),
        is_as_chance=excess is None or excess <= as_chance,
    )


def _mean(shares: list[float]) -> float:
    return sum(length * share for length, share in enumerate(shares, 1)) / sum(shares)


def _as_chance(shares: list[float], keys: int) -> float:
    """Return the excess that chance has in so few keys."""
    mean = _mean(shares)
    square = sum(length**2 * share for length, share in enumerate(shares, 1)) / sum(shares)
    # Long probes come in bunches: the mean of a table varies more than that of a sample.
    error = 2 * math.sqrt(max(square - mean**2, 0.0) / keys) / mean
    return _AS_CHANCE + 3 * error


def _verdict(excess: float | None, as_chance: float) -> str:
    if excess is None:
        return "no theory to compare with"
    if excess <= as_chance:
        return "no more collisions than chance"
    if excess <= _LITTLE_MORE:
        return f"probes {excess:.2f} times as long as chance: keys gather a little"
    return f"probes {excess:.1f} times as long as chance: these keys collide under this hash"


def _overall(found: list[EngineCollisions]) -> str:
    risky = [each.engine for each in found if not each.is_as_chance]
    if not risky:
        return "the keys collide in no engine more than chance has it"
    return f"the keys collide more than chance has it in {', '.join(risky)}"
