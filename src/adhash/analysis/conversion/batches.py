"""Blocks of columns as record batches of a trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from adhash.errors import BadInputError
from adhash.replay.table_types import TableTypes
from adhash.workloads.columns import Column, ColumnBlock

if TYPE_CHECKING:
    from adhash.workloads.sources import TraceSource

_OP_NAMES = pa.array(["get", "put", "del"])
_PUT = 1
_KEY_TYPES = {
    "int64": pa.int64(),
    "uint64": pa.uint64(),
    "str": pa.large_string(),
    "bytes": pa.large_binary(),
}


@dataclass(frozen=True, kw_only=True)
class BatchMaker:
    """Makes record batches of one schema.

    Parameters
    ----------
    schema : pyarrow.Schema
        The columns op, key and value.
    name : str
        The trace as the user named it.
    """

    schema: pa.Schema
    name: str

    def batch(self, block: ColumnBlock) -> pa.RecordBatch:
        """Return a block as a record batch; the value is null where the operation is no put."""
        key, value = self.schema.field("key").type, self.schema.field("value").type
        columns = [
            pa.DictionaryArray.from_arrays(block.ops.view(np.int8), _OP_NAMES),
            self._keys(block.keys, key),
            _values(block.values, value, block.ops == _PUT),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _keys(self, keys: Column, kind: pa.DataType) -> Any:
        if not isinstance(keys, tuple):
            return pa.array(keys, kind)
        array = _strings(keys, kind, None)
        # Bytes that are asked for as text may be none.
        try:
            array.validate(full=True)
        except pa.ArrowInvalid as error:
            raise BadInputError(
                f"{self.name} has a key that is no UTF-8", hint="give --key-type bytes"
            ) from error
        return array


def batch_maker(source: TraceSource, types: TableTypes, *, as_text: bool) -> BatchMaker:
    """Return what makes record batches of a trace.

    Parameters
    ----------
    source : CsvSource, ColumnSource or ImportedSource
        The trace.
    types : TableTypes
        Of its keys and values.
    as_text : bool
        Whether every column must be text or numbers, as in CSV.

    Returns
    -------
    BatchMaker
        With the schema of the new trace.
    """
    is_binary = source.format in ("parquet", "arrow") and not source.has_text_values
    key_type = "str" if as_text and types.key == "bytes" else types.key
    value = pa.large_binary() if is_binary else pa.large_string()
    schema = pa.schema(
        [
            pa.field("op", pa.dictionary(pa.int8(), pa.string()), nullable=False),
            pa.field("key", _KEY_TYPES[key_type], nullable=False),
            pa.field("value", pa.int64() if types.value == "int64" else value),
        ]
    )
    return BatchMaker(schema=schema, name=source.name)


def _values(values: Column, kind: pa.DataType, is_put: np.ndarray) -> Any:
    if not isinstance(values, tuple):
        return pa.array(values, kind, mask=~is_put)
    if kind == pa.int64():  # those of CSV come as text
        return pc.cast(_strings(values, pa.large_string(), is_put), kind)
    return _strings(values, kind, is_put)


def _strings(column: Column, kind: pa.DataType, is_valid: np.ndarray | None) -> Any:
    offsets, data = column
    validity = None
    nulls = 0
    if is_valid is not None:
        validity = _buffer(np.packbits(is_valid, bitorder="little"))
        nulls = int(len(is_valid) - np.count_nonzero(is_valid))
    buffers = [validity, _buffer(offsets), _buffer(data)]
    return pa.Array.from_buffers(kind, len(offsets) - 1, buffers, null_count=nulls)


def _buffer(array: np.ndarray) -> pa.Buffer:
    return pa.py_buffer(np.ascontiguousarray(array).data)
