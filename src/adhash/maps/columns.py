"""What callers give as keys or values, made into the columns that native tables take.

Arrays, Arrow data and sequences of Python objects come in; a column of exactly the map's type goes
out, or an error that names the first item that does not fit. Nothing is ever rounded, wrapped or
truncated on the way.
"""

from __future__ import annotations

import numbers
import operator
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from adhash.errors import BadInputError, KeyTypeError, ValueTypeError
from adhash.maps.errors import KeyRangeError, ValueRangeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from adhash.snapshots import Column

TEXTS: Final[dict[str, type]] = {"str": str, "bytes": bytes}


@dataclass(frozen=True, kw_only=True)
class Role:
    """Whether items are keys or values, which decides how a refusal is called."""

    noun: str
    type_error: type[BadInputError]
    range_error: type[BadInputError]

    def wrong_type(self, type_name: str, found: str, *, hint: str = "") -> BadInputError:
        """Return the error for items that are not of the map's type."""
        return self.type_error(f"each {self.noun} must be {type_name}; got {found}", hint=hint)

    def out_of_range(self, type_name: str, value: object) -> BadInputError:
        """Return the error for a number that the map's type cannot hold."""
        low, high = number_range(type_name)
        return self.range_error(f"{self.noun} must be in [{low}, {high}]; got {value}")


KEYS: Final = Role(noun="key", type_error=KeyTypeError, range_error=KeyRangeError)
VALUES: Final = Role(noun="value", type_error=ValueTypeError, range_error=ValueRangeError)


def number_range(type_name: str) -> tuple[float, float]:
    """Return the least and the greatest number a type holds; integers where it holds those."""
    if type_name == "float64":
        return float(np.finfo(np.float64).min), float(np.finfo(np.float64).max)
    info = np.iinfo(type_name)
    return int(info.min), int(info.max)


def is_arrow(items: object) -> bool:
    """Return whether items are a pyarrow array, without importing pyarrow to find out."""
    pyarrow = sys.modules.get("pyarrow")
    # While another thread imports pyarrow it has no such names yet, and nobody such arrays.
    kinds = (getattr(pyarrow, name, None) for name in ("Array", "ChunkedArray"))
    return any(kind is not None and isinstance(items, kind) for kind in kinds)


def equal_columns(ours: Column, theirs: Column) -> bool:
    """Return whether two columns of one type hold equal rows in the same order."""
    if not isinstance(ours, tuple) or not isinstance(theirs, tuple):
        return bool(np.array_equal(cast("Any", ours), cast("Any", theirs)))
    (our_offsets, our_data), (their_offsets, their_data) = ours, theirs
    return np.array_equal(np.diff(our_offsets), np.diff(their_offsets)) and np.array_equal(
        our_data[our_offsets[0] : our_offsets[-1]],
        their_data[their_offsets[0] : their_offsets[-1]],
    )


def to_column(items: Any, type_name: str, role: Role) -> Column:
    """Return items as a column of a type.

    Parameters
    ----------
    items : ndarray, Arrow array, or iterable
        One-dimensional and without nulls. Integers of any dtype are taken where every one of them
        fits; Arrow data is taken over without copying where its layout allows.
    type_name : str
        The key type or value type of the map.
    role : Role
        Whether these are keys or values.

    Returns
    -------
    ndarray or (offsets, data)
        In the order of `items`.

    Raises
    ------
    KeyTypeError, ValueTypeError
        If an item is of another type or null.
    KeyRangeError, ValueRangeError
        If a number does not fit the type.
    """
    if isinstance(items, (str, bytes, bytearray)) or not isinstance(items, Iterable):
        raise role.wrong_type(
            type_name,
            f"a single {type(items).__name__} where many were expected",
            hint=f"give a list or an array of {role.noun}s",
        )
    if type_name in TEXTS:
        return _text_column(items, type_name, role)
    return _number_column(items, type_name, role)


# --- numbers -----------------------------------------------------------------------------------


def _number_column(items: Any, type_name: str, role: Role) -> NDArray[Any]:
    if is_arrow(items):
        items = _arrow_without_nulls(items, type_name, role).to_numpy(zero_copy_only=False)
    if not hasattr(items, "__array__"):
        return _numbers_from_objects(list(items), type_name, role)
    array = np.asarray(items)
    if array.ndim != 1:
        raise role.wrong_type(type_name, f"an array of {array.ndim} dimensions")
    if array.dtype == object:
        return _numbers_from_objects(array.tolist(), type_name, role)
    return _fit_array(array, type_name, role)


