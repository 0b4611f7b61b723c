"""What a trace does to its table, piece by piece: what a forecast is made of.

Counts are those of the whole trace: what the pieces show, by the rows that they stand for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adhash.analysis.calibration.classes import (
    INLINE_KEY_BYTES,
    INLINE_VALUE_BYTES,
    KEY_BYTES,
    VALUE_BYTES,
    Class,
)
from adhash.analysis.profile.history import History, Outcome
from adhash.analysis.profile.operations import PUT, ArrowArray, Operations, as_column
from adhash.analysis.profile.sample import Sample

_Floats = NDArray[np.float64]

# Where a table fills within a piece, operations meet it a little more than half full on average.
_MEAN_FILL = 0.6


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
    keys, values : mapping of Class to Share
        The kinds of keys, over all operations, and of values, over the puts.
    """

    counts: Mapping[str, _Floats]
    entries: _Floats
    peak: float
    keys: Mapping[Class, Share]
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
        keys=_shares([piece.keys for piece in sample.pieces], INLINE_KEY_BYTES, KEY_BYTES),
        values=_value_shares(sample.pieces),
    )


def _value_shares(pieces: Sequence[Operations]) -> Mapping[Class, Share]:
    columns = []
    for piece in pieces:
        puts = np.flatnonzero(piece.ops == PUT)
        columns.append(
            piece.values if len(puts) in (0, len(piece)) else piece.values.take(_pa(puts))
        )
    return _shares(columns, INLINE_VALUE_BYTES, VALUE_BYTES)


def _pa(rows: NDArray[np.int64]) -> ArrowArray:
    import pyarrow as pa

    return pa.array(rows)


def _shares(
    columns: Sequence[ArrowArray], inline_bytes: int, usual: Mapping[Class, int]
) -> Mapping[Class, Share]:
    plain = [as_column(column) for column in columns]
    if not isinstance(plain[0], tuple):
        return {"word": Share(part=1.0, mean_bytes=usual["word"])}
    lengths = np.concatenate([np.diff(column[0]) for column in plain])
    is_long = lengths > inline_bytes
    kinds: tuple[tuple[Class, NDArray[np.bool_]], ...] = (("inline", ~is_long), ("long", is_long))
    return {
        kind: Share(part=float(of_kind.mean()), mean_bytes=float(lengths[of_kind].mean()))
        for kind, of_kind in kinds
        if of_kind.any()
    }
