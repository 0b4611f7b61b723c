"""The command line of adhash under its older name, and what scripts took from it."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from adhash.errors import AdhashError as AdhashError

_HOMES = {
    "Map": "adhash",
    "Settings": "adhash.config_models",
    "load_settings": "adhash.config_sources",
    "run_csv": "adhash.replay",
}

__all__ = ["AdhashError", "main", *_HOMES]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command of `adhash` and return its exit code.

    Parameters
    ----------
    argv : sequence of str or None
        The arguments without the program's name; those of this process where None.

    Returns
    -------
    int
        The exit code, as of `adhash.cli.main`.
    """
    from adhash.cli import main as run

    return run(argv, prog="hashmap-cli")


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
