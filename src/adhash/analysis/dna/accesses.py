"""A block of rows as accesses to keys: who touched which key, and when that key was touched before.

Sorting the rows by key, stably, puts the accesses of a key next to each other in the order of
time. Whatever depends on the access before is then a look at the neighbour, and only the first
access of a key in the block asks what was remembered from the blocks before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from adhash.analysis.dna.key_table import KeyTable
from adhash.analysis.dna.tally import Weighing
from adhash.snapshots.columns import column_to_arrow
from adhash.workloads.columns import ColumnBlock


@dataclass(frozen=True, kw_only=True)
class BlockKeys:
    """The distinct keys of a block.

    Parameters
    ----------
    distinct : pyarrow array
        Each key once, of integers or large binary; at most 65,536.
    rows : ndarray of int64
        How many rows each has.
    codes : ndarray of uint16, shape (n,)
        For each row of the block, the place of its key in `distinct`.
    """

    distinct: pa.Array[Any]
    rows: NDArray[np.int64]
    codes: NDArray[np.uint16]


def keys_of_block(block: ColumnBlock, key_type: str) -> BlockKeys:
    """Return the distinct keys of a block.

    Parameters
    ----------
    block : ColumnBlock
        At most 65,536 operations.
    key_type : str
        ``"int64"``, ``"uint64"``, ``"str"`` or ``"bytes"``.

    Returns
    -------
    BlockKeys
        In the order of their first rows.
    """
    encoded: Any = column_to_arrow(
        block.keys, "bytes" if key_type == "str" else key_type
    ).dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.uint16)
    rows = np.bincount(codes, minlength=len(encoded.dictionary))
    return BlockKeys(distinct=encoded.dictionary, rows=rows, codes=codes)


@dataclass(frozen=True, kw_only=True)
class Accesses:
    """The rows of a block whose keys are followed, in two orders: by time and by key.

    Parameters
    ----------
    rows : ndarray of int64, shape (n,)
        The number of each row in the trace, from 0; ascending.
    ops : ndarray of uint8, shape (n,)
        0 get, 1 put, 2 del.
    keys : ndarray of int64, shape (n,)
        The number of each row's key.
    order : ndarray of int64, shape (n,)
        Places in the arrays above, by key and then by time.
    heads : ndarray of int64, shape (k,)
        Places in `order` where the accesses of a key begin.
    previous : ndarray of int64, shape (n,)
        The row of the access before to the same key; -1 where there was none.
    previous_place : ndarray of int64, shape (n,)
        Its place in this block; -1 where it was in an earlier one or there was none.
    weighing : Weighing
        What the rows count for.
    """

    rows: NDArray[np.int64]
    ops: NDArray[np.uint8]
    keys: NDArray[np.int64]
    order: NDArray[np.int64]
    heads: NDArray[np.int64]
    previous: NDArray[np.int64]
    previous_place: NDArray[np.int64]
    weighing: Weighing

    @property
    def tails(self) -> NDArray[np.int64]:
        """Places in `order` where the accesses of a key end; shape (k,)."""
        return np.append(self.heads[1:], len(self.order)) - 1

    @property
    def distinct(self) -> NDArray[np.int64]:
        """The keys in the order of `heads`; shape (k,)."""
        return self.keys[self.order[self.heads]]


def accesses_of(
    ops: NDArray[np.uint8], keys: BlockKeys, table: KeyTable, *, first_row: int
) -> Accesses:
    """Return the accesses of a block to the keys that are followed.

    Parameters
    ----------
    ops : ndarray of uint8, shape (n,)
        The operations of the block.
    keys : BlockKeys
        Its keys.
    table : KeyTable
        What is known of them; new ones are added, their rows are left to the caller.
    first_row : int
        The number of the block's first row in the trace.

    Returns
    -------
    Accesses
        In which `previous` is what `table` remembers.
    """
    numbers = table.numbers_of(keys.distinct)
    rows = first_row + np.arange(len(ops))
    codes = keys.codes
    if table.halvings:
        followed = numbers[codes] >= 0
        ops, rows, codes = ops[followed], rows[followed], codes[followed]
    # Sixteen bits at most: numpy sorts these by radix, in a few nanoseconds a row.
    order = np.argsort(codes, kind="stable")
    sorted_codes = codes[order]
    is_head = np.ones(len(order), dtype=np.bool_)
    is_head[1:] = sorted_codes[1:] != sorted_codes[:-1]
    heads = np.flatnonzero(is_head)
    previous_place = np.full(len(order), -1, dtype=np.int64)
    previous_place[order[1:]] = np.where(is_head[1:], -1, order[:-1])
    previous = rows[previous_place] if len(rows) else rows
    first_places = order[heads]
    distinct = numbers[codes[first_places]]
    previous[first_places] = table.last_rows[distinct]
    row_keys = numbers[codes]
    return Accesses(
        rows=rows,
        ops=ops,
        keys=row_keys,
        order=order,
        heads=heads,
        previous=previous,
        previous_place=previous_place,
        weighing=_weighing(table, row_keys),
    )


def _weighing(table: KeyTable, keys: NDArray[np.int64]) -> Weighing:
    if not table.halvings:
        return Weighing()
    return Weighing(weight=table.weight, groups=table.groups[keys])


def remember(accesses: Accesses, table: KeyTable) -> None:
    """Note in the table that the rows of a block have been.

    Parameters
    ----------
    accesses : Accesses
        The block.
    table : KeyTable
        The same that the accesses were made with.
    """
    distinct = accesses.distinct
    table.last_rows[distinct] = accesses.rows[accesses.order[accesses.tails]]
    table.rows[distinct] += np.diff(np.append(accesses.heads, len(accesses.order)))
