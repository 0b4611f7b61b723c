"""CSV that is in memory as an Arrow table, by the reader of pyarrow that leaves signals alone.

``pyarrow.csv.read_csv`` puts handlers of its own in the place of the program's while it reads. A
thread of its own then learns of a signal, which may be after the reader asked it whether there was
one: a Ctrl-C in the last moment of the reading is lost. The reader for streams has no handlers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def read_whole_csv(
    content: bytes | memoryview,
    names: Sequence[str],
    *,
    delimiter: str = ",",
    has_line_feeds: bool = False,
    **converting: Any,
) -> pa.Table:
    """Return rows as a table.

    Parameters
    ----------
    content : bytes or memoryview
        At least one row, without a header.
    names : sequence of str
        Of the columns.
    delimiter : str
        What stands between fields.
    has_line_feeds : bool
        Whether a field may have line feeds, in quotes.
    **converting
        As `pyarrow.csv.ConvertOptions` takes it.

    Returns
    -------
    pyarrow.Table
        Its columns in chunks, of which there is mostly one.

    Raises
    ------
    pyarrow.ArrowInvalid
        Where a row has another number of fields, or a field is not of its column's type.
    """
    import pyarrow as pa
    from pyarrow import csv

    source: Any = pa.BufferReader(pa.py_buffer(content))
    reader = csv.open_csv(
        source,
        read_options=csv.ReadOptions(
            column_names=list(names), use_threads=False, block_size=len(content) + 1
        ),
        parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=has_line_feeds),
        convert_options=csv.ConvertOptions(**converting),
    )
    return reader.read_all()
