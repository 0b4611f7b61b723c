"""Rows of an Arrow record batch as the columns that the native replay takes.

Everything is checked here, a batch at a time and without a loop over rows: the native code may
then trust what it is given. That batches are sound is part of that, because offsets in a damaged
file may point anywhere.

Columns of the usual types are taken without `pyarrow.compute`, which takes as long to load as half
a million rows to read.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from adhash.errors import TraceError
from adhash.workloads.arrow_buffers import are_valid_where, nulls_of, numbers_of, offsets_of
from adhash.workloads.sound_columns import require_sound

KeyType = Literal["int64", "uint64", "str", "bytes"]
ValueType = Literal["int64", "bytes"]

#: 64-bit integers of shape (n,), or a pair (offsets int64 (n+1,), data uint8) of byte strings.
Column: TypeAlias = npt.NDArray[Any] | tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]

# The stubs of pyarrow do not tell a dictionary array from a string array.
ArrowArray: TypeAlias = Any

_OP_CODES = {"get": 0, "put": 1, "del": 2}
_OUR_OPS = list(_OP_CODES)
_UNKNOWN = 255
_PUT = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class ColumnBlock:
    """Some operations of a trace, in order.

    Parameters
    ----------
    ops : ndarray of uint8, shape (n,)
        0 get, 1 put, 2 del.
    keys : Column
        One key a row.
    values : Column
        One value a row; of no meaning where the operation is no put.
    """

    ops: npt.NDArray[np.uint8]
    keys: Column
    values: Column

    def __len__(self) -> int:
        return len(self.ops)


def key_type_of(arrow_type: pa.DataType, file: str) -> KeyType:
    """Return the key type that a column's type stands for.

    Parameters
    ----------
    arrow_type : pyarrow.DataType
        The type of the column; a dictionary stands for its values.
    file : str
        The trace as the user named it.

    Returns
    -------
    str
        The key type.

    Raises
    ------
    TraceError
        Where keys cannot be of this type.
    """
    plain = _plain(arrow_type)
    if pa.types.is_integer(plain):
        return "uint64" if plain == pa.uint64() else "int64"
    if pa.types.is_string(plain) or pa.types.is_large_string(plain):
        return "str"
    if _is_bytes(plain):
        return "bytes"
    raise _wrong_type(file, "key", arrow_type, "integers, strings or binary")


def value_type_of(arrow_type: pa.DataType, file: str) -> ValueType:
    """Return the value type that a column's type stands for; see `key_type_of`.

    Parameters
    ----------
    arrow_type : pyarrow.DataType
        The type of the column; a dictionary stands for its values.
    file : str
        The trace as the user named it.

    Returns
    -------
    str
        The value type.

    Raises
    ------
    TraceError
        Where values cannot be of this type.
    """
    plain = _plain(arrow_type)
    if pa.types.is_integer(plain) or pa.types.is_null(plain):
        return "int64"
    if pa.types.is_string(plain) or pa.types.is_large_string(plain) or _is_bytes(plain):
        return "bytes"
    raise _wrong_type(file, "value", arrow_type, "integers, strings or binary")


def is_text(arrow_type: pa.DataType) -> bool:
    """Return whether a column is of strings, or of a dictionary of strings."""
    plain = _plain(arrow_type)
    return pa.types.is_string(plain) or pa.types.is_large_string(plain)


def check_schema(schema: pa.Schema, file: str) -> None:
    """Refuse a table that is no trace.

    Parameters
    ----------
    schema : pyarrow.Schema
        The schema of the file; columns beyond op, key and value are not read.
    file : str
        The trace as the user named it.

    Raises
    ------
    TraceError
        Where a column is missing, there twice, or of a type that cannot be replayed.
    """
    for name in ("op", "key", "value"):
        if schema.names.count(name) != 1:
            raise TraceError(
                f"{file} has no single column {name!r}; its columns are {schema.names}",
                hint="a trace has the columns op, key and value",
                file=file,
                value=name,
            )
    op_type = _plain(schema.field("op").type)
    if not (pa.types.is_string(op_type) or pa.types.is_large_string(op_type)):
        raise _wrong_type(file, "op", schema.field("op").type, "strings: get, put or del")
    key_type_of(schema.field("key").type, file)
    value_type_of(schema.field("value").type, file)


class BatchReader:
    """Turns record batches of one file, in order, into `ColumnBlock` objects.

    Parameters
    ----------
    file : str
        The trace as the user named it.
    key_type : {"int64", "uint64", "str", "bytes"}
        The type to hand keys out as; integers may be asked for as strings.
    """

    def __init__(self, *, file: str, key_type: KeyType) -> None:
        self._file = file
        self._key_type = key_type
        self._rows = 0

    def read(self, batch: pa.RecordBatch) -> ColumnBlock:
        """Return the operations of a batch.

        Parameters
        ----------
        batch : pyarrow.RecordBatch
            Rows with the columns op, key and value.

        Returns
        -------
        ColumnBlock
            As many operations as the batch has rows.

        Raises
        ------
        TraceError
            Where a row is no operation, with the row's number in the file.
        """
        batch = batch.select(["op", "key", "value"])
        try:
            require_sound(batch)
        except pa.ArrowInvalid as error:
            raise TraceError(
                f"{self._file} is damaged between rows {self._rows + 1} and "
                f"{self._rows + len(batch)}: {error}",
                hint="write the trace again",
                file=self._file,
            ) from error
        ops = self._ops(batch.column("op"))
        block = ColumnBlock(
            ops=ops,
            keys=self._keys(batch.column("key")),
            values=self._values(batch.column("value"), is_put=ops == _PUT),
        )
        self._rows += len(batch)
        return block

    def _ops(self, column: ArrowArray) -> npt.NDArray[np.uint8]:
        self._refuse_nulls(column, "op")
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        names = column.dictionary.to_pylist()
        if names == _OUR_OPS and column.indices.type == pa.int8():
            # As adhash writes them, and validated: the indices are the codes.
            return numbers_of(column.indices).view(np.uint8)
        codes = [_OP_CODES.get((name or "").lower(), _UNKNOWN) for name in names]
        indices = numbers_of(column.indices)
        ops: npt.NDArray[np.uint8] = np.array([*codes, _UNKNOWN], dtype=np.uint8)[indices]
        unknown = ops == _UNKNOWN
        if unknown.any():
            at = int(unknown.argmax())
            self._refuse(at, f"has the op {names[indices[at]]!r}", "an op is get, put or del")
        return ops

    def _keys(self, column: ArrowArray) -> Column:
        column = _decoded(column)
        self._refuse_nulls(column, "key")
        if pa.types.is_integer(column.type):
            return self._int_keys(column)
        if self._key_type in ("int64", "uint64"):
            self._refuse(
                0, f"has a key of type {column.type}", f"give --key-type str, not {self._key_type}"
            )
        return self._byte_keys(column)

    def _int_keys(self, column: ArrowArray) -> Column:
        if self._key_type in ("str", "bytes"):
            return self._byte_keys(column.cast(pa.large_string()))
        return self._integers(
            column, "key", pa.int64() if self._key_type == "int64" else pa.uint64()
        )

    def _byte_keys(self, column: ArrowArray) -> Column:
        offsets, data = byte_strings(column)
        empty = offsets[1:] == offsets[:-1]
        if empty.any():
            self._refuse(int(empty.argmax()), "has an empty key", "give every row a key")
        return offsets, data

    def _values(self, column: ArrowArray, *, is_put: npt.NDArray[np.bool_]) -> Column:
        column = _decoded(column)
        is_number = pa.types.is_integer(column.type)
        if not are_valid_where(column, is_put):
            self._require_values_of_puts(column, is_put, is_number=is_number)
        if pa.types.is_null(column.type):
            return np.zeros(len(column), dtype=np.int64)
        if is_number:
            return self._integers(column, "value", pa.int64())
        return byte_strings(column)

    def _require_values_of_puts(
        self, column: ArrowArray, is_put: npt.NDArray[np.bool_], *, is_number: bool
    ) -> None:
        is_null = nulls_of(column)
        self._refuse_where(is_put & is_null, "is a put without a value", "give every put a value")
        has_value = ~is_null
        if not is_number and not pa.types.is_null(column.type):
            # An empty string is as good as null: the CSV reader of pyarrow knows no difference.
            offsets, _ = byte_strings(column)
            has_value &= offsets[1:] != offsets[:-1]
        self._refuse_where(~is_put & has_value, "has a value but is no put", _NO_VALUE)

    def _integers(self, column: ArrowArray, name: str, target: pa.DataType) -> Column:
        integers = numbers_of(column)
        wanted = np.dtype(str(target))
        if np.can_cast(integers.dtype, wanted):
            return integers.astype(wanted, copy=False)
        try:
            # The cast looks at every number but those that are null.
            integers = numbers_of(column.cast(target))
        except pa.ArrowInvalid:
            self._refuse_out_of_range(column, name, target)
        return integers

    def _refuse_out_of_range(self, column: ArrowArray, name: str, target: pa.DataType) -> NoReturn:
        limits = np.iinfo(str(target))
        for row, value in enumerate(column.to_pylist()):
            if value is not None and not limits.min <= value <= limits.max:
                what = f"has the {name} {value}, which is no {target}"
                self._refuse(row, what, f"keep {name}s in [{limits.min}, {limits.max}]")
        raise AssertionError

    def _refuse_nulls(self, column: ArrowArray, name: str) -> None:
        if column.null_count:
            self._refuse_where(nulls_of(column), f"has no {name}", f"give every row a {name}")

    def _refuse_where(self, rows: npt.NDArray[np.bool_], what: str, remedy: str) -> None:
        if rows.any():
            self._refuse(int(rows.argmax()), what, remedy)

    def _refuse(self, row: int, what: str, remedy: str) -> NoReturn:
        number = self._rows + row + 1
        raise TraceError(
            f"{self._file}: row {number} {what}", hint=remedy, file=self._file, line=number
        )


_NO_VALUE = "leave value null on get and del"


def _plain(arrow_type: pa.DataType) -> pa.DataType:
    if isinstance(arrow_type, pa.DictionaryType):
        value_type: pa.DataType = arrow_type.value_type
        return value_type
    return arrow_type


def _is_bytes(arrow_type: pa.DataType) -> bool:
    return (
        pa.types.is_binary(arrow_type)
        or pa.types.is_large_binary(arrow_type)
        or pa.types.is_fixed_size_binary(arrow_type)
    )


def _decoded(column: ArrowArray) -> ArrowArray:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def byte_strings(
    column: ArrowArray,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Return strings as offsets that start at 0 and the bytes they cut; bytes are not copied.

    Parameters
    ----------
    column : pyarrow.Array
        Strings or binary of any width.

    Returns
    -------
    tuple of (ndarray of int64, shape (n + 1,); ndarray of uint8)
        The offsets and the bytes.
    """
    if pa.types.is_fixed_size_binary(column.type):
        column = column.cast(pa.binary())
    offsets = offsets_of(column).astype(np.int64, copy=False)
    data = np.frombuffer(column.buffers()[2] or b"", dtype=np.uint8)[offsets[0] : offsets[-1]]
    return (offsets - offsets[0] if offsets[0] else offsets), data


def _wrong_type(file: str, name: str, found: pa.DataType, wanted: str) -> TraceError:
    return TraceError(
        f"{file}: the column {name!r} is of type {found}",
        hint=f"make it {wanted}",
        file=file,
        value=str(found),
    )
