"""The operations of a trace as arrays: which key, which operation, how long the value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from adhash.cancellation import CancelToken
from adhash.config_sources import load_settings
from adhash.maps import Map
from adhash.replay.checked_columns import CheckedColumns, open_checked_columns
from adhash.replay.table_types import MisfitError, TableTypes
from adhash.snapshots.columns import column_to_arrow

if TYPE_CHECKING:
    from adhash.workloads.columns import ColumnBlock

Ints = npt.NDArray[np.int64]
Watch = Callable[[int, int | None], None]

_PUT = 1


@dataclass(frozen=True, kw_only=True)
class TraceRows:
    """The first rows of a trace.

    Parameters
    ----------
    ops : ndarray of uint8, shape (n,)
        0 get, 1 put, 2 del.
    keys : ndarray of int32, shape (n,)
        The number of each row's key, by first appearance.
    key_type, value_type : str
        Of the trace.
    values_of_keys : ndarray of int64 or uint64, shape (m,)
        Integer keys themselves; empty for strings.
    key_lengths : ndarray of int64, shape (m,)
        Of strings, in bytes; empty for integers.
    value_lengths : ndarray of int64, shape (puts,)
        In bytes of text.
    is_whole : bool
        Whether these are all rows.
    """

    ops: npt.NDArray[np.uint8]
    keys: npt.NDArray[np.int32]
    key_type: str
    value_type: str
    values_of_keys: npt.NDArray[Any]
    key_lengths: Ints
    value_lengths: Ints
    is_whole: bool


def read_rows(
    trace: str, *, key_type: str | None, most_rows: int, cancel: CancelToken, watch: Watch,
    environ: Mapping[str, str],
) -> TraceRows:  # fmt: skip
    """Read a trace, or its beginning.

    Parameters
    ----------
    trace : str
        Its name.
    key_type : str or None
        What its keys are; found out where None.
    most_rows : int
        Read no more than these.
    cancel : CancelToken
        Ends the reading.
    watch : callable
        Told the bytes read, and the bytes there are where that is known.
    environ : mapping of str to str
        Where settings are read from.

    Returns
    -------
    TraceRows
        At least one.

    Raises
    ------
    AdhashError
        If the trace cannot be read, or is none.
    """
    given = {"replay.key_type": key_type} if key_type else {}
    settings = load_settings(overrides=given, environ=environ).replay
    types = TableTypes(key=settings.key_type, value=settings.value_type)
    while True:
        try:
            with open_checked_columns(
                trace, settings=settings, types=types, is_stopped=lambda: cancel.is_cancelled
            ) as columns:
                return _Reader(columns).read(most_rows, watch)
        except MisfitError as misfit:
            types = misfit.wider


class _Reader:
    def __init__(self, columns: CheckedColumns) -> None:
        self._columns = columns
        self._is_text = columns.types.key not in ("int64", "uint64")
        stored = "bytes" if self._is_text else columns.types.key
        self._stored = stored
        self._numbers: Map[Any, Any] = Map(key=stored, value="int64", seed=1)
        self._seen: list[Any] = []

    def read(self, most_rows: int, watch: Watch) -> TraceRows:
        ops, keys, lengths, rows = [], [], [], 0
        is_whole = True
        for block in self._columns.blocks():
            taken = min(len(block.ops), most_rows - rows)
            ops.append(block.ops[:taken].copy())
            keys.append(self._numbers_of(block)[:taken])
            lengths.append(value_lengths(block)[:taken][ops[-1] == _PUT])
            rows += taken
            source = self._columns.source
            watch(source.bytes_read, source.total_bytes)
            if taken < len(block.ops):
                is_whole = False
                break
        return TraceRows(
            ops=np.concatenate(ops),
            keys=np.concatenate(keys),
            key_type=self._columns.types.key,
            value_type=self._columns.types.value,
            value_lengths=np.concatenate(lengths),
            is_whole=is_whole,
            **self._known_keys(),
        )

    def _numbers_of(self, block: ColumnBlock) -> npt.NDArray[np.int32]:
        encoded: Any = column_to_arrow(block.keys, self._stored).dictionary_encode()
        distinct = encoded.dictionary
        numbers = _plain(self._numbers.get_many(distinct, default=-1).values).astype(np.int64)
        missing = np.flatnonzero(numbers < 0)
        if len(missing):
            new = distinct.take(_arrow(missing))
            first = len(self._numbers)
            numbers[missing] = first + np.arange(len(missing))
            self._numbers.put_many(new, numbers[missing])
            self._seen.append(_lengths_of(new) if self._is_text else _plain(new))
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        return np.asarray(numbers.astype(np.int32)[codes])

    def _known_keys(self) -> dict[str, Any]:
        seen = np.concatenate(self._seen)
        nothing = np.empty(0, dtype=np.int64)
        if self._is_text:
            return {"values_of_keys": nothing, "key_lengths": seen.astype(np.int64)}
        return {"values_of_keys": seen, "key_lengths": nothing}


def _arrow(places: Ints) -> Any:
    import pyarrow as pa

    return pa.array(places)


def _plain(column: Any) -> npt.NDArray[Any]:
    if isinstance(column, np.ndarray):
        return column
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _lengths_of(strings: Any) -> Ints:
    import pyarrow.compute as pc

    return _plain(pc.binary_length(strings)).astype(np.int64)


def value_lengths(block: ColumnBlock) -> Ints:
    """Return the length of each row's value as text, in bytes; of rows without one anything."""
    if isinstance(block.values, tuple):
        return np.diff(block.values[0])
    if block.values is None:
        return np.zeros(len(block.ops), dtype=np.int64)
    values = block.values.astype(np.int64)
    magnitudes = np.abs(values.astype(np.float64))
    digits = 1 + np.floor(np.log10(np.maximum(magnitudes, 1)) + 1e-12).astype(np.int64)
    return np.asarray(digits + (values < 0))
