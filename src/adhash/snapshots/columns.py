"""Columns in the form the native tables speak, and the same columns as Arrow arrays.

A column of numbers is a one-dimensional array. A column of strings or bytes is a pair: `offsets`
(int64, shape (n+1,)) into `data` (uint8), row i being ``data[offsets[i]:offsets[i + 1]]``. That is
Arrow's own layout for large strings, so that crossing over copies nothing.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, get_args

import numpy as np
import pyarrow as pa

from adhash.errors import SnapshotError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    ArrowArray: TypeAlias = pa.Array[Any]

KeyType: TypeAlias = Literal["int64", "uint64", "str", "bytes"]
ValueType: TypeAlias = Literal["int64", "uint64", "float64", "str", "bytes"]
Column: TypeAlias = "NDArray[Any] | tuple[NDArray[np.int64], NDArray[np.uint8]]"

_ARROW_TYPES: dict[str, pa.DataType] = {
    "int64": pa.int64(),
    "uint64": pa.uint64(),
    "float64": pa.float64(),
    "str": pa.large_string(),
    "bytes": pa.large_binary(),
}
_NUMBERS = frozenset({"int64", "uint64", "float64"})
KEY_TYPES: frozenset[str] = frozenset(get_args(KeyType))


def arrow_type(type_name: str) -> pa.DataType:
    """Return the Arrow type that stores a key type or value type."""
    return _ARROW_TYPES[type_name]


def column_length(column: Column) -> int:
    """Return the number of rows of a column."""
    return len(column[0]) - 1 if isinstance(column, tuple) else len(column)


def column_to_arrow(column: Column, type_name: str) -> ArrowArray:
    """Return a column as an Arrow array over the same memory.

    Parameters
    ----------
    column : ndarray or (offsets, data)
        Numbers of exactly the dtype `type_name`, or int64 offsets and uint8 data.
    type_name : str
        ``"int64"``, ``"uint64"``, ``"float64"``, ``"str"`` or ``"bytes"``.

    Returns
    -------
    pyarrow.Array
        An array without nulls, of the type `arrow_type` names.

    Raises
    ------
    SnapshotError
        If the column's form or dtype is not that of `type_name`.
    """
    if not _fits(column, type_name):
        raise SnapshotError(
            f"a column of {type_name} cannot be made of {_describe(column)}",
            hint="give an array of that dtype, or (int64 offsets, uint8 data) for str and bytes",
        )
    if not isinstance(column, tuple):
        return pa.array(np.ascontiguousarray(column), type=_ARROW_TYPES[type_name])
    offsets, data = (np.ascontiguousarray(part) for part in column)
    buffers = [None, pa.py_buffer(offsets.data), pa.py_buffer(data.data)]
    return pa.Array.from_buffers(_ARROW_TYPES[type_name], len(offsets) - 1, buffers)


def _fits(column: Column, type_name: str) -> bool:
    if type_name in _NUMBERS:
        return not isinstance(column, tuple) and column.dtype == type_name
    if not isinstance(column, tuple) or len(column) != 2:
        return False
    offsets, data = column
    return offsets.dtype == np.int64 and data.dtype == np.uint8 and len(offsets) > 0


def _describe(column: Column) -> str:
    parts = column if isinstance(column, tuple) else (column,)
    return " and ".join(f"{len(part)} {part.dtype}" for part in parts)


def column_from_arrow(array: ArrowArray) -> Column:
    """Return an Arrow array as a column, over the same memory where it starts at offset zero.

    Parameters
    ----------
    array : pyarrow.Array
        Without nulls, of one of the types `arrow_type` names, and valid: the offsets of a
        string array are trusted.

    Returns
    -------
    ndarray or (offsets, data)
        Offsets start at zero and end at ``len(data)``.
    """
    if not (pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)):
        return array.to_numpy(zero_copy_only=True)
    if len(array) == 0:
        return np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.uint8)
    _, offsets_buffer, data_buffer = array.buffers()
    offsets = np.frombuffer(memoryview(cast("pa.Buffer", offsets_buffer)), dtype=np.int64)
    offsets = offsets[array.offset : array.offset + len(array) + 1]
    data = np.frombuffer(memoryview(data_buffer or b""), dtype=np.uint8)
    data = data[offsets[0] : offsets[-1]]
    return (offsets if offsets[0] == 0 else offsets - offsets[0]), data


def select_rows(column: Column, mask: NDArray[np.bool_]) -> Column:
    """Return the rows of a column that a mask chooses.

    Parameters
    ----------
    column : ndarray or (offsets, data)
        The rows.
    mask : ndarray of bool
        One for each row.

    Returns
    -------
    ndarray or (offsets, data)
        A copy; offsets start at zero.
    """
    if not isinstance(column, tuple):
        return column[mask]
    offsets, data = column
    lengths = np.diff(offsets)
    chosen = np.repeat(mask, lengths)
    kept = np.concatenate([[0], np.cumsum(lengths[mask])]).astype(np.int64)
    return kept, data[offsets[0] : offsets[-1]][chosen]


def column_slices(column: Column, rows: int) -> list[Column]:
    """Return a column cut into pieces of at most `rows` rows, over the same memory."""
    starts = range(0, column_length(column), rows)
    if not isinstance(column, tuple):
        return [column[start : start + rows] for start in starts]
    offsets, data = column
    return [(offsets[start : start + rows + 1], data) for start in starts]


def columns_checksum(*arrays: ArrowArray) -> int:
    """Return the CRC-32 of the rows of some arrays, whatever memory holds them."""
    crc = 0
    for array in arrays:
        column = column_from_arrow(array)
        for part in column if isinstance(column, tuple) else (column,):
            crc = zlib.crc32(np.ascontiguousarray(part).view(np.uint8).data, crc)
    return crc
