"""``adhash version``: which adhash this is, and on what it runs."""

from __future__ import annotations

import platform
from importlib import metadata

import typer

import adhash
from adhash.cli.output import JsonOption, print_json

_LIBRARIES = ("numpy", "pyarrow", "pydantic")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("version")(version)


def version(*, as_json: JsonOption = False) -> None:
    """Print the version; with --json also what it runs on."""
    print_version(as_json=as_json)


def print_version(*, as_json: bool) -> None:
    """Print the version of adhash, as text or as JSON with what it runs on."""
    if not as_json:
        print(f"adhash {adhash.__version__}")
        return
    content = {
        "version": adhash.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": {name: _installed(name) for name in _LIBRARIES},
    }
    print_json("version", content)


def _installed(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None
