"""``adhash config presets``: the settings that have a name."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from adhash.cli.output import JsonOption, print_json, print_table


def register(app: typer.Typer) -> None:
    """Add the group of commands to `app`."""
    group = typer.Typer(help="List and show presets.")
    group.callback(invoke_without_command=True)(_list_by_default)
    group.command("list")(list_all)
    group.command("show")(show)
    app.add_typer(group, name="presets")


def _list_by_default(context: typer.Context, *, as_json: JsonOption = False) -> None:
    if context.invoked_subcommand is None:
        list_all(as_json=as_json)


def list_all(*, as_json: JsonOption = False) -> None:
    """List the bundled presets and those in ADHASH_PRESETS_DIR."""
    from adhash.config_sources import list_presets, presets_folder
    from adhash.presenters import presets_table

    presets = list_presets(folder=presets_folder(os.environ))
    if as_json:
        rows = [{"name": each.name, "summary": each.summary} for each in presets]
        print_json("config presets list", {"presets": rows})
    else:
        print_table(presets_table(presets))


def show(
    name: Annotated[str, typer.Argument(help="The name of a preset.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Show the settings of one preset, as it is written."""
    from adhash.config_sources import find_preset, parse_text, presets_folder

    preset = find_preset(name, folder=presets_folder(os.environ))
    layer = parse_text(preset.text, source=preset.origin)
    if as_json:
        content = {"name": name, "summary": preset.summary, "settings": layer.tables}
        print_json("config presets show", content)
    else:
        print(preset.text, end="")
