"""Which key an operation takes: by a distribution, or as in a queue.

Deletes need what came before, yet no loop runs over rows: cumulative sums stand for the state of
the map at every row of a batch.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from adhash.workloads.seeded import SeededStream

Ops = npt.NDArray[np.uint8]
Ranks = npt.NDArray[np.int64]

_GET, _PUT, _DEL = 0, 1, 2
# A delete takes one of this many latest puts: enough to be no neighbour, little enough to keep.
_REMEMBERED_PUTS = 1 << 18


class MixedOperations:
    """Gets and puts take keys by a distribution, deletes a key of a recent put.

    Parameters
    ----------
    draw : callable
        Returns so many ranks.
    stream : SeededStream
        The source of randomness.
    has_puts : bool
        Whether there are puts at all; if not, deletes draw keys like gets.
    """

    def __init__(
        self, draw: Callable[[int], Ranks], stream: SeededStream, *, has_puts: bool
    ) -> None:
        self._draw = draw
        self._stream = stream
        self._has_puts = has_puts
        self._puts = np.empty(0, dtype=np.int64)

    def next(self, ops: Ops, *, preload: int) -> tuple[Ops, Ranks]:
        """Return the operations and ranks of the next rows.

        Parameters
        ----------
        ops : ndarray of uint8, shape (n,)
            The operations wished for.
        preload : int
            The first so many rows continue the preload.

        Returns
        -------
        tuple of (ndarray of uint8, ndarray of int64)
            The operations, with gets for deletes that have nothing to delete, and the ranks.
        """
        ranks = self._draw(len(ops))
        ranks[:preload] = np.arange(self._preloaded, self._preloaded + preload)
        self._preloaded += preload
        if not (self._has_puts or self._preloaded):
            return ops, ranks
        known = np.concatenate([self._puts, ranks[ops == _PUT]])
        puts_before = len(self._puts) + np.cumsum(ops == _PUT)
        deletes = np.flatnonzero(ops == _DEL)
        back = self._stream.doubles(len(deletes))
        available = puts_before[deletes]
        chosen = available - 1 - (back * np.minimum(available, _REMEMBERED_PUTS)).astype(np.int64)
        is_possible = available > 0
        ops[deletes[~is_possible]] = _GET
        ranks[deletes[is_possible]] = known[chosen[is_possible]]
        self._puts = known[-_REMEMBERED_PUTS:]
        return ops, ranks

    _preloaded = 0


class QueuedOperations:
    """Puts bring keys in order, deletes take the oldest, gets walk over what is there.

    Parameters
    ----------
    keys : int
        The size of the key space; behind its end it starts again.
    """

    def __init__(self, keys: int) -> None:
        self._keys = keys
        self._puts = 0
        self._deletes = 0
        self._gets = 0

    def next(self, ops: Ops, *, preload: int) -> tuple[Ops, Ranks]:  # noqa: ARG002
        """Return the operations and ranks of the next rows; see `MixedOperations.next`.

        Parameters
        ----------
        ops : ndarray of uint8, shape (n,)
            The operations wished for.
        preload : int
            Not needed: puts come in order anyway.

        Returns
        -------
        tuple of (ndarray of uint8, ndarray of int64)
            The operations, with gets for deletes of an empty queue, and the ranks.
        """
        ops[self._finds_nothing(ops)] = _GET
        puts = self._puts + np.cumsum(ops == _PUT)
        deletes = self._deletes + np.cumsum(ops == _DEL)
        gets = self._gets + np.cumsum(ops == _GET)
        live = puts - deletes
        walked = np.where(live > 0, deletes + gets % np.maximum(live, 1), gets)
        ranks = np.select([ops == _PUT, ops == _DEL], [puts - 1, deletes - 1], walked)
        self._puts, self._deletes, self._gets = int(puts[-1]), int(deletes[-1]), int(gets[-1])
        return ops, ranks % self._keys

    def _finds_nothing(self, ops: Ops) -> npt.NDArray[np.bool_]:
        """Return where a delete meets an empty queue.

        The length of a queue that cannot fall below 0 is the free walk minus its running minimum
        (where that is negative): a delete at which the minimum falls had nothing to take.
        """
        step = (ops == _PUT).astype(np.int64) - (ops == _DEL)
        walk = self._puts - self._deletes + np.cumsum(step)
        lowest = np.minimum(np.minimum.accumulate(walk), 0)
        return np.diff(lowest, prepend=0) < 0
