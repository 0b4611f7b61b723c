"""Whether a record batch holds what it announces.

``RecordBatch.validate(full=True)`` tells, one string at a time, and takes as long as the rest of
reading. Columns of the usual types are looked at as a whole instead: offsets that never fall, bytes
that are all ASCII, indices within their dictionary. Where that look is not enough to be sure, Arrow
has the last word.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from adhash.workloads.arrow_buffers import nulls_of, numbers_of, offsets_of

# The stubs of pyarrow do not tell the types of arrays apart.
ArrowArray = Any

_ASCII_BELOW = 128
# A dictionary is looked at again with every batch.
_SMALL_DICTIONARY = 1024


def require_sound(batch: pa.RecordBatch) -> None:
    """Refuse a batch that is damaged: offsets, lengths, text and counts of nulls are checked.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        Any.

    Raises
    ------
    pyarrow.ArrowInvalid
        If it is.
    """
    batch.validate()  # that buffers are there, and long enough for the rows
    for column in batch.columns:
        if not is_surely_sound(column):
            column.validate(full=True)


def is_surely_sound(column: ArrowArray) -> bool:
    """Return whether a column is sound, as far as a look at the whole of it tells.

    Parameters
    ----------
    column : pyarrow.Array
        Of a batch whose ``validate()`` has passed.

    Returns
    -------
    bool
        False may also mean that it takes a closer look to tell.
    """
    kind = column.type
    if column.null_count and np.count_nonzero(nulls_of(column)) != column.null_count:
        return False
    if pa.types.is_dictionary(kind):
        return _has_sound_indices(column)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _has_sound_strings(column, is_text=True)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _has_sound_strings(column, is_text=False)
    return pa.types.is_integer(kind)


def _has_sound_indices(column: ArrowArray) -> bool:
    if len(column.dictionary) > _SMALL_DICTIONARY or column.null_count:
        return False
    if not is_surely_sound(column.dictionary):
        return False
    indices = numbers_of(column.indices)
    return not len(indices) or bool(indices.min() >= 0 and indices.max() < len(column.dictionary))


def _has_sound_strings(column: ArrowArray, *, is_text: bool) -> bool:
    if not len(column):  # an empty slice may have buffers that are damaged
        return False
    data = np.frombuffer(column.buffers()[2] or b"", dtype=np.uint8)
    offsets = offsets_of(column)
    is_inside = offsets[0] >= 0 and offsets[-1] <= len(data)
    if not is_inside or (offsets[1:] < offsets[:-1]).any():
        return False
    text = data[offsets[0] : offsets[-1]]
    return not is_text or not len(text) or bool(text.max() < _ASCII_BELOW)
