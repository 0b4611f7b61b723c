"""Racing engines on the pieces of a sample, in turns.

Every round runs each engine once, in an order drawn anew and with one seed for all, so that a
neighbour on the machine, a change of frequency or a lucky placement of keys meets all of them. What
is compared is the time in the map alone, as the replay counts it (`execute_ns`): reading the trace
costs every engine the same. Where the system took the CPU away meanwhile, the CPU time counts,
less the least time that handing over the same rows ever took.

A lap runs the whole sample on one table. Before a piece the table is restored to the state that it
had there (see `adhash.analysis.profile.history`); that time is not counted. Growth is different: a
table grows at a few moments, each of which may fall into a piece or between two, and would count
with the weight of a piece or not at all. So a lap tells of each growth by itself, from the log of
slow paths, and `adhash.analysis.profile.standing` takes it out of the pieces. (The adaptive engine
grows a little with each operation: what falls into the pieces is its fair share.)

An engine that was slower in every lap so far than the best one was in its slowest, and by a margin,
is not raced further: its rank is known well enough.
"""

from __future__ import annotations

import bisect
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from adhash.analysis.profile.history import History
from adhash.analysis.profile.operations import DEL, PUT, ArrowArray, Operations, as_column
from adhash.analysis.profile.sample import Sample
from adhash.config_models import AdaptiveSettings
from adhash.errors import InterruptedRunError
from adhash.progress import WorkCallback, WorkProgress
from adhash.replay.machinery import Driver, Machinery, Table
from adhash.replay.noise import NoiseMeter
from adhash.replay.plan import Mode
from adhash.replay.table_types import TableTypes

# The longest that native code runs before the race looks whether it was cancelled.
_BUDGET_NS = 40_000_000
_MAX_LINE_BYTES = 1 << 20
# As a replay samples latencies by default: it costs all engines the same, and a replay has it too.
_SAMPLE_EVERY = 1024
# An engine leaves the race once it is slower than the best by this much, after so many rounds.
_HOPELESS = 1.25
_ROUNDS_BEFORE_LEAVING = 2


@dataclass(frozen=True, kw_only=True)
class Growth:
    """One time that a table grew.

    Parameters
    ----------
    ns : float
        Nanoseconds by the clock on the wall: a few of them, in which the CPU may have been away.
    piece : int or None
        The number of the piece that it fell into; None while the table was being restored.
    """

    ns: float
    piece: int | None


@dataclass(frozen=True, kw_only=True)
class Lap:
    """One run of one engine over the sample.

    Parameters
    ----------
    piece_ns : sequence of float
        Nanoseconds in the map of each piece, growth included.
    growths : sequence of Growth
        In the order of time.
    entries : int
        In the table at the end.
    memory_bytes : int
        Of the table at the end.
    """

    piece_ns: Sequence[float]
    growths: Sequence[Growth]
    entries: int
    memory_bytes: int

    @property
    def measured_ns(self) -> float:
        """Nanoseconds that the sampled operations took in the map."""
        return sum(self.piece_ns)


class RunLap(Protocol):
    """Runs an engine over the sample once."""

    def __call__(self, engine: str, *, seed: int) -> Lap: ...


def race(
    modes: Sequence[Mode],
    run_lap: RunLap,
    *,
    rounds: int,
    seed: int,
    progress: WorkCallback,
) -> Mapping[str, list[Lap]]:
    """Run every engine once a round.

    Parameters
    ----------
    modes : sequence of Mode
        The candidates.
    run_lap : callable
        Runs one engine once.
    rounds : int
        How often, at least 1.
    seed : int
        Of the order and of the tables' hash.
    progress : callable
        Told of every lap.

    Returns
    -------
    mapping of str to list of Lap
        The laps of each mode by name, in the order of the rounds; fewer than `rounds` of a mode
        that left the race.
    """
    chance = random.Random(seed)  # noqa: S311 - an order, no secret
    laps: dict[str, list[Lap]] = {mode.name: [] for mode in modes}
    for turn in range(rounds):
        hash_seed = seed if turn == 0 else chance.getrandbits(53)
        field = [mode for mode in modes if not is_hopeless(mode.name, laps)]
        for place, mode in enumerate(chance.sample(field, k=len(field))):
            done = turn * len(modes) + place
            note = f"racing {mode.name}, round {turn + 1} of {rounds}"
            progress(WorkProgress(done=done, total=rounds * len(modes), unit="laps", note=note))
            laps[mode.name].append(run_lap(mode.engine, seed=hash_seed))
    return laps


