"""The answer of a batch of look-ups, as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from adhash.maps.columns import TEXTS, VALUES, to_column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from adhash.snapshots import Column


class Lookup(NamedTuple):
    """Values and whether they were found, in the order of the keys.

    Parameters
    ----------
    values : ndarray or pyarrow array
        Numbers as an ndarray, where what is missing is the default or 0. Strings and bytes, and
        every answer to keys in an Arrow array, as an Arrow array, where what is missing is the
        default or null.
    found : ndarray of bool
        Which keys the map holds.
    """

    values: Any
    found: NDArray[np.bool_]


def to_lookup(
    column: Column, found: NDArray[np.bool_], *, value_type: str, default: Any, arrow: bool
) -> Lookup:
    """Return native answers in the form that fits the question.

    Parameters
    ----------
    column : ndarray or (offsets, data)
        The values; rows that were not found hold anything.
    found : ndarray of bool
        Which rows were found.
    value_type : str
        The value type of the map.
    default : object or None
        What takes the place of a missing value.
    arrow : bool
        Whether numbers are wanted as an Arrow array too.

    Returns
    -------
    Lookup
        Over the same memory where nothing is missing.

    Raises
    ------
    ValueTypeError, ValueRangeError
        If `default` is not of the value type.
    """
    if default is not None:
        filler = to_column([default], value_type, VALUES)
        default = filler[0] if not isinstance(filler, tuple) else default
    if isinstance(column, tuple) or arrow:
        return Lookup(_arrow_values(column, found, value_type, default), found)
    if not found.all():
        column = np.where(found, column, column.dtype.type(0 if default is None else default))
    return Lookup(column, found)


def _arrow_values(column: Column, found: NDArray[np.bool_], value_type: str, default: Any) -> Any:
    import pyarrow as pa

    from adhash.snapshots.columns import arrow_type

    validity = None if found.all() else pa.array(found).buffers()[1]
    parts = column if isinstance(column, tuple) else (np.ascontiguousarray(column),)
    buffers = [validity, *(pa.py_buffer(part.data) for part in parts)]
    array: Any = pa.Array.from_buffers(arrow_type(value_type), len(found), buffers)
    if default is None:
        return array
    scalar = default if value_type in TEXTS else default.item()
    return array.fill_null(pa.scalar(scalar, type=arrow_type(value_type)))
