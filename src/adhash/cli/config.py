"""``adhash config``: see, write, change and check settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from adhash.cli import config_edit, config_presets
from adhash.cli.output import JsonOption, print_json
from adhash.errors import PolicyError

DEFAULT_FILE = config_edit.DEFAULT_FILE

ConfigOption = Annotated[Path | None, typer.Option("--config", help="A TOML file of settings.")]
PresetOption = Annotated[str | None, typer.Option("--preset", help="The name of a preset.")]


def register(app: typer.Typer) -> None:
    """Add the group of commands to `app`."""
    group = typer.Typer(help="See, write, change and check settings.", no_args_is_help=False)
    group.callback(invoke_without_command=True)(_help)
    group.command("show")(show)
    group.command("init")(init)
    group.command("edit")(config_edit.edit)
    group.command("validate")(validate)
    config_presets.register(group)
    app.add_typer(group, name="config")


def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


def show(
    *, config: ConfigOption = None, preset: PresetOption = None, as_json: JsonOption = False
) -> None:
    """Show all settings and where each comes from."""
    from adhash import config_sources

    layers = config_sources.read_layers(config=config, preset=preset, environ=os.environ)
    settings = config_sources.merge_layers(layers)
    origins = config_sources.origins(layers)
    if as_json:
        content = {"settings": settings.model_dump(mode="json"), "origins": origins}
        print_json("config show", content)
    else:
        from adhash.config_file import render_with_origins

        print(render_with_origins(settings, origins), end="")


def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = DEFAULT_FILE,
    *,
    preset: PresetOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a commented file of all settings."""
    from adhash.atomic_files import replace_text
    from adhash.config_file import render
    from adhash.config_sources import load_settings, presets_folder

    folder = presets_folder(os.environ)
    text = render(load_settings(preset=preset, presets_dir=folder))
    if os.path.lexists(path) and not force:
        raise PolicyError(f"{path} exists already", hint="--force replaces it")
    replace_text(path, text)
    if as_json:
        print_json("config init", {"path": str(path)})
    else:
        print(f"wrote {path}")


def validate(
    file: Annotated[Path, typer.Argument(help="The TOML file to check.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Check a settings file and tell all that is wrong."""
    from adhash.config_sources import parse_text, read_text

    layer = parse_text(read_text(file), source=str(file))
    count = len(layer.values())
    if as_json:
        print_json("config validate", {"path": str(file), "settings": count})
    else:
        print(f"{file}: {count} settings, all valid")
