"""The table of commands, and how one is run."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import typer

# The file of each command; the order is the order of `adhash --help`.
_COMMANDS = {
    "run-csv": "run_csv",
    "profile": "profile",
    "calibrate": "calibrate",
    "ab-compare": "ab_compare",
    "workload-dna": "workload_dna",
    "batch": "batch",
    "report": "report",
    "convert": "convert",
    "generate-csv": "generate_csv",
    "record": "record",
    "probe-visualize": "probe_visualize",
    "inspect-snapshot": "inspect_snapshot",
    "verify-snapshot": "verify_snapshot",
    "compact-snapshot": "compact_snapshot",
    "diff-snapshot": "diff_snapshot",
    "serve": "serve",
    "jobs": "jobs",
    "metrics": "metrics",
    "config": "config",
    "engines": "engines",
    "formats": "formats",
    "version": "version",
}


def build_app(only: str | None = None) -> typer.Typer:
    """Return the application.

    Parameters
    ----------
    only : str or None
        A command that will be run: it is the only one then, because to load all of them takes
        longer than some of them do. None is for every command.

    Returns
    -------
    typer.Typer
        Whose commands have been added.
    """
    app = typer.Typer(
        name="adhash",
        help="An adaptive hash map, and the lab to choose a hash map on your own traffic.",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_root)
    for name in _COMMANDS if only is None else (only,):
        _load(name).register(app)
    return app


def _load(name: str) -> Any:
    return importlib.import_module(f"adhash.cli.{_COMMANDS[name]}")


def _named_in(args: list[str]) -> str | None:
    """Return the command that `args` needs; None where help or a message needs all of them."""
    if args == ["--version"]:
        return "version"
    return args[0] if args and args[0] in _COMMANDS else None


def run_command(args: list[str], *, prog: str) -> None:
    """Run the command that `args` names.

    The application's own ``main`` is not used: it turns interrupts, closed pipes and usage errors
    into messages of its own before `adhash.cli.envelope` could see them.

    Parameters
    ----------
    args : list of str
        The arguments without the program's name.
    prog : str
        The program's name, for usage lines.

    Raises
    ------
    SystemExit
        If a command ended itself with an exit code.
    KeyboardInterrupt
        If the user gave up at a prompt.
    """
    command = typer.main.get_command(build_app(_named_in(args)))
    try:
        with command.make_context(prog, args) as context:
            command.invoke(context)
    except typer.Exit as done:
        raise SystemExit(done.exit_code) from None
    except typer.Abort:
        raise KeyboardInterrupt from None


def _root(
    context: typer.Context,
    *,
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.")
    ] = False,
) -> None:
    if show_version:
        _load("version").print_version(as_json=False)
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
