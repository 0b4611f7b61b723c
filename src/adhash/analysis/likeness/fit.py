"""Fitting a generator to a trace: from rows to objects, their lives, gaps and patterns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from adhash.analysis.likeness.chains import chains_of
from adhash.analysis.likeness.reading import Ints, TraceRows
from adhash.workloads.fitted_trace import (
    CELLS,
    DELETED,
    FIRST_PUT,
    LAST,
    LIVE,
    MOST_OPS,
    NEVER_PUT,
    PATTERNS,
    STATES,
    TABLE,
    FittedTrace,
    state_after,
)
from adhash.workloads.seeded import SeededStream

_MOST_SHAPES = 2048
_WINDOW_ROWS = 1 << 16
# How fast the clock runs where keys are seen for the first time.
_FIRST_VISIT = 1 / 16
_LAST_PART = 4  # new keys are expected to come as in the last quarter of the trace


@dataclass(frozen=True, kw_only=True)
class _Visits:
    """Visits of keys or of objects, in the order of time: where, whom, what."""

    rows: Ints
    whom: Ints
    patterns: npt.NDArray[np.uint8]


def fit_trace(rows: TraceRows, *, seed: int) -> FittedTrace:
    """Return what is kept of a trace to make others like it.

    Parameters
    ----------
    rows : TraceRows
        The trace.
    seed : int
        Of the draw of gaps, where a class has very many.

    Returns
    -------
    FittedTrace
        For `adhash.workloads.fitted_generator`.
    """
    stream = SeededStream(seed, 20)
    of_keys = _visits_of_keys(rows)
    keys = len(rows.values_of_keys) or len(rows.key_lengths)
    is_integer = len(rows.values_of_keys) > 0
    chains = chains_of(rows, of_keys.whom, of_keys.patterns, keys)
    visits = _of_heads(of_keys, chains.is_head)
    # Objects are numbered by their first visit.
    heads, begins = np.unique(visits.whom, return_index=True)
    heads = heads[np.argsort(begins, kind="stable")]
    number = np.full(keys, -1, dtype=np.int64)
    number[heads] = np.arange(len(heads))
    visits = _Visits(rows=visits.rows, whom=number[visits.whom], patterns=visits.patterns)
    clock = _clock(rows, of_keys)
    order = np.argsort(visits.whom, kind="stable")
    lives = _Lives(visits, order, len(heads), clock)
    gap_groups, shapes, bounds = _gaps(lives, stream)
    op_groups, patterns = _patterns(lives)
    return FittedTrace(
        rows=len(rows.ops),
        key_type=rows.key_type,
        value_type=rows.value_type,
        first=lives.first,
        last=lives.last,
        windows=clock[np.unique([*range(0, len(rows.ops), _WINDOW_ROWS), len(rows.ops)])],
        visits=lives.counts,
        sizes=chains.sizes[heads],
        gap_groups=gap_groups,
        op_groups=op_groups,
        first_put=lives.first_put,
        begins=chains.begins[heads],
        integers=rows.values_of_keys[chains.members] if is_integer else rows.values_of_keys,
        lengths=rows.key_lengths if is_integer else rows.key_lengths[chains.members],
        gap_shapes=shapes,
        gap_bounds=bounds,
        patterns=patterns,
        value_lengths=_sample(rows.value_lengths, TABLE, stream),
        new_share=_new_share(lives, chains.sizes[heads], len(rows.ops)),
    )


def _visits_of_keys(rows: TraceRows) -> _Visits:
    """Return runs of rows with the same key, cut behind the most operations of a pattern."""
    keys = rows.keys
    place = np.arange(len(keys))
    is_new = np.ones(len(keys), dtype=np.bool_)
    is_new[1:] = keys[1:] != keys[:-1]
    in_run = place - np.maximum.accumulate(np.where(is_new, place, 0))
    starts = np.flatnonzero(in_run % MOST_OPS == 0)
    ends = np.append(starts[1:], len(keys))
    patterns = np.zeros(len(starts), dtype=np.int64)
    for step in range(MOST_OPS):
        has = starts + step < ends
        patterns[has] |= (rows.ops[starts[has] + step].astype(np.int64) + 1) << (2 * step)
    return _Visits(
        rows=starts, whom=keys[starts].astype(np.int64), patterns=patterns.astype(np.uint8)
    )


def _clock(rows: TraceRows, visits: _Visits) -> npt.NDArray[np.float64]:
    """Return the time of each row and of the end: rows of first visits take a fraction."""
    _, first = np.unique(visits.whom, return_index=True)
    takes = np.ones(len(visits.rows))
    takes[first] = _FIRST_VISIT
    per_row = np.repeat(takes, np.diff(np.append(visits.rows, len(rows.ops))))
    return np.concatenate([[0.0], np.cumsum(per_row)])


def _of_heads(visits: _Visits, is_head: npt.NDArray[np.bool_]) -> _Visits:
    kept = is_head[visits.whom]
    return _Visits(rows=visits.rows[kept], whom=visits.whom[kept], patterns=visits.patterns[kept])


class _Lives:
    """Visits by object and then by time, and what they say of each object."""

    def __init__(
        self, visits: _Visits, order: Ints, objects: int, clock: npt.NDArray[np.float64]
    ) -> None:
        self.whom = visits.whom[order]
        self.rows = visits.rows[order]
        self.times = clock[self.rows]
        self.patterns = visits.patterns[order]
        self.counts = np.bincount(self.whom, minlength=objects)
        begins = np.cumsum(self.counts) - self.counts
        self.is_first = np.zeros(len(order), dtype=np.bool_)
        self.is_first[begins] = True
        self.first_rows = self.rows[begins]
        self.first = self.times[begins]
        self.last = self.times[begins + self.counts - 1]
        self.after = _states(self.patterns, begins, self.whom)
        self.before = np.where(self.is_first, NEVER_PUT, np.roll(self.after, 1))
        ends = begins + self.counts - 1
        self.is_last = np.zeros(len(order), dtype=np.bool_)
        self.is_last[ends] = True
        self.final = self.after[ends]
        self.is_first_put = (self.before == NEVER_PUT) & (self.after != NEVER_PUT)
        self.first_put = self.counts.copy()
        at = np.flatnonzero(self.is_first_put)
        self.first_put[self.whom[at]] = at - begins[self.whom[at]]


def _states(patterns: npt.NDArray[np.uint8], begins: Ints, whom: Ints) -> npt.NDArray[np.uint8]:
    """Return the state of the key after each visit; visits stand by object and by time."""
    codes = np.arange(PATTERNS, dtype=np.uint8)
    from_never = state_after(codes, NEVER_PUT)
    # What decides is the last visit with a put or a del: from live, gets change nothing.
    from_live = state_after(codes, LIVE)
    has_put = from_never != NEVER_PUT
    decides = (has_put | (from_live != LIVE))[patterns]
    decides[begins] = True
    latest = np.maximum.accumulate(np.where(decides, np.arange(len(patterns)), 0))
    puts = np.cumsum(has_put[patterns])
    was_put = puts > (puts[begins] - has_put[patterns[begins]])[whom]
    states = np.where(has_put[patterns[latest]], from_never[patterns[latest]], DELETED)
    return np.where(was_put, states, NEVER_PUT).astype(np.uint8)


def _bucket(numbers: npt.NDArray[Any]) -> Ints:
    return np.asarray(np.log2(np.maximum(numbers, 1)).astype(np.int64))


def _gaps(lives: _Lives, stream: SeededStream) -> tuple[Ints, npt.NDArray[np.float64], Ints]:
    """Return the class of each object, and the shapes of gaps by class and state."""
    life = lives.last - lives.first
    mean = life / np.maximum(lives.counts - 1, 1)
    group = _bucket(lives.counts) * 64 + _bucket(mean)
    names, groups = np.unique(group, return_inverse=True)
    goes_on = np.flatnonzero(~lives.is_first)
    whom = lives.whom[goes_on]
    shapes = (lives.times[goes_on] - lives.times[goes_on - 1]) / np.maximum(mean[whom], 1e-9)
    cell = groups[whom] * STATES + lives.after[goes_on - 1]
    # Shuffled, so that the first ones of each class are a sample of it.
    order = np.argsort(stream.words(len(cell)))
    order = order[np.argsort(cell[order], kind="stable")]
    counts = np.bincount(cell, minlength=len(names) * STATES)
    begins = np.cumsum(counts) - counts
    kept = np.arange(len(order)) - begins[cell[order]] < _MOST_SHAPES
    bounds = np.concatenate([[0], np.cumsum(np.minimum(counts, _MOST_SHAPES))])
    kept_shapes = shapes[order[kept]]
    return groups, kept_shapes if len(kept_shapes) else np.ones(1), bounds


def _patterns(lives: _Lives) -> tuple[Ints, npt.NDArray[np.uint8]]:
    """Return the class of each object, and what its visits do by class and cell."""
    group = _bucket(lives.counts) * STATES + lives.final
    names, groups = np.unique(group, return_inverse=True)
    cell = np.where(lives.is_first_put, FIRST_PUT, lives.before) + LAST * lives.is_last
    cell = groups[lives.whom] * CELLS + cell
    cells = len(names) * CELLS
    seen = np.bincount(cell * PATTERNS + lives.patterns, minlength=cells * PATTERNS)
    by_cell = seen.reshape(len(names), CELLS, PATTERNS).astype(np.float64)
    # A cell that was never seen takes what the class does in that state elsewhere, or at all.
    for at, number in np.argwhere(by_cell.sum(axis=2) == 0):
        other = by_cell[at, number % LAST]
        by_cell[at, number] = other if other.any() else by_cell[at].sum(axis=0)
    shares = np.cumsum(by_cell.reshape(cells, PATTERNS), axis=1)
    shares /= shares[:, -1:]
    points = (np.arange(TABLE) + 0.5) / TABLE
    table = np.stack([np.searchsorted(row, points, side="right") for row in shares])
    cut = np.minimum(table, PATTERNS - 1).astype(np.uint8)
    return groups.astype(np.int64), cut.reshape(len(names), CELLS, TABLE)


def _sample(numbers: Ints, count: int, stream: SeededStream) -> Ints:
    if not len(numbers):
        return np.ones(1, dtype=np.int64)
    if len(numbers) <= count:
        return numbers.astype(np.int64)
    return numbers[stream.below(len(numbers), count)].astype(np.int64)


def _new_share(lives: _Lives, sizes: Ints, rows: int) -> float:
    """Return how many of the keys would be new if the trace went on as long again."""
    is_late = lives.first_rows >= rows - rows // _LAST_PART
    return min(1.0, _LAST_PART * float(sizes[is_late].sum()) / float(sizes.sum()))
