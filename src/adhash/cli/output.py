"""What commands print on stdout: one JSON object with ``--json``, else text and tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Annotated

import typer

from adhash.presenters import Table, plain_text, printable

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def print_json(command: str, content: Mapping[str, object]) -> None:
    """Print ``{"ok": true, "command": ..., ...}``, the answer of a command that did its work."""
    print(json.dumps({"ok": True, "command": command, **content}, ensure_ascii=False))


def print_table(table: Table) -> None:
    """Print `table` on stdout: drawn on a terminal, in plain columns in a pipe."""
    if sys.stdout.isatty():
        _draw(table)
    else:
        print(plain_text(table))


def print_lines(lines: Iterable[str]) -> None:
    """Print lines on stdout, in which keys and names of files do nothing to a terminal."""
    for line in lines:
        print(printable(line))


def _draw(table: Table) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(title=table.title or None, box=box.SIMPLE_HEAD)
    for column in table.columns:
        drawn.add_column(column.heading, justify=column.align, overflow="fold")
    for row in table.rows:
        drawn.add_row(*(Text(printable(cell)) for cell in row))
    Console(file=sys.stdout).print(drawn)
