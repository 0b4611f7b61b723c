"""The base of every result that a command returns: plain data, JSON, tables, and a notebook's cell.

A result is a model with a version of its format (``schema``). What it is in a table is for its
class to say: by default one row, so that the results of several runs can be concatenated; a result
that is about a list, such as the candidates of a profile, has a row for each of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from adhash.errors import BadInputError
from adhash.markup import html_facts, html_table

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]
    import pyarrow as pa

    from adhash.presenters import Table


class ResultPart(BaseModel):
    """A part of a result: it never changes, and its JSON has the fields declared and no others."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True
    )


class Result(ResultPart):
    """What a command returns."""

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain data, as its JSON has it."""
        return self.model_dump(mode="json", by_alias=True)

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the result as JSON.

        Parameters
        ----------
        indent : int or None
            Spaces of indentation; None for one line.

        Returns
        -------
        str
            One object.
        """
        return self.model_dump_json(by_alias=True, indent=indent)

    def to_arrow(self) -> pa.Table:
        """Return the result as a table.

        Nested fields become columns with dotted names, such as ``latency_ns.get.p99``; lists stay
        lists.

        Returns
        -------
        pyarrow.Table
            One row, or what the class says.

        Raises
        ------
        BadInputError
            If pyarrow is not installed.
        """
        try:
            import pyarrow as pa
        except ImportError as error:
            raise _missing("to_arrow", "pyarrow") from error
        return pa.table({name: _arrow_column(each) for name, each in self._columns().items()})

    def to_pandas(self) -> pd.DataFrame:
        """Return the result as a frame, with the rows and columns of `to_arrow`.

        Returns
        -------
        pandas.DataFrame
            One row, or what the class says.

        Raises
        ------
        BadInputError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise _missing("to_pandas", "pandas") from error
        return pd.DataFrame(self._columns())

    def __str__(self) -> str:
        """Return what matters most, a line each; `to_json` has everything."""
        return "\n".join(f"{word}: {fact}" for word, fact in self.highlights().items())

    def _repr_html_(self) -> str:
        """Return what matters most as HTML for a notebook: no script, no style sheet."""
        tables = "".join(html_table(table) for table in self.as_tables())
        return f"<div>{html_facts(self.highlights().items())}{tables}</div>"

    def highlights(self) -> dict[str, str]:
        """Return what matters most, as words and what they say."""
        return self._highlights()

    def as_tables(self) -> Sequence[Table]:
        """Return the tables that a notebook and a report show below the highlights."""
        return self._tables()

    def _highlights(self) -> dict[str, str]:
        """Return the highlights of this class: its single figures, unless it says better."""
        scalars = (str, int, float)
        return {
            name.replace("_", " "): str(value)
            for name, value in self.to_dict().items()
            if isinstance(value, scalars) and name != "schema"
        }

    def _tables(self) -> Sequence[Table]:
        """Return the tables of this class."""
        return ()

    def _records(self) -> Sequence[Mapping[str, Any]]:
        """Return the rows of the result as a table, each nested as its JSON is."""
        return [self.to_dict()]

    def _columns(self) -> dict[str, list[Any]]:
        return columns_of(self._records())


def _arrow_column(values: list[Any]) -> pa.Array[Any]:
    """Return a column; Arrow takes integers for signed ones, which a 64-bit seed may exceed."""
    import pyarrow as pa

    column: pa.Array[Any]
    try:
        column = pa.array(values)
    except OverflowError:
        column = pa.array(values, type=pa.uint64())
    return column


def columns_of(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the columns of nested records; what a record lacks is None.

    Parameters
    ----------
    records : sequence of mapping
        As JSON has them.

    Returns
    -------
    dict of str to list
        By dotted name, in the order in which the names first appear.
    """
    rows = [_flattened(record) for record in records]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _flattened(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            row.update(_flattened(value, f"{prefix}{name}."))
        else:
            row[prefix + name] = value
    return row


def _missing(what: str, package: str) -> BadInputError:
    return BadInputError(
        f"{what} needs {package}, which is not installed", hint=f"pip install {package}"
    )
