"""What a trace is like, counted with dicts and lists, to hold the analysis to; and its traces."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adhash.analysis.dna.trace_analysis import TraceAnalysis
from adhash.replay.table_types import TableTypes
from adhash.replay.trace_counts import KeyLimits, new_counter
from adhash.workloads.columns import ColumnBlock

Row = tuple[str, int]
CODES = {"get": 0, "put": 1, "del": 2}


@dataclass
class Model:
    """Everything counted in the plainest way there is."""

    outcomes: Counter[str] = field(default_factory=Counter)
    rows_of: Counter[int] = field(default_factory=Counter)
    live: set[int] = field(default_factory=set)
    ever_put: set[int] = field(default_factory=set)
    peak: int = 0
    distances: list[int | None] = field(default_factory=list)
    gaps: list[int | None] = field(default_factory=list)
    lifetimes: list[int] = field(default_factory=list)
    unread: int = 0
    early_gets: Counter[int] = field(default_factory=Counter)
    _inserted: dict[int, int] = field(default_factory=dict)
    _unread: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Model:
        """Count rows."""
        model = cls()
        stack: list[int] = []
        last: dict[int, int] = {}
        for number, (op, key) in enumerate(rows):
            answer = model.answer(op, key)
            model.outcomes[answer] += 1
            model.follow_entry(answer, key, number)
            model.rows_of[key] += 1
            model.peak = max(model.peak, len(model.live))
            model.gaps.append(number - last[key] if key in last else None)
            last[key] = number
            model.distances.append(stack.index(key) if key in stack else None)
            if key in stack:
                stack.remove(key)
            stack.insert(0, key)
        return model

    def answer(self, op: str, key: int) -> str:
        """Return what a map says to an operation, and do it."""
        if op == "get":
            if key in self.live:
                return "hit"
            return "miss deleted" if key in self.ever_put else "miss never put"
        if op == "del":
            found = key in self.live
            self.live.discard(key)
            return "delete found" if found else "delete missed"
        outcome = "update" if key in self.live else "insert again"
        if key not in self.ever_put:
            outcome = "insert first"
        self.live.add(key)
        self.ever_put.add(key)
        return outcome

    def follow_entry(self, answer: str, key: int, number: int) -> None:
        """Note what an answer means for the entry of a key."""
        if answer.startswith("insert"):
            self._inserted[key] = number
            self._unread.add(key)
        elif answer == "hit":
            self._unread.discard(key)
        elif answer == "miss never put":
            self.early_gets[key] += 1
        elif answer == "delete found":
            self.lifetimes.append(number - self._inserted.pop(key))
            self.unread += key in self._unread

    def entropy_bits(self) -> float:
        """Return the entropy of the keys of the rows."""
        total = self.rows_of.total()
        return -sum(n / total * math.log2(n / total) for n in self.rows_of.values())


def block_of(rows: Sequence[Row]) -> ColumnBlock:
    """Return rows as a block of columns with integer keys; the value of a put is its key."""
    keys = np.array([key for _, key in rows], dtype=np.int64)
    ops = np.array([CODES[op] for op, _ in rows], dtype=np.uint8)
    return ColumnBlock(ops=ops, keys=keys, values=np.where(ops == 1, keys, 0))


def blocks_of(rows: Sequence[Row], size: int) -> Iterator[ColumnBlock]:
    """Yield rows as blocks of so many."""
    for start in range(0, len(rows), size):
        yield block_of(rows[start : start + size])


def analysed(
    rows: Sequence[Row],
    *,
    block_rows: int = 65_536,
    max_keys: int = 1_000_000,
    sketch_keys: int = 65_536,
) -> TraceAnalysis:
    """Return the analysis of rows, given to it in blocks."""
    return _counted(blocks_of(rows, block_rows), max_keys=max_keys, sketch_keys=sketch_keys)


def analyse_columns(
    ops: NDArray[Any], keys: NDArray[np.int64], *, max_keys: int = 1_000_000
) -> TraceAnalysis:
    """Return the analysis of operations that lie in arrays already."""
    block = ColumnBlock(ops=ops.astype(np.uint8), keys=keys, values=np.zeros(len(keys), np.int64))
    return _counted([block], max_keys=max_keys, sketch_keys=65_536)


def _counted(blocks: Iterable[ColumnBlock], *, max_keys: int, sketch_keys: int) -> TraceAnalysis:
    counter = new_counter(
        TableTypes(key="int64", value="int64"),
        KeyLimits(max_keys=max_keys, max_key_bytes=1 << 30, sketch_keys=sketch_keys),
    )
    for block in blocks:
        counter.feed_columns(block.ops, block.keys, block.values)
        while not counter.advance(1_000_000_000):
            pass
    counter.finish()
    return TraceAnalysis(counter, "int64")


def zipf_rows(
    count: int, *, keys: int, exponent: float, seed: int, dels: float = 0.05
) -> list[Row]:
    """Return operations on keys drawn from a Zipf distribution, shuffled over the integers."""
    chance = np.random.default_rng(seed)
    weights = np.arange(1, keys + 1) ** -exponent
    ranks = chance.choice(keys, count, p=weights / weights.sum())
    names = chance.permutation(10 * keys)[:keys]
    ops = chance.choice(["get", "put", "del"], count, p=[0.7 - dels, 0.3, dels])
    return list(zip(ops.tolist(), names[ranks].tolist(), strict=True))
