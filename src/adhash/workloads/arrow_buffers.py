"""Arrow arrays as numpy arrays over the same memory, and the other way round.

Arrow's own ``to_numpy``, ``array`` and ``scalar`` import pandas where that is installed: it takes
longer than reading a trace of ten million rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

# The stubs of pyarrow do not tell the types of arrays apart.
ArrowArray = Any


def numbers_of(array: ArrowArray) -> npt.NDArray[Any]:
    """Return the numbers of an array; what a null has in its place is of no meaning.

    Parameters
    ----------
    array : pyarrow.Array
        Of integers of any width.

    Returns
    -------
    ndarray, shape (n,)
        Read-only, over the memory of the array.
    """
    dtype = np.dtype(str(array.type))
    data = array.buffers()[1]
    if data is None or not len(array):
        return np.zeros(len(array), dtype=dtype)
    return np.frombuffer(data, dtype=dtype, count=len(array), offset=array.offset * dtype.itemsize)


def offsets_of(array: ArrowArray) -> npt.NDArray[Any]:
    """Return where the strings of an array begin and end among its bytes.

    Parameters
    ----------
    array : pyarrow.Array
        Of strings or binary of variable length; `Array.validate` has found its buffers long enough.

    Returns
    -------
    ndarray of int32 or int64, shape (n + 1,)
        Read-only, over the memory of the array; a single 0 where there is no string.
    """
    is_large = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    dtype = np.dtype(np.int64 if is_large else np.int32)
    offsets = array.buffers()[1]
    if offsets is None or not len(array):
        return np.zeros(1, dtype=dtype)
    # By their number: the buffer of a damaged file may end in the middle of another.
    return np.frombuffer(
        offsets, dtype=dtype, count=len(array) + 1, offset=array.offset * dtype.itemsize
    )


def array_of(numbers: npt.NDArray[Any]) -> ArrowArray:
    """Return numbers as an Arrow array over their memory."""
    data = np.ascontiguousarray(numbers)
    kind = pa.from_numpy_dtype(data.dtype)
    return pa.Array.from_buffers(kind, len(data), [None, pa.py_buffer(data.data)])


def flags_of(array: ArrowArray) -> npt.NDArray[np.bool_]:
    """Return the truths of an array of booleans; a null has none of meaning."""
    return _bits(array.buffers()[1], array.offset, len(array))


def nulls_of(array: ArrowArray) -> npt.NDArray[np.bool_]:
    """Return where an array is null."""
    if pa.types.is_null(array.type):
        return np.ones(len(array), dtype=bool)
    if not array.null_count:
        return np.zeros(len(array), dtype=bool)
    return ~_bits(array.buffers()[0], array.offset, len(array))


def are_valid_where(array: ArrowArray, expected: npt.NDArray[np.bool_]) -> bool:
    """Return whether an array is valid exactly where it is expected to be, and known to be so.

    Parameters
    ----------
    array : pyarrow.Array
        Any.
    expected : ndarray of bool, shape (n,)
        Where it shall be valid.

    Returns
    -------
    bool
        False may also mean that it takes a closer look to tell.
    """
    if pa.types.is_null(array.type):
        return not expected.any()
    validity = array.buffers()[0]
    if validity is None or array.offset % 8:
        return False
    whole = len(array) // 8
    first = array.offset // 8
    ours = np.frombuffer(validity, dtype=np.uint8)[first : first + whole]
    rest = nulls_of(array.slice(8 * whole)) == expected[8 * whole :]
    return bool(
        not rest.any()
        and np.array_equal(ours, np.packbits(expected[: 8 * whole], bitorder="little"))
    )


def _bits(buffer: Any, offset: int, count: int) -> npt.NDArray[np.bool_]:
    if buffer is None or not count:
        return np.zeros(count, dtype=bool)
    first = offset // 8
    data = np.frombuffer(buffer, dtype=np.uint8)[first : (offset + count + 7) // 8]
    start = offset - 8 * first
    return np.unpackbits(data, bitorder="little")[start : start + count].view(np.bool_)
