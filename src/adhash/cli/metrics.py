"""``adhash metrics``: check files of ticks, and print their schema."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from adhash.cli.output import JsonOption, print_json


def register(app: typer.Typer) -> None:
    """Add the group of commands to `app`."""
    group = typer.Typer(help="Check files of ticks (metrics.v1).")
    group.callback(invoke_without_command=True)(_help)
    group.command("validate")(validate)
    group.command("schema")(schema)
    app.add_typer(group, name="metrics")


def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


def validate(
    file: Annotated[Path, typer.Argument(help="A file with one tick a line.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Check every line of a file of ticks and tell which are wrong."""
    from adhash.metrics.validation import validate as validate_file

    report = validate_file(file)
    if as_json:
        content = {"file": str(file), "ticks": report.ticks, "backends": list(report.backends)}
        print_json("metrics validate", content)
    else:
        print(f"{file}: {report.ticks} ticks of {', '.join(report.backends)}, all valid")


def schema() -> None:
    """Print the JSON schema of a tick."""
    from adhash.metrics.ticks import json_schema_text

    print(json_schema_text(), end="")
