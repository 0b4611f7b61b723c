"""Traces for the tests of profiles, and what really happens in them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from adhash.analysis.profile.operations import Operations
from adhash.analysis.profile.sample import Drawing
from adhash.config_models import ReplaySettings
from adhash.progress import WorkCallback, ignore_work
from adhash.replay.machinery import NativeMachinery

Row = tuple[str, int, str]
_CODES = {"get": 0, "put": 1, "del": 2}


def read_through(rows: int, keys: int, *, seed: int = 5) -> list[Row]:
    """Return a cache: a get that misses is followed by a put; keys fall into favour and out."""
    chance = random.Random(seed)
    held: set[int] = set()
    trace: list[Row] = []
    while len(trace) < rows:
        key = len(trace) * keys // rows // 2 + chance.randrange(keys // 2)
        trace.append(("get", key, ""))
        if key not in held:
            held.add(key)
            trace.append(("put", key, str(len(trace))))
    return trace[:rows]


def churn(rows: int, live: int, *, seed: int = 5) -> list[Row]:
    """Return an allocator: numbers are put, kept for a while, and deleted; then used again."""
    chance = random.Random(seed)
    free = list(range(4 * live))
    held: list[int] = []
    trace: list[Row] = []
    for number in range(rows):
        if len(held) < live or (len(held) < 2 * live and number % 2):
            held.append(free.pop(chance.randrange(len(free))))
            trace.append(("put", held[-1], "1"))
        else:
            free.append(held.pop(chance.randrange(len(held))))
            trace.append(("del", free[-1], ""))
    return trace


def as_csv(rows: Iterable[Row]) -> str:
    """Return a trace as CSV."""
    return "op,key,value\n" + "".join(f"{op},{key},{value}\n" for op, key, value in rows)


def write_csv(path: Path, rows: Iterable[Row]) -> Path:
    """Write a trace as CSV."""
    path.write_text(as_csv(rows), encoding="utf-8")
    return path


def operations(rows: Sequence[Row]) -> Operations:
    """Return rows as operations with integer keys and values."""
    return Operations(
        ops=np.array([_CODES[op] for op, _, _ in rows], dtype=np.uint8),
        keys=pa.array([key for _, key, _ in rows], type=pa.int64()),
        values=pa.array([int(value or 0) for _, _, value in rows], type=pa.int64()),
    )


def pieces_of(rows: Sequence[Row], *, count: int, size: int) -> tuple[list[int], list[Operations]]:
    """Return where pieces of a trace begin, the first at its start, and the pieces."""
    starts = [round(n * (len(rows) - size) / (count - 1)) for n in range(count)]
    return starts, [operations(rows[start : start + size]) for start in starts]


def hits_of(rows: Sequence[Row], start: int, stop: int) -> int:
    """Return how many gets of rows [start, stop) hit, by running the trace from its beginning."""
    held: set[int] = set()
    hits = 0
    for number, (op, key, _) in enumerate(rows[:stop]):
        if op == "get":
            hits += number >= start and key in held
        elif op == "put":
            held.add(key)
        else:
            held.discard(key)
    return hits


def drawing(
    *,
    most_rows: int = 1_000,
    most_pieces: int = 10,
    progress: WorkCallback = ignore_work,
    is_cancelled: bool = False,
    **settings: object,
) -> Drawing:
    """Return how to draw a sample."""
    return Drawing(
        settings=ReplaySettings.model_validate(settings),
        most_rows=most_rows,
        most_pieces=most_pieces,
        machinery=NativeMachinery(),
        is_stopped=lambda: is_cancelled,
        progress=progress,
    )


def weights(pieces: Sequence[Operations], rows: int) -> list[float]:
    """Return the weights of even pieces of a trace of so many rows."""
    return [rows / sum(map(len, pieces))] * len(pieces)


def independent(rows: int, keys: int, *, seed: int = 5) -> list[Row]:
    """Return operations that do not care for what is there: 75 % get, 20 % put, 5 % del."""
    chance = random.Random(seed)
    ops = chance.choices(["get", "put", "del"], [75, 20, 5], k=rows)
    return [(op, chance.randrange(keys), "1" if op == "put" else "") for op in ops]