def is_hopeless(name: str, laps: Mapping[str, Sequence[Lap]]) -> bool:
    """Return whether an engine was slower by a margin in every lap than the best in any.

    Parameters
    ----------
    name : str
        The mode.
    laps : mapping
        All laps so far.

    Returns
    -------
    bool
        False before it ran in enough rounds.
    """
    own = laps[name]
    if len(own) < _ROUNDS_BEFORE_LEAVING:
        return False
    slowest_of_best = min(max(lap.measured_ns for lap in each) for each in laps.values() if each)
    return min(lap.measured_ns for lap in own) > _HOPELESS * slowest_of_best


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A piece of the sample, as native columns.

    Parameters
    ----------
    restoring : sequence of columns
        What is run before it and not counted.
    operations : columns
        Ops, keys and values.
    """

    restoring: Sequence[tuple[Any, Any, Any]]
    operations: tuple[Any, Any, Any]


def prepare(sample: Sample, history: History, *, seed: int) -> list[Piece]:
    """Return the pieces of a sample with what restores the table before each.

    Parameters
    ----------
    sample : Sample
        The pieces.
    history : History
        The states before them.
    seed : int
        Of the values that restored keys get.

    Returns
    -------
    list of Piece
        In order.
    """
    values = _Values(sample.pieces, seed)
    pieces = []
    for operations, restoration in zip(sample.pieces, history.restorations, strict=True):
        present = history.dictionary.take(_indices(restoration.present))
        absent = history.dictionary.take(_indices(restoration.absent))
        restoring = [
            (np.full(len(keys), op, dtype=np.uint8), as_column(keys), values.draw(len(keys)))
            for op, keys in ((DEL, absent), (PUT, present))
            if len(keys)
        ]
        pieces.append(Piece(restoring=restoring, operations=operations.columns()))
    return pieces


class _Values:
    """Values for restored keys: those of the sample's own puts, drawn at random."""

    def __init__(self, pieces: Sequence[Operations], seed: int) -> None:
        import pyarrow as pa

        self._all: ArrowArray = pa.concat_arrays([piece.values for piece in pieces])
        self._puts = np.flatnonzero(np.concatenate([piece.ops for piece in pieces]) == PUT)
        self._chance = np.random.default_rng(seed)

    def draw(self, count: int) -> Any:
        # Keys are restored only where puts told of presence, or none was ever put.
        rows = self._puts if len(self._puts) else np.arange(len(self._all))
        return as_column(self._all.take(_indices(self._chance.choice(rows, count))))


def _indices(rows: Any) -> ArrowArray:
    import pyarrow as pa

    return pa.array(rows, type=pa.int64())


class NativeLap:
    """Runs laps on native tables.

    Parameters
    ----------
    machinery : Machinery
        Makes tables.
    pieces : sequence of Piece
        The sample.
    types : TableTypes
        The types of the tables.
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
        pieces: Sequence[Piece],
        types: TableTypes,
        adaptive: AdaptiveSettings,
        noise: NoiseMeter,
        is_stopped: Callable[[], bool],
    ) -> None:
        self._machinery = machinery
        self._pieces = pieces
        self._types = types
        self._adaptive = adaptive
        self._noise = noise
        self._is_stopped = is_stopped
        self._least_feed_ns = [math.inf] * len(pieces)

    def __call__(self, engine: str, *, seed: int) -> Lap:
        """Run an engine over the sample once.

        Parameters
        ----------
        engine : str
            The engine.
        seed : int
            Of the table's hash.

        Returns
        -------
        Lap
            What it took.

        Raises
        ------
        InterruptedRunError
            If it was stopped.
        """
        table = self._machinery.new_table(
            engine=engine,
            key=self._types.key,
            value=self._types.value,
            seed=seed,
            adaptive=self._adaptive,
        )
        driver = self._machinery.new_driver(
            table,
            sample_every=_SAMPLE_EVERY,
            rate=0.0,
            verify=False,
            max_line_bytes=_MAX_LINE_BYTES,
            should_stop=self._is_stopped,
        )
        spans = [self._run_piece(driver, number) for number in range(len(self._pieces))]
        return _lap(spans, list(driver.pauses()), table)

    def _run_piece(self, driver: Driver, number: int) -> _Span:
        piece = self._pieces[number]
        for columns in piece.restoring:
            self._run(driver, columns)
        before = driver.counters()
        begin_ns = self._machinery.steady_now_ns()
        cpu_ns = self._run(driver, piece.operations)
        end_ns = self._machinery.steady_now_ns()
        after = driver.counters()
        least = min(self._least_feed_ns[number], after["parse_ns"] - before["parse_ns"])
        self._least_feed_ns[number] = least
        execute_ns = after["execute_ns"] - before["execute_ns"]
        return _Span(begin_ns=begin_ns, end_ns=end_ns, map_ns=min(execute_ns, cpu_ns - least))

    def _run(self, driver: Driver, columns: tuple[Any, Any, Any]) -> int:
        """Run operations and return the CPU time that they took, in nanoseconds."""
        driver.feed_columns(*columns)
        begin_ns = time.thread_time_ns()
        is_done = False
        while not is_done:
            if self._is_stopped():
                raise InterruptedRunError("interrupted before the race was over")
            with self._noise.executing():
                is_done = driver.advance(_BUDGET_NS)
        return time.thread_time_ns() - begin_ns


@dataclass(frozen=True, kw_only=True)
class _Span:
    """When a piece ran, by the native clock, and how long it was in the map (ns)."""

    begin_ns: int
    end_ns: int
    map_ns: float


def _lap(spans: Sequence[_Span], pauses: Sequence[tuple[int, int, str]], table: Table) -> Lap:
    stats = table.stats(1)
    return Lap(
        piece_ns=[max(0.0, span.map_ns) for span in spans],
        growths=[Growth(ns=float(ns), piece=_piece_at(at_ns, spans)) for at_ns, ns, _ in pauses],
        entries=stats.size,
        memory_bytes=stats.memory_bytes,
    )


def _piece_at(at_ns: int, spans: Sequence[_Span]) -> int | None:
    number = bisect.bisect_right([span.begin_ns for span in spans], at_ns) - 1
    return number if number >= 0 and at_ns < spans[number].end_ns else None
