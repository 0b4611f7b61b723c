"""What a trace does to its table, piece by piece: what a forecast is made of.

Counts are those of the whole trace: what the pieces show, by the rows that they stand for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from adhash.analysis.calibration.classes import (
    INLINE_KEY_BYTES,
    INLINE_VALUE_BYTES,
    KEY_BYTES,
    VALUE_BYTES,
    Class,
    Column,
    KeyClass,
)
from adhash.analysis.profile.history import History, Outcome
from adhash.analysis.profile.operations import PUT, ArrowArray, Operations, as_column
from adhash.analysis.profile.sample import Sample

_Floats = NDArray[np.float64]

# Where a table fills within a piece, operations meet it a little more than half full on average.
_MEAN_FILL = 0.6
# Keys are called dense where so much of the range that they lie in is keys. One in so many at
# either end is not looked at, and fewer keys tell nothing.
_LEAST_DENSITY = 0.5
_FAR_OFF = 20
_LEAST_DENSE = 64


@dataclass(frozen=True, kw_only=True)
class Share:
    """How many of the keys, or values, are of one kind, and how long those are.

    Parameters
    ----------
    part : float
        Of all, in (0, 1].
    mean_bytes : float
        Their mean length in bytes.
    """

    part: float
    mean_bytes: float


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What a trace does to its table.

    Parameters
    ----------
    counts : mapping of str to ndarray of float64, shape (pieces,)
        Of each operation of the cost model, for the part of the trace that a piece stands for.
    entries : ndarray of float64, shape (pieces,)
        In the table meanwhile.
    peak : float
        The most entries.
    keys : mapping of KeyClass to Share
    values : mapping of Class to Share
        The kinds of keys, over all operations, and of values, over the puts.
    """

    counts: Mapping[str, _Floats]
    entries: _Floats
    peak: float
    keys: Mapping[KeyClass, Share]
    values: Mapping[Class, Share]

    def scaled(self, factor: float) -> Traffic:
        """Return the traffic of a trace like this one, so many times as long."""
        return replace(
            self,
            counts={name: counts * factor for name, counts in self.counts.items()},
            entries=self.entries * factor,
            peak=self.peak * factor,
        )


def traffic_of(sample: Sample, history: History) -> Traffic:
    """Return the traffic of the trace that a sample was drawn from."""
    weights = np.array(sample.weights)

    def total(count: Callable[[Outcome], int]) -> _Floats:
        own: _Floats = weights * np.array([count(each) for each in history.outcomes], dtype=float)
        return own

    net = total(lambda each: each.inserts - each.deletes)
    behind = np.maximum(np.cumsum(net), 0.0)
    before = np.concatenate([[0.0], behind[:-1]])
    peak = max(float(behind.max()), float(history.live))
    return Traffic(
        counts={
            "hit": total(lambda each: each.hits),
            # A del that finds nothing is a look-up that misses.
            "miss": total(lambda each: each.gets - each.hits + each.dels - each.deletes),
            "update": total(lambda each: each.puts - each.inserts),
            "delete": total(lambda each: each.deletes),
            "insert": total(lambda each: each.inserts),
        },
        entries=np.maximum(before + _MEAN_FILL * (behind - before), 1.0),
        peak=max(peak, 1.0),
        keys=_key_shares(sample.pieces, history.dictionary, entries=peak),
        values=_value_shares(sample.pieces),
    )


def _key_shares(
    pieces: Sequence[Operations], distinct: ArrowArray, *, entries: float
) -> Mapping[KeyClass, Share]:
    seen = as_column(distinct)
    if isinstance(seen, tuple):
        return dict(_byte_shares([as_column(piece.keys) for piece in pieces], INLINE_KEY_BYTES))
    kind: KeyClass = "dense" if is_dense(seen, entries=entries) else "word"
    return {kind: Share(part=1.0, mean_bytes=KEY_BYTES[kind])}


def is_dense(keys: NDArray[Any], *, entries: float) -> bool:
    """Return whether keys that are numbers lie close together, by a sample of them.

    Parameters
    ----------
    keys : ndarray of int64 or uint64
        The keys that were seen, in any order and number.
    entries : float
        How many of them the table holds at most, about.

    Returns
    -------
    bool
        Whether at least half of the numbers between them are keys, what lies far off left out.
        False also for keys that come and go, such as those of a queue, where the table only ever
        holds a few of the range.
    """
    own = np.unique(keys)
    if len(own) < _LEAST_DENSE:
        return False
    out = len(own) // _FAR_OFF
    span = int(own[-1 - out]) - int(own[out])
    return entries * (1 - 2 / _FAR_OFF) >= _LEAST_DENSITY * span


def _value_shares(pieces: Sequence[Operations]) -> Mapping[Class, Share]:
    columns = []
    for piece in pieces:
        puts = np.flatnonzero(piece.ops == PUT)
        columns.append(
            piece.values if len(puts) in (0, len(piece)) else piece.values.take(_pa(puts))
        )
    plain = [as_column(column) for column in columns]
    if not isinstance(plain[0], tuple):
        return {"word": Share(part=1.0, mean_bytes=VALUE_BYTES["word"])}
    return dict(_byte_shares(plain, INLINE_VALUE_BYTES))


def _pa(rows: NDArray[np.int64]) -> ArrowArray:
    import pyarrow as pa

    return pa.array(rows)


def _byte_shares(
    columns: Sequence[Column], inline_bytes: int
) -> Iterator[tuple[Literal["inline", "long"], Share]]:
    lengths = np.concatenate([np.diff(column[0]) for column in columns])
    is_long = lengths > inline_bytes
    if not is_long.all():
        yield "inline", _share(lengths, ~is_long)
    if is_long.any():
        yield "long", _share(lengths, is_long)


def _share(lengths: NDArray[np.int64], is_meant: NDArray[np.bool_]) -> Share:
    return Share(part=float(is_meant.mean()), mean_bytes=float(lengths[is_meant].mean()))
