"""``adhash record``: run a Python program and write what it does to a mapping as a trace."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from adhash.cli.output import JsonOption, print_json
from adhash.errors import BadInputError

if TYPE_CHECKING:
    from adhash.workloads.recording import Recording


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    # Everything behind the program's name belongs to the program.
    app.command("record", context_settings={"allow_interspersed_args": False})(record)


def record(
    program: Annotated[
        list[str], typer.Argument(metavar="PROGRAM [ARGS]...", help="The program, as for python.")
    ],
    *,
    out: Annotated[
        str, typer.Option("--out", "-o", help="The trace: .csv, .csv.gz, .csv.zst or .csv.xz.")
    ],
    map_name: Annotated[
        str,
        typer.Option(
            "--map",
            metavar="MODULE:ATTRIBUTE",
            help="A mapping to record in a program that uses no Recorder.",
        ),
    ] = "",
    is_module: Annotated[bool, typer.Option("-m", help="PROGRAM is a module.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Record a Python program; its exit code is passed on."""
    from adhash.workloads.recording import record_program

    if program[0] == "-m":  # behind a --, the option is part of the program
        program, is_module = program[1:], True
    if not program:
        raise BadInputError("-m needs the name of a module")
    done = record_program(program, out, is_module=is_module, map_name=map_name, force=force)
    _report(done, out, as_json=as_json)
    raise SystemExit(done.exit_code)


def _report(done: Recording, out: str, *, as_json: bool) -> None:
    """Say what was recorded: on stderr, as stdout is the program's."""
    if as_json:
        content = {
            "out": out,
            "rows": done.rows,
            "exit_code": done.exit_code,
            "unrecorded": list(done.unrecorded),
        }
        print_json("record", content)
        return
    kept = f"{done.rows:,} operations" if done.rows else "not written, as nothing was recorded"
    print(f"adhash: {out}: {kept}", file=sys.stderr)
    if done.exit_code:
        print(f"adhash: {done.program} ended with exit status {done.exit_code}", file=sys.stderr)
    if done.recorders > 1:
        others = done.recorders - 1
        print(f"adhash: {others} more mappings asked to be recorded and were not", file=sys.stderr)
    if done.unrecorded:
        names = ", ".join(done.unrecorded)
        print(f"adhash: used, but no operations of a trace: {names}", file=sys.stderr)
