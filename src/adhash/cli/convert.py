"""``adhash convert``: write a trace again in another format."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from adhash.cli.foreign_options import tell_options_without_effect
from adhash.cli.interrupts import cancelled_by_signals
from adhash.cli.model_command import own_option, register_model_command
from adhash.cli.output import JsonOption, print_json
from adhash.errors import BadInputError
from adhash.options.convert import ConvertOptions
from adhash.presenters import counted, printable

if TYPE_CHECKING:
    from adhash.analysis.conversion import ConvertResult

COMMAND = "convert"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    extra = [own_option("as_json", JsonOption, default=False)]
    register_model_command(app, COMMAND, ConvertOptions, convert, extra=extra)


def convert(options: ConvertOptions, *, as_json: bool) -> None:
    """Write a trace of any format as CSV, Parquet or Arrow IPC.

    The new trace appears when it is whole.
    """
    from adhash.analysis.conversion import run_convert
    from adhash.cancellation import CancelToken
    from adhash.cli.progress_bar import shown_work

    if as_json and options.out == "-":
        raise BadInputError("--json and - both want standard output", hint="name a file")
    token = CancelToken()
    with cancelled_by_signals(token), shown_work() as progress:
        result = run_convert(options, progress=progress, cancel=token)
    if as_json:
        print_json(COMMAND, result.to_dict())
    else:
        _tell(result)
    tell_options_without_effect(
        result.trace, trace_format=result.trace_format, given=options.model_dump()
    )


def _tell(result: ConvertResult) -> None:
    counts = result.ops
    print(
        f"{printable(result.out)}: {counted(counts.total, 'operation')} "
        f"({counts.get:,} get, {counts.put:,} put, {counts.del_:,} del) "
        f"from {result.trace_format}, {result.key_type} keys, in {result.elapsed_s:.2f} s",
        file=sys.stderr if result.out == "-" else sys.stdout,
    )
