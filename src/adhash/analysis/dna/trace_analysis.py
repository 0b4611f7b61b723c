"""One pass over a trace: everything that is counted, block by block, in bounded memory."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from adhash.analysis.dna.accesses import BlockKeys, accesses_of, keys_of_block, remember
from adhash.analysis.dna.heavy_hitters import HeavyHitters
from adhash.analysis.dna.integer_order import IntegerOrder
from adhash.analysis.dna.key_table import KeyTable
from adhash.analysis.dna.lengths import LengthCounter, lengths_of
from adhash.analysis.dna.outcomes import PUT, OutcomeCounter
from adhash.analysis.dna.popularity import (
    Popularity,
    popularity_of_all,
    popularity_of_sample,
)
from adhash.analysis.dna.reuse import ReuseCounter
from adhash.analysis.dna.working_set import WorkingSet
from adhash.snapshots.columns import column_from_arrow
from adhash.workloads.columns import ColumnBlock

# Keys that the sketch holds once not all keys can be followed: its counts are off by less than one
# in so many rows.
SKETCH_KEYS = 65_536
# A key of the sketch is taken for counted if its count is off by 1 % at most.
_WELL_KNOWN = 50
_OPS = 3


class TraceAnalysis:
    """What a trace is like, as far as it was read.

    Parameters
    ----------
    key_type : str
        ``"int64"``, ``"uint64"``, ``"str"`` or ``"bytes"``.
    max_keys : int
        The most distinct keys to follow, but for those of one block.
    max_key_bytes : int
        The most bytes of distinct keys to hold, but for those of one block.
    sketch_keys : int
        How many keys the sketch of the hottest ones holds, where not all can be followed.
    """

    def __init__(
        self,
        key_type: str,
        *,
        max_keys: int,
        max_key_bytes: int,
        sketch_keys: int = SKETCH_KEYS,
    ) -> None:
        self.key_type = key_type
        self.table = KeyTable(key_type, max_keys=max_keys, max_bytes=max_key_bytes)
        self.rows = 0
        self.exact_rows = 0
        self.ops: NDArray[np.int64] = np.zeros(_OPS, dtype=np.int64)
        self.key_lengths = LengthCounter()
        self.value_lengths = LengthCounter()
        self.integers = IntegerOrder() if key_type in ("int64", "uint64") else None
        self.outcomes = OutcomeCounter()
        self.reuse = ReuseCounter()
        self.working_set = WorkingSet()
        self.sketch: HeavyHitters | None = None
        self._sketch_keys = sketch_keys
        self._max_key_bytes = max_key_bytes

    @property
    def is_exact(self) -> bool:
        """Whether every key is followed."""
        return self.table.halvings == 0

    def add(self, block: ColumnBlock, keys: BlockKeys | None = None) -> None:
        """Count the operations of a block.

        Parameters
        ----------
        block : ColumnBlock
            At most 65,536 operations, at least one.
        keys : BlockKeys or None
            What `keys_of_block` says of it, where another thread has asked already.
        """
        keys = keys or keys_of_block(block, self.key_type)
        self._add_what_needs_no_history(block, keys)
        self._add_what_follows_keys(block.ops, keys)
        self.rows += len(block)
        if self.is_exact:
            self.exact_rows = self.rows
        if self.table.is_too_large():
            self._follow_fewer_keys()

    def _add_what_needs_no_history(self, block: ColumnBlock, keys: BlockKeys) -> None:
        self.ops += np.bincount(block.ops, minlength=_OPS)
        self.working_set.count_rows(block.ops)
        self.key_lengths.add(lengths_of(column_from_arrow(keys.distinct)), keys.rows)
        self.value_lengths.add(_of_puts(lengths_of(block.values), block.ops))
        if self.integers is not None and not isinstance(block.keys, tuple):
            self.integers.add(block.keys)
        if self.sketch is not None:
            self.sketch.add(keys.distinct, keys.rows)

    def _add_what_follows_keys(self, ops: NDArray[np.uint8], keys: BlockKeys) -> None:
        accesses = accesses_of(ops, keys, self.table, first_row=self.rows)
        if len(accesses.rows):
            self.outcomes.add(accesses, self.table)
            self.reuse.add(accesses)
            self.working_set.add(accesses)
            remember(accesses, self.table)

    def _follow_fewer_keys(self) -> None:
        if self.sketch is None:
            self.sketch = _sketch_of(
                self.table, capacity=self._sketch_keys, max_bytes=self._max_key_bytes
            )
        while self.table.is_too_large():
            self.table.halve()
        self.reuse.forget(self.table.last_rows)

    def popularity(self) -> Popularity:
        """Return how rows are spread over keys."""
        table = self.table
        if self.sketch is None:
            return popularity_of_all(table.rows, rows=self.rows)
        keys, counted = self.sketch.at_least(_WELL_KNOWN * self.sketch.error)
        drawn = np.ones(table.size, dtype=np.bool_)
        drawn[table.numbers_held(keys)] = False
        return popularity_of_sample(
            table.rows[drawn],
            table.groups[drawn],
            counted,
            weight=table.weight,
            rows=self.rows,
            counted_error=self.sketch.error,
        )


def _of_puts(lengths: NDArray[np.int64], ops: NDArray[np.uint8]) -> NDArray[np.int64]:
    return np.asarray(lengths[ops == PUT])


def _sketch_of(table: KeyTable, *, capacity: int, max_bytes: int) -> HeavyHitters:
    """Return the sketch of all that was counted so far, which is exact before its first cut."""
    cut = 0
    if table.size > capacity:
        cut = int(np.partition(table.rows, -capacity - 1)[-capacity - 1])
    keys, rows = [], []
    for some, numbers in table.entries():
        counts = table.rows[numbers] - cut
        keys.append(some.filter(pa.array(counts > 0)))
        rows.append(counts[counts > 0])
    return HeavyHitters(
        pa.concat_arrays(keys),
        np.concatenate(rows),
        capacity=capacity,
        max_bytes=max_bytes,
        error=cut,
    )
