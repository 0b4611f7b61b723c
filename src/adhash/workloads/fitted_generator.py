"""Traces that are like another one: a fitted trace in, record batches of operations out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from adhash.workloads.columns import ArrowArray
from adhash.workloads.fitted_keys import LookalikeStrings, ShiftedIntegers
from adhash.workloads.fitted_trace import FittedTrace, Ints, rows_of_pattern
from adhash.workloads.fitted_visits import Visits, VisitStream
from adhash.workloads.seeded import SeededStream

_BATCH_ROWS = 1 << 16
_MOST_CHARACTERS = 1 << 24
_FOR_VISITS, _FOR_KEYS, _FOR_VALUES = range(10, 13)
_OP_NAMES = pa.array(["get", "put", "del"])
_PUT = 1
_MOST_DIGITS = 18
_ALPHABET = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz012345", dtype=np.uint8)


class LikeTrace:
    """Operations like those of a trace.

    Parameters
    ----------
    fitted : FittedTrace
        What was kept of it.
    seed : int
        Of everything random.
    """

    def __init__(self, fitted: FittedTrace, *, seed: int) -> None:
        self._fitted = fitted
        self._visits = VisitStream(fitted, SeededStream(seed, _FOR_VISITS))
        names = SeededStream(seed, _FOR_KEYS)
        self._is_integer = fitted.key_type in ("int64", "uint64")
        self._keys: ShiftedIntegers | LookalikeStrings = (
            ShiftedIntegers(fitted, names) if self._is_integer else LookalikeStrings(fitted, names)
        )
        self._depths = rows_of_pattern()
        self._values = SeededStream(seed, _FOR_VALUES)
        self._has_integer_values = fitted.value_type == "int64"
        width = max(
            int(fitted.lengths.max(initial=1)),
            1 if self._has_integer_values else int(fitted.value_lengths.max(initial=1)),
        )
        self._most_rows = max(1, min(_BATCH_ROWS, _MOST_CHARACTERS // width))

    @property
    def schema(self) -> pa.Schema:
        """The columns op, key and value."""
        return pa.schema(
            [
                pa.field("op", pa.dictionary(pa.int8(), pa.string()), nullable=False),
                pa.field("key", self._keys.arrow_type, nullable=False),
                pa.field("value", pa.int64() if self._has_integer_values else pa.string()),
            ]
        )

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        """Yield so many operations.

        Parameters
        ----------
        rows : int
            At least 1.

        Yields
        ------
        pyarrow.RecordBatch
            At most 65,536 rows.
        """
        left = rows
        for visits in self._visits.windows():
            for some in self._pieces(visits):
                for batch in self._rows_of(some):
                    yield batch.slice(0, left)
                    left -= min(left, len(batch))
                    if not left:
                        return

    def _pieces(self, visits: Visits) -> Iterator[Visits]:
        """Yield visits in pieces that are not many more rows than a batch."""
        lengths = self._fitted.sizes[visits.objects] * self._depths[visits.patterns]
        reached = np.cumsum(lengths)
        if not len(reached):
            return
        cuts = np.searchsorted(reached, np.arange(_BATCH_ROWS, reached[-1], _BATCH_ROWS)) + 1
        for start, end in itertools.pairwise(np.unique([0, *cuts, len(reached)]).tolist()):
            some = slice(start, end)
            yield Visits(
                objects=visits.objects[some],
                epochs=visits.epochs[some],
                patterns=visits.patterns[some],
            )

    def _rows_of(self, visits: Visits) -> Iterator[pa.RecordBatch]:
        depth = self._depths[visits.patterns]
        lengths = self._fitted.sizes[visits.objects] * depth
        visit = np.repeat(np.arange(len(lengths)), lengths)
        place = np.arange(len(visit)) - (np.cumsum(lengths) - lengths)[visit]
        offsets, step = np.divmod(place, depth[visit])
        codes = visits.patterns[visit].astype(np.int64)
        ops = (((codes >> (2 * step)) & 3) - 1).astype(np.uint8)
        places = self._fitted.begins[visits.objects[visit]] + offsets
        epochs = visits.epochs[visit]
        for start in range(0, len(visit), self._most_rows):
            some = slice(start, start + self._most_rows)
            yield pa.RecordBatch.from_arrays(
                [
                    pa.DictionaryArray.from_arrays(ops[some].view(np.int8), _OP_NAMES),
                    self._keys.keys(places[some], epochs[some]),
                    self._values_of(ops[some]),
                ],
                schema=self.schema,
            )

    def _values_of(self, ops: npt.NDArray[np.uint8]) -> ArrowArray:
        is_put = ops == _PUT
        places = self._values.below(len(self._fitted.value_lengths), int(is_put.sum()))
        lengths = self._fitted.value_lengths[places]
        made = self._numbers(lengths) if self._has_integer_values else self._texts(lengths)
        # Each put takes the next value, every other row none.
        taken: Any = pa.array(np.cumsum(is_put) - 1, mask=~is_put)
        return made.take(taken)

    def _numbers(self, lengths: Ints) -> ArrowArray:
        digits = np.clip(lengths, 1, _MOST_DIGITS)
        low = np.where(digits == 1, 0, 10 ** (digits - 1))
        width = (10**digits - low).astype(np.float64)
        return pa.array(low + (self._values.doubles(len(digits)) * width).astype(np.int64))

    def _texts(self, lengths: Ints) -> ArrowArray:
        offsets: Any = np.zeros(len(lengths) + 1, dtype=np.int32)
        np.cumsum(lengths, out=offsets[1:])
        drawn = self._values.words(-(-int(offsets[-1]) // 8)).view(np.uint8)
        data: Any = _ALPHABET[drawn[: offsets[-1]] & np.uint8(31)]
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
        return pa.Array.from_buffers(pa.string(), len(lengths), buffers)
