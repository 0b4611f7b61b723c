"""``adhash engines``: which engines this build has."""

from __future__ import annotations

import typer

from adhash.cli.output import JsonOption, print_json, print_table
from adhash.presenters import engines_table, modes_of


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("engines")(list_engines)


def list_engines(*, as_json: JsonOption = False) -> None:
    """List the engines and the modes that choose them."""
    from adhash import maps

    names = maps.engines()
    if as_json:
        rows = [{"engine": name, "modes": modes_of(name)} for name in names]
        print_json("engines", {"engines": rows})
    else:
        print_table(engines_table(names))