def _fit_array(array: NDArray[Any], type_name: str, role: Role) -> NDArray[Any]:
    target = np.dtype(type_name)
    if array.size == 0:
        return np.empty(0, dtype=target)
    if array.dtype.kind not in ("iu" if target.kind in "iu" else "iuf"):
        raise role.wrong_type(type_name, f"an array of {array.dtype}")
    if target.kind in "iu" and not np.can_cast(array.dtype, target, casting="safe"):
        low, high = number_range(type_name)
        for extreme in (int(array.min()), int(array.max())):
            if not low <= extreme <= high:
                raise role.out_of_range(type_name, extreme)
    return np.ascontiguousarray(array, dtype=target)


def _numbers_from_objects(rows: list[Any], type_name: str, role: Role) -> NDArray[Any]:
    exact = {int} if type_name != "float64" else {int, float}
    if not set(map(type, rows)) <= exact:
        rows = [_as_number(row, type_name, role) for row in rows]
    if type_name != "float64" and rows:
        low, high = number_range(type_name)
        for extreme in (min(rows), max(rows)):
            if not low <= extreme <= high:
                raise role.out_of_range(type_name, extreme)
    try:
        return np.array(rows, dtype=type_name)
    except OverflowError:  # an integer beyond the greatest float
        greatest = max(rows, key=lambda row: abs(row) if isinstance(row, int) else 0)
        raise role.out_of_range(type_name, greatest) from None


def _as_number(row: Any, type_name: str, role: Role) -> int | float:
    if type_name == "float64":
        if isinstance(row, numbers.Real):
            return float(row)
    elif hasattr(row, "__index__"):
        return operator.index(row)
    raise role.wrong_type(type_name, f"{row!r:.60} ({type(row).__name__})")


# --- strings and bytes -------------------------------------------------------------------------


def _text_column(items: Any, type_name: str, role: Role) -> Column:
    if is_arrow(items):
        return _text_from_arrow(items, type_name, role)
    if hasattr(items, "__arrow_c_stream__"):
        import pyarrow as pa

        return _text_from_arrow(pa.chunked_array(items), type_name, role)
    return _text_from_objects(_as_list(items, type_name, role), type_name, role)


def _as_list(items: Any, type_name: str, role: Role) -> list[Any]:
    if not hasattr(items, "__array__"):
        return list(items)
    array = np.asarray(items)
    if array.ndim != 1:
        raise role.wrong_type(type_name, f"an array of {array.ndim} dimensions")
    return cast("list[Any]", array.tolist())


def _text_from_objects(rows: list[Any], type_name: str, role: Role) -> Column:
    expected = TEXTS[type_name]
    if not set(map(type, rows)) <= {expected}:
        for row in rows:
            if not isinstance(row, expected):
                raise role.wrong_type(type_name, f"{row!r:.60} ({type(row).__name__})")
    encoded = rows if type_name == "bytes" else [_encode(row, role) for row in rows]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), out=offsets[1:])
    return offsets, np.frombuffer(b"".join(encoded), dtype=np.uint8)


def _encode(text: str, role: Role) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise role.wrong_type(
            "str",
            f"{text!r:.60}, which has a lone surrogate and so no UTF-8",
            hint="use a map of bytes, and encode with errors='surrogatepass'",
        ) from error


def _text_from_arrow(items: Any, type_name: str, role: Role) -> Column:
    import pyarrow as pa

    from adhash.snapshots.columns import arrow_type, column_from_arrow

    array = _arrow_without_nulls(items, type_name, role)
    # Cast before chunks are joined: 32-bit offsets overflow where together they pass 2 GiB.
    array = array.cast(arrow_type(type_name))
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks == 1 else array.combine_chunks()
    return column_from_arrow(array)


def _arrow_without_nulls(items: Any, type_name: str, role: Role) -> Any:
    import pyarrow as pa

    if pa.types.is_dictionary(items.type):
        items = items.cast(items.type.value_type)
    if items.null_count:
        raise role.wrong_type(
            type_name,
            f"{items.null_count} nulls in an Arrow array of {len(items)}",
            hint="take them out with pyarrow.compute.drop_null",
        )
    if not _holds(items.type, type_name) and len(items):
        raise role.wrong_type(
            type_name, f"an Arrow array of {items.type}", hint="cast it where that is meant"
        )
    return items if len(items) else pa.array([], type=_empty_type(type_name))


def _holds(arrow: Any, type_name: str) -> bool:
    """Return whether an Arrow type is of a kind that a map's type takes."""
    from pyarrow import types

    if type_name == "str":
        return types.is_string(arrow) or types.is_large_string(arrow) or "string_view" in str(arrow)
    if type_name == "bytes":
        return any(kind in str(arrow) for kind in ("binary", "binary_view"))
    if type_name == "float64" and types.is_floating(arrow):
        return True
    return bool(types.is_integer(arrow))


def _empty_type(type_name: str) -> Any:
    from adhash.snapshots.columns import arrow_type

    return arrow_type(type_name)
