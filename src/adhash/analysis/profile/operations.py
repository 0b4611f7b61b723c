"""Operations of a trace in memory, to be cut, gathered and given to a replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from adhash.workloads.columns import Column, ColumnBlock

# The stubs of pyarrow do not tell arrays of different types apart.
ArrowArray: TypeAlias = Any

GET, PUT, DEL = 0, 1, 2


@dataclass(frozen=True, kw_only=True)
class Operations:
    """Some operations, in order.

    Parameters
    ----------
    ops : ndarray of uint8, shape (n,)
        0 get, 1 put, 2 del.
    keys : pyarrow.Array
        One key a row: int64, uint64 or large_binary.
    values : pyarrow.Array
        One value a row, int64 or large_binary; of no meaning where the operation is no put.
    """

    ops: NDArray[np.uint8]
    keys: ArrowArray
    values: ArrowArray

    @classmethod
    def of_block(cls, block: ColumnBlock) -> Operations:
        """Return the operations of a block of columns; bytes are not copied."""
        return cls(ops=block.ops, keys=_as_arrow(block.keys), values=_as_arrow(block.values))

    @classmethod
    def joined(cls, parts: Sequence[Operations]) -> Operations:
        """Return the operations of several parts, at least one, one after another."""
        import pyarrow as pa

        return cls(
            ops=np.concatenate([part.ops for part in parts]),
            keys=pa.concat_arrays([part.keys for part in parts]),
            values=pa.concat_arrays([part.values for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.ops)

    def cut(self, start: int, stop: int) -> Operations:
        """Return the operations [start, stop)."""
        return Operations(
            ops=self.ops[start:stop],
            keys=self.keys.slice(start, stop - start),
            values=self.values.slice(start, stop - start),
        )

    def columns(self) -> tuple[NDArray[np.uint8], Column, Column]:
        """Return ops, keys and values as the native replay takes them."""
        return np.ascontiguousarray(self.ops), as_column(self.keys), as_column(self.values)


def _as_arrow(column: Column) -> ArrowArray:
    import pyarrow as pa

    if not isinstance(column, tuple):
        return pa.array(column)
    offsets, data = column
    views: list[Any] = [offsets, data]
    buffers = [None, *map(pa.py_buffer, views)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)


def as_column(array: ArrowArray) -> Column:
    """Return an array without nulls as the native replay takes it."""
    import pyarrow as pa

    if pa.types.is_integer(array.type):
        numbers: NDArray[Any] = array.to_numpy(zero_copy_only=True)
        return numbers
    _, offsets_buffer, data_buffer = array.buffers()
    offsets = np.frombuffer(offsets_buffer, dtype=np.int64)
    offsets = offsets[array.offset : array.offset + len(array) + 1]
    data = np.frombuffer(data_buffer or b"", dtype=np.uint8)[offsets[0] : offsets[-1]]
    return offsets - offsets[0], data
