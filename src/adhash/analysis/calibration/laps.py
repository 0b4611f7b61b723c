"""Measuring one engine on one kind of keys and values.

A lap fills one table, from empty to the largest size, by the replay's own loop and by the time that
it counts (`execute_ns`), so that what is measured is what a replay will pay. On the way it notes

    the time of all insertions so far and the memory, at `SIZES`, eight to the octave: tables grow
    in steps of two, and what an entry costs depends on how long ago the last one was;
    what a hit, a miss and an update cost, and deleting and putting back, at `PROBED_SIZES`, where
    the keys are drawn evenly from all of the table. They are told apart by runs of each alone, and
    brought to the level of runs that mix the first three, and the last two.

All engines run a round in turns, in an order drawn anew. Of the rounds the least counts: the same
work on the same keys is done each time, and what else the machine does can only add to it. A lap
begins with no free memory at hand: most replays are the first thing that their process does, and
touching memory for the first time is a good part of what growth costs them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adhash.analysis.calibration.classes import (
    Column,
    Kind,
    cut,
    length_of,
    random_keys,
    random_values,
    take,
    where,
)
from adhash.config_models import AdaptiveSettings
from adhash.errors import InterruptedRunError
from adhash.free_memory import give_back_free_memory
from adhash.replay.machinery import Driver, Machinery, Table
from adhash.replay.noise import NoiseMeter

_STEPS = 8
_FIRST = 64
#: Entries at which insertions and memory are noted.
SIZES = tuple(dict.fromkeys(round(_FIRST * 2 ** (step / _STEPS)) for step in range(15 * _STEPS)))
#: Entries at which single operations are measured, a few in the first and second level of the
#: caches, the third, and beyond.
PROBED_SIZES = (512, 4096, 16384, 65536, 262144, 1048576)

#: Up to here filling is also measured with room reserved before.
MOST_RESERVED = 65_536

GET, PUT, DEL = 0, 1, 2
_PROBES = 6144
# Where the table has grown for so long, the lap ends at the size it has: a slow engine shall not
# make a calibration long.
_LONGEST_FILL_NS = 90_000_000
_BUDGET_NS = 40_000_000
_MAX_LINE_BYTES = 1 << 20
_SAMPLE_EVERY = 1024


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Nanoseconds an operation, at one size, each as the mean of a run of its own.

    Parameters
    ----------
    hit_ns, miss_ns, update_ns : float
        Of runs of one kind of operation.
    mixed_ns : float
        Where as many of each of these three follow by lot.
    delete_ns, insert_ns : float
        Of runs of one kind; `insert_ns` is a put of a new key in a table that need not grow.
    churn_ns : float
        Where as many of both follow by lot.
    """

    hit_ns: float
    miss_ns: float
    update_ns: float
    mixed_ns: float
    delete_ns: float
    insert_ns: float
    churn_ns: float

    def among_others(self) -> dict[str, float]:
        """Return what each operation costs in runs that mix them, by the names of a curve.

        What mixing adds is shared by all three: alone, branches are foreseen. What it saves is the
        updates': alone, their writes wait for each other. Deletions and insertions share both.
        """
        excess_ns = 3 * self.mixed_ns - (self.hit_ns + self.miss_ns + self.update_ns)
        added_ns = max(0.0, excess_ns / 3)
        update_ns = self.update_ns + (added_ns or excess_ns)
        level = 2 * self.churn_ns / (self.delete_ns + self.insert_ns)
        return {
            "hit_ns": self.hit_ns + added_ns,
            "miss_ns": self.miss_ns + added_ns,
            "update_ns": max(update_ns, min(self.hit_ns, self.update_ns)),
            "delete_ns": self.delete_ns * level,
            "insert_ns": self.insert_ns * level,
        }


@dataclass(frozen=True, kw_only=True)
class Lap:
    """What one lap noted.

    Parameters
    ----------
    fill_ns : sequence of float
        Of all insertions up to each of the first `SIZES`, growth included.
    memory_bytes : sequence of int
        Of the table at these sizes.
    probes : sequence of Probe
        At the first `PROBED_SIZES`.
    reserved_fill_ns : sequence of float
        Of all insertions up to each of the first `PROBED_SIZES`, where room was reserved before;
        the reservation itself is not counted.
    """

    fill_ns: Sequence[float]
    memory_bytes: Sequence[int]
    probes: Sequence[Probe]
    reserved_fill_ns: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Material:
    """Keys and values for laps of one kind, the same for every engine."""

    kind: Kind
    keys: Column
    values: Column
    strangers: Column

    @classmethod
    def of(cls, kind: Kind, largest: int, *, seed: int) -> Material:
        """Return material for tables of up to `largest` entries."""
        chance = np.random.default_rng(seed)
        return cls(
            kind=kind,
            keys=random_keys(kind, largest, chance),
            values=random_values(kind, largest, chance),
            strangers=random_keys(kind, _PROBES, chance),
        )


