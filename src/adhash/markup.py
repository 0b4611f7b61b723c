"""Tables and facts as HTML and Markdown, for reports and notebooks. Every text is escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from html import escape

from adhash.presenters import Table

_SPECIAL = re.compile(r"[\\`*\[\]|]")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]+")

# Returns the attributes of a cell by its text, such as ``class="bad"``; none by default.
CellMark = Callable[[str], str]


def no_mark(text: str) -> str:  # noqa: ARG001 - what `CellMark` takes
    """Return no attributes for any cell."""
    return ""


def html_table(table: Table, *, mark: CellMark = no_mark) -> str:
    """Return a table as an element that needs no style sheet: numbers lean right by themselves.

    Parameters
    ----------
    table : Table
        Any text.
    mark : callable
        Returns further attributes of a cell by its text.

    Returns
    -------
    str
        ``<table>``, with the title as its caption.
    """
    leans = [_lean(column.align) for column in table.columns]
    heads = "".join(
        f"<th scope='col'{lean}>{escape(column.heading)}</th>"
        for column, lean in zip(table.columns, leans, strict=True)
    )
    caption = f"<caption>{escape(table.title)}</caption>" if table.title else ""
    rows = "\n".join(
        "<tr>"
        + "".join(
            f"<td{lean}{mark(cell)}>{escape(cell)}</td>"
            for cell, lean in zip(row, leans, strict=True)
        )
        + "</tr>"
        for row in table.rows
    )
    return f"<table>{caption}<thead><tr>{heads}</tr></thead>\n<tbody>{rows}</tbody></table>"


def _lean(align: str) -> str:
    # A number stays on one line with its unit.
    return f" style='text-align:{align}{';white-space:nowrap' * (align == 'right')}'"


def html_facts(facts: Iterable[tuple[str, str]]) -> str:
    """Return pairs of a word and what it says as a table of two columns without a heading."""
    rows = "".join(
        f"<tr><th scope='row' style='text-align:left'>{escape(word)}</th>"
        f"<td style='text-align:left'>{escape(fact)}</td></tr>"
        for word, fact in facts
    )
    return f"<table><tbody>{rows}</tbody></table>"


def markdown_table(table: Table) -> Iterator[str]:
    """Yield the lines of a table as GitHub reads it."""
    yield f"| {' | '.join(markdown_text(column.heading) for column in table.columns)} |"
    yield f"|{'|'.join('---:' if c.align == 'right' else '---' for c in table.columns)}|"
    yield from (f"| {' | '.join(map(markdown_text, row))} |" for row in table.rows)


def markdown_text(text: str) -> str:
    """Return `text` so that Markdown shows it as it is, on one line."""
    shown = _SPECIAL.sub(r"\\\g<0>", _UNPRINTABLE.sub(" ", text))
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
