"""The operations of a piece, sorted by key: what is known before each, and what each looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adhash.analysis.profile.operations import DEL, GET, PUT, Operations

UNKNOWN, ABSENT, PRESENT = -1, 0, 1

#: How many signs there are: the operation on a key is a del, a put, a get with a put next, with
#: another operation next, or with none.
SIGNS = 5
DEL_SIGN = 0


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a piece begins: rows of the trace before it, and rows of earlier pieces."""

    at: float
    shown: int


def places_of(pieces: Sequence[Operations], weights: Sequence[float]) -> list[Place]:
    """Return where pieces begin whose rows stand for `weights` rows of the trace each."""
    places = []
    passed, shown = 0.0, 0
    for weight, piece in zip(weights, pieces, strict=True):
        # In the middle of what it stands for; but the first is at the beginning.
        at = passed + (weight - 1) * len(piece) / 2 if shown else 0.0
        places.append(Place(at=at, shown=shown))
        passed += weight * len(piece)
        shown += len(piece)
    return places


@dataclass(frozen=True, kw_only=True)
class Runs:
    """The operations of a piece, those on one key together and in order.

    A run is what happens to one key. `before` is what is known of the key before each operation
    from the run alone, `sign` what the operation looks like, `is_first` whether it begins a run.
    """

    ops: NDArray[np.uint8]
    ids: NDArray[np.int64]
    is_first: NDArray[np.bool_]
    before: NDArray[np.int8]
    sign: NDArray[np.int8]
    place: Place

    @property
    def is_start(self) -> bool:
        """Whether the table is empty before it."""
        return self.place.shown == 0

    @classmethod
    def of(cls, ops: NDArray[np.uint8], ids: NDArray[np.int64], place: Place) -> Runs:
        """Return the operations of a piece, keys told by their ids."""
        order = np.argsort(ids, kind="stable")
        ops, ids = ops[order], ids[order]
        is_first = np.ones(len(ids), dtype=np.bool_)
        is_first[1:] = ids[1:] != ids[:-1]
        before = _known_before(ops, is_first)
        if place.shown == 0:
            before[before == UNKNOWN] = ABSENT
        return cls(
            ops=ops,
            ids=ids,
            is_first=is_first,
            before=before,
            sign=_signs(ops, is_first),
            place=place,
        )


def _known_before(ops: NDArray[np.uint8], is_first: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Return the state that the last put or del of the same run left, where there is one."""
    at = np.arange(len(ops))
    changes = np.where(ops == GET, -1, at)
    last = np.full(len(ops), -1)
    last[1:] = np.maximum.accumulate(changes)[:-1] if len(ops) else []
    begins = np.maximum.accumulate(np.where(is_first, at, 0)) if len(ops) else at
    is_known = last >= begins
    state = np.where(ops[np.maximum(last, 0)] == PUT, PRESENT, ABSENT) if len(ops) else last
    return np.where(is_known, state, UNKNOWN).astype(np.int8)


def _signs(ops: NDArray[np.uint8], is_first: NDArray[np.bool_]) -> NDArray[np.int8]:
    has_next = np.zeros(len(ops), dtype=np.bool_)
    has_next[:-1] = ~is_first[1:]
    puts_next = np.zeros(len(ops), dtype=np.bool_)
    puts_next[:-1] = ops[1:] == PUT
    of_get = np.where(has_next, np.where(puts_next, 2, 3), 4)
    return np.where(ops == DEL, 0, np.where(ops == PUT, 1, of_get)).astype(np.int8)
