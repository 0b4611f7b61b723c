"""Lines of columns between delimiters, read by Arrow; what it refuses is looked at line by line."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from adhash.errors import TraceError
from adhash.workloads.arrow_buffers import numbers_of
from adhash.workloads.formats.content import Fault, Lines, line_error
from adhash.workloads.whole_csv import read_whole_csv

#: The types a column may have: whole numbers from 0 on, or text.
NUMBER = pa.int64()
TEXT = pa.binary()


class Columns:
    """The columns of some lines.

    Parameters
    ----------
    table : pyarrow.Table
        The columns that were asked for.
    """

    def __init__(self, table: Any) -> None:
        self._table = table

    def __len__(self) -> int:
        return len(self._table)

    def numbers(self, name: str) -> NDArray[np.int64]:
        """Return a column of numbers."""
        return numbers_of(_one(self._table[name]))

    def keys(self, name: str) -> Any:
        """Return a column of text as keys."""
        return _one(self._table[name]).cast(pa.large_binary())

    def strings(self, name: str) -> Any:
        """Return a column of text."""
        return _one(self._table[name]).cast(pa.string())

    def codes(self, name: str, meaning: Mapping[str, int], *, otherwise: int) -> NDArray[np.uint8]:
        """Return a column of few different words as numbers.

        Parameters
        ----------
        name : str
            The column.
        meaning : mapping of str to int
            The number of each word, in lower case.
        otherwise : int
            That of any other word.

        Returns
        -------
        ndarray of uint8, shape (n,)
            A number a line.
        """
        encoded = self.strings(name).dictionary_encode()
        words = encoded.dictionary.to_pylist()
        codes = np.array([meaning.get(w.lower(), otherwise) for w in words] or [0], dtype=np.uint8)
        return np.take(codes, numbers_of(encoded.indices))


def read_columns(
    lines: Lines, names: Sequence[str], wanted: Mapping[str, Any], *, delimiter: str = ","
) -> Columns:
    """Return columns of some lines; blank lines are skipped.

    Parameters
    ----------
    lines : Lines
        The lines, without a header.
    names : sequence of str
        Every column, in order.
    wanted : mapping of str to pyarrow.DataType
        `NUMBER` or `TEXT` for the columns to return.
    delimiter : str
        What stands between them.

    Returns
    -------
    Columns
        Of all lines.

    Raises
    ------
    TraceError
        Where a line has another number of columns, a number is none, or a text is empty.
    """
    if not lines.data.strip():
        return Columns(_nothing(wanted))
    try:
        table = read_whole_csv(
            lines.data,
            names,
            delimiter=delimiter,
            column_types=dict(wanted),
            include_columns=list(wanted),
            strings_can_be_null=False,
            null_values=[],
        )
    except pa.ArrowInvalid as error:
        raise _blame(lines, names, wanted, delimiter, str(error)) from error
    for name, kind in wanted.items():
        if not _is_sound(table[name], kind):
            raise _blame(lines, names, wanted, delimiter, f"a value of {name} is out of range")
    return Columns(table)


def _is_sound(column: Any, kind: pa.DataType) -> bool:
    import pyarrow.compute as pc

    if not len(column):
        return True
    if kind == NUMBER:
        return bool(pc.min(column).as_py() >= 0)
    return bool(pc.min(pc.binary_length(column)).as_py() > 0)


def _one(column: Any) -> Any:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _nothing(wanted: Mapping[str, Any]) -> pa.Table:
    return pa.table({name: pa.array([], type=kind) for name, kind in wanted.items()})


def _blame(
    lines: Lines,
    names: Sequence[str],
    wanted: Mapping[str, Any],
    delimiter: str,
    reason: str,
) -> TraceError:
    """Return the error for the first line that cannot be read."""
    for index, text in enumerate(lines.texts()):
        fault = _fault(text, names, wanted, delimiter) if text.strip() else None
        if fault:
            return line_error(lines.name, lines.first + index, fault)
    last = lines.first + len(lines) - 1
    what = f"it cannot be read as columns ({reason.splitlines()[0]})"
    return line_error(lines.name, last, Fault(what=what, remedy="check quotes and delimiters"))


def _fault(
    text: str, names: Sequence[str], wanted: Mapping[str, Any], delimiter: str
) -> Fault | None:
    try:
        fields = next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        return Fault(what=str(error), value=text, remedy="check its quotes")
    if len(fields) != len(names):
        return Fault(
            what=f"it has {len(fields)} columns, not {len(names)}",
            value=text,
            remedy=f"the columns are {', '.join(names)}",
        )
    for name, field in zip(names, fields, strict=True):
        kind = wanted.get(name)
        if kind == NUMBER and not _is_number(field):
            return Fault(
                what=f"the {name} is no whole number from 0 to 2**63 - 1",
                value=field or "nothing",
                remedy="correct or drop the line",
            )
        if kind == TEXT and not field:
            return Fault(what=f"the {name} is empty", value=text, remedy="correct or drop the line")
    return None


def _is_number(field: str) -> bool:
    text = field.strip()
    return text.isascii() and text.isdigit() and len(text) <= 19 and int(text) < 1 << 63
