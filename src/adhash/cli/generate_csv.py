"""``adhash generate-csv``: write a trace of a chosen character."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from adhash.cli.interrupts import cancelled_by_signals
from adhash.cli.model_command import own_option, register_model_command
from adhash.cli.output import JsonOption, print_json, print_table
from adhash.errors import BadInputError
from adhash.options.generate_csv import GenerateCsvOptions
from adhash.presenters import Table, columns, counted, plain_text, printable
from adhash.units import format_rate

if TYPE_CHECKING:
    from adhash.analysis.generate_csv import GenerateCsvResult
    from adhash.analysis.likeness.likeness import Likeness

COMMAND = "generate-csv"
_STDOUT = "-"
_ListOption = Annotated[
    bool, typer.Option("--list", help="List the workloads that have a name and write nothing.")
]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    register_model_command(
        app,
        COMMAND,
        GenerateCsvOptions,
        generate_csv,
        extra=(
            own_option("is_list", _ListOption, default=False),
            own_option("as_json", JsonOption, default=False),
        ),
        instead=list_workloads,
    )


def generate_csv(options: GenerateCsvOptions, *, is_list: bool, as_json: bool) -> None:  # noqa: ARG001
    """Write a generated trace."""
    from adhash.analysis.generate_csv import run_generate_csv
    from adhash.cancellation import CancelToken
    from adhash.cli.progress_bar import shown_work

    if as_json and options.out == _STDOUT:
        raise BadInputError("--json and --out - both want standard output", hint="name a file")
    token = CancelToken()
    with cancelled_by_signals(token), shown_work() as progress:
        result = run_generate_csv(options, progress=progress, cancel=token)
    _report(result, as_json=as_json)


def list_workloads(*, is_list: bool, as_json: bool) -> bool:
    """Print the workloads that have a name, if that was asked for.

    Parameters
    ----------
    is_list : bool
        Whether it was.
    as_json : bool
        Whether as one JSON object.

    Returns
    -------
    bool
        Whether the command is done.
    """
    from adhash.workloads.trace_presets import PRESETS

    if not is_list:
        return False
    if as_json:
        shown = [
            {"name": each.name, "about": each.about, "settings": dict(each.settings)}
            for each in PRESETS
        ]
        print_json(COMMAND, {"workloads": shown})
    else:
        rows = tuple((each.name, each.about) for each in PRESETS)
        print_table(Table(columns=columns("workload", "what it does"), rows=rows))
    return True


def _report(result: GenerateCsvResult, *, as_json: bool) -> None:
    if as_json:
        print_json(COMMAND, result.to_dict())
    elif result.out != _STDOUT:
        speed = f", {format_rate(result.rows_per_second)}" if result.fit is None else ""
        rows, keys = counted(result.rows, "operation"), counted(result.keys, "key")
        print(f"{printable(result.out)}: {rows} on a key space of {keys}{speed}")
    if not as_json and result.fit is not None:
        print_fit(result.fit, to_stdout=result.out != _STDOUT)


def print_fit(fit: Likeness, *, to_stdout: bool) -> None:
    """Print how far a generated trace is from the one it is like.

    Parameters
    ----------
    fit : Likeness
        Of both traces.
    to_stdout : bool
        Whether on standard output; else, because the trace goes there, on standard error.
    """
    file = sys.stdout if to_stdout else sys.stderr
    print(file=file)
    print(plain_text(fit.as_table()), file=file)
    part = "" if fit.fitted_rows == fit.trace_rows else f" (the first {fit.fitted_rows:,} fitted)"
    print(f"\ncompared over {fit.compared_rows:,} rows{part}: {fit.conclusion}", file=file)
