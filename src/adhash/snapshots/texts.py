"""Keys and values as text that people can read, and lists of them that stay short."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from adhash.results import ResultPart
from adhash.snapshots.columns import Column

MAX_SHOWN: Final = 200


class ShownText(ResultPart):
    """A key or a value as it is shown."""

    text: str = Field(
        description="Numbers in decimal; bytes that are no text as \\xNN; cut after 200 characters."
    )
    bytes: int = Field(description="How many bytes it has; 8 for a number.")


class ShownEntry(ResultPart):
    """An entry as it is shown."""

    row: int = Field(description="Its row, from 0 in the order of the file.")
    key: ShownText
    value: ShownText


def shown_row(column: Column, row: int, type_name: str) -> ShownText:
    """Return a row of a column as text.

    Parameters
    ----------
    column : ndarray or (offsets, data)
        The column.
    row : int
        Which row.
    type_name : str
        The type of the column.

    Returns
    -------
    ShownText
        At most 200 characters.
    """
    if not isinstance(column, tuple):
        number = column[row].item()
        return ShownText(text=repr(number) if type_name == "float64" else str(number), bytes=8)
    offsets, data = column
    start, end = int(offsets[row]), int(offsets[row + 1])
    # Four bytes a character at most: more than is shown is never decoded.
    beginning = data[start : min(end, start + 4 * MAX_SHOWN + 4)].tobytes()
    text = beginning.decode("utf-8", "backslashreplace")
    is_cut = len(text) > MAX_SHOWN or start + len(beginning) < end
    return ShownText(text=f"{text[:MAX_SHOWN]}..." if is_cut else text, bytes=end - start)
