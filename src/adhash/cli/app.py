"""The table of commands, and how one is run."""

from __future__ import annotations

from typing import Annotated

import typer

from adhash.cli import (
    ab_compare,
    batch,
    calibrate,
    config,
    engines,
    generate_csv,
    jobs,
    metrics,
    probe_visualize,
    profile,
    record,
    run_csv,
    serve,
    verify_snapshot,
    version,
    workload_dna,
)

# One line a command; the order is the order of `adhash --help`.
_COMMANDS = (
    run_csv,
    profile,
    calibrate,
    ab_compare,
    workload_dna,
    batch,
    generate_csv,
    record,
    probe_visualize,
    verify_snapshot,
    serve,
    jobs,
    metrics,
    config,
    engines,
    version,
)


def build_app() -> typer.Typer:
    """Return the application with every command."""
    app = typer.Typer(
        name="adhash",
        help="An adaptive hash map, and the lab to choose a hash map on your own traffic.",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_root)
    for command in _COMMANDS:
        command.register(app)
    return app


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
    command = typer.main.get_command(build_app())
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
        version.print_version(as_json=False)
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
