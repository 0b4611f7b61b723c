"""``adhash formats``: which trace formats are read."""

from __future__ import annotations

import typer

from adhash.cli.output import JsonOption, print_json, print_table


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("formats")(list_formats)


def list_formats(*, as_json: JsonOption = False) -> None:
    """List the foreign trace formats that --format names, plug-ins included."""
    from adhash.presenters import formats_table
    from adhash.workloads.formats.registry import described_formats

    rows = described_formats()
    if as_json:
        print_json("formats", {"formats": rows})
    else:
        print_table(formats_table(rows))