class Laps:
    """Runs laps on native tables.

    Parameters
    ----------
    machinery : Machinery
        Makes tables.
    adaptive : AdaptiveSettings
        How the adaptive engine decides.
    noise : NoiseMeter
        Told when operations run.
    is_stopped : callable
        Whether to stop.
    """

    def __init__(
        self,
        *,
        machinery: Machinery,
        adaptive: AdaptiveSettings,
        noise: NoiseMeter,
        is_stopped: Callable[[], bool],
    ) -> None:
        self._machinery = machinery
        self._adaptive = adaptive
        self._noise = noise
        self._is_stopped = is_stopped

    def run(self, engine: str, material: Material, *, largest: int, seed: int) -> Lap:
        """Run one lap.

        Parameters
        ----------
        engine : str
            The engine.
        material : Material
            Keys and values.
        largest : int
            How many entries the table gets at most.
        seed : int
            Of the table's hash and of the keys that are drawn.

        Returns
        -------
        Lap
            What was noted.

        Raises
        ------
        InterruptedRunError
            If it was stopped.
        """
        chance = np.random.default_rng(seed)
        reserved = [
            self._reserved(engine, material, size, seed)
            for size in PROBED_SIZES
            if size <= min(largest, MOST_RESERVED)
        ]
        return self._fill(
            self._new_table(engine, material, seed), material, largest, reserved, chance
        )

    def _new_table(self, engine: str, material: Material, seed: int) -> Table:
        give_back_free_memory()
        kind = material.kind
        return self._machinery.new_table(
            engine=engine,
            key=kind.key_type,
            value=kind.value_type,
            seed=seed,
            adaptive=self._adaptive,
        )

    def _new_driver(self, table: Table) -> Driver:
        return self._machinery.new_driver(
            table,
            sample_every=_SAMPLE_EVERY,
            rate=0.0,
            verify=False,
            max_line_bytes=_MAX_LINE_BYTES,
            should_stop=self._is_stopped,
        )

    def _reserved(self, engine: str, material: Material, size: int, seed: int) -> float:
        table = self._new_table(engine, material, seed)
        table.reserve(size)
        keys, values = cut(material.keys, 0, size), cut(material.values, 0, size)
        return self._time(self._new_driver(table), PUT, keys, values)

    def _fill(
        self,
        table: Table,
        material: Material,
        largest: int,
        reserved: Sequence[float],
        chance: np.random.Generator,
    ) -> Lap:
        driver = self._new_driver(table)
        fill_ns: list[float] = []
        memory: list[int] = []
        probes: list[Probe] = []
        held, spent_ns = 0, 0.0
        for size in [each for each in SIZES if each <= largest]:
            keys, values = cut(material.keys, held, size), cut(material.values, held, size)
            spent_ns += self._time(driver, PUT, keys, values)
            held = size
            fill_ns.append(spent_ns)
            memory.append(table.stats(1).memory_bytes)
            if size in PROBED_SIZES:
                probes.append(self._probe(driver, material, size, chance))
            if spent_ns > _LONGEST_FILL_NS:
                break
        return Lap(fill_ns=fill_ns, memory_bytes=memory, probes=probes, reserved_fill_ns=reserved)

    def _probe(
        self, driver: Driver, material: Material, size: int, chance: np.random.Generator
    ) -> Probe:
        rows = chance.integers(0, size, _PROBES)
        keys, values = take(material.keys, rows), take(material.values, rows)
        self._time(driver, GET, keys, values)  # warms caches and the predictor of branches
        hit_ns = self._time(driver, GET, keys, values) / _PROBES
        miss_ns = self._time(driver, GET, material.strangers, values) / _PROBES
        update_ns = self._time(driver, PUT, keys, values) / _PROBES
        mixed_ns = self._mixed(driver, keys, material.strangers, values, chance)
        delete_ns, insert_ns, churn_ns = self._churn(driver, material, size, chance)
        return Probe(
            hit_ns=hit_ns,
            miss_ns=miss_ns,
            update_ns=update_ns,
            mixed_ns=mixed_ns,
            delete_ns=delete_ns,
            insert_ns=insert_ns,
            churn_ns=churn_ns,
        )

    def _churn(
        self, driver: Driver, material: Material, size: int, chance: np.random.Generator
    ) -> tuple[float, float, float]:
        """Return the nanoseconds of a deletion, of an insertion, and where both follow by lot."""

        def entries(rows: NDArray[np.int64]) -> tuple[Column, Column]:
            return take(material.keys, rows), take(material.values, rows)

        count = min(_PROBES, size // 8)
        drawn = chance.permutation(size)[: 2 * count]
        gone, others = entries(drawn[:count]), entries(drawn[count:])
        delete_ns = self._time(driver, DEL, *gone) / count
        insert_ns = self._time(driver, PUT, *gone) / count
        self._time(driver, DEL, *gone)
        order = chance.permutation(2 * count)
        ops = np.where(order < count, PUT, DEL).astype(np.uint8)
        churn_ns = self._run(driver, ops, *entries(drawn[order])) / (2 * count)
        self._time(driver, PUT, *others)
        return delete_ns, insert_ns, churn_ns

    def _mixed(
        self,
        driver: Driver,
        keys: Column,
        strangers: Column,
        values: Column,
        chance: np.random.Generator,
    ) -> float:
        """Return the nanoseconds an operation where hits, misses and updates follow by lot."""
        kinds = chance.permutation(np.arange(_PROBES) % 3)
        mixed = where(kinds == 1, strangers, keys)
        ops = np.where(kinds == 2, PUT, GET).astype(np.uint8)
        self._run(driver, ops, mixed, values)
        return self._run(driver, ops, mixed, values) / _PROBES

    def _time(self, driver: Driver, op: int, keys: Column, values: Column) -> float:
        """Run one operation on many keys and return its nanoseconds in the map."""
        ops = np.full(length_of(keys), op, dtype=np.uint8)
        return self._run(driver, ops, keys, values)

    def _run(self, driver: Driver, ops: NDArray[np.uint8], keys: Column, values: Column) -> float:
        """Run operations and return their nanoseconds in the map."""
        driver.feed_columns(ops, keys, values)
        before = driver.counters()["execute_ns"]
        cpu_ns = time.thread_time_ns()
        is_done = False
        while not is_done:
            if self._is_stopped():
                raise InterruptedRunError("interrupted before the machine was measured")
            with self._noise.executing():
                is_done = driver.advance(_BUDGET_NS)
        cpu_ns = time.thread_time_ns() - cpu_ns
        # The CPU time has a little more in it, but nothing of what others did meanwhile.
        return float(min(driver.counters()["execute_ns"] - before, cpu_ns))


def run_round(
    laps: Laps, engines: Sequence[str], material: Material, *, largest: int, seed: int
) -> Mapping[str, Lap]:
    """Run each engine once, in an order drawn from `seed`."""
    order = random.Random(seed).sample(engines, k=len(engines))  # noqa: S311 - an order, no secret
    return {
        engine: laps.run(engine, material, largest=largest, seed=seed + place)
        for place, engine in enumerate(order)
    }


def least(laps: Sequence[Lap]) -> Lap:
    """Return the least of every figure of several laps; a size that only one reached is its own.

    The time of all insertions up to a size is put together from the least of each step: one
    disturbance would otherwise count for every size that follows.
    """
    longest = max(laps, key=lambda lap: len(lap.fill_ns))
    steps = [np.diff(lap.fill_ns, prepend=0.0) for lap in laps]
    rows = range(len(longest.fill_ns))
    least_steps = [min(step[row] for step in steps if row < len(step)) for row in rows]
    probes = [
        [lap.probes[row] for lap in laps if row < len(lap.probes)]
        for row in range(len(longest.probes))
    ]
    return Lap(
        fill_ns=np.cumsum(least_steps).tolist(),
        memory_bytes=longest.memory_bytes,
        probes=[_least_probe(each) for each in probes],
        reserved_fill_ns=[
            min(e) for e in zip(*(lap.reserved_fill_ns for lap in laps), strict=True)
        ],
    )


def _least_probe(probes: Sequence[Probe]) -> Probe:
    names = list(Probe.__dataclass_fields__)
    return Probe(**{name: min(getattr(each, name) for each in probes) for name in names})
