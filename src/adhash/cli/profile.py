"""``adhash profile``: recommend an engine for a trace, and run a command with it."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from adhash.cli.connection import RunOnServerOption, server_for_run
from adhash.cli.interrupts import cancelled_by_signals
from adhash.cli.model_command import options_of, own_option, register_model_command
from adhash.cli.output import JsonOption, print_json, print_lines, print_table
from adhash.errors import BadInputError
from adhash.options.base import CommandOptions
from adhash.options.profile import ProfileOptions
from adhash.options.run_csv import RunCsvOptions
from adhash.options.traces import SHARED_SETTINGS

if TYPE_CHECKING:
    from adhash.analysis.profile import ProfileResult

COMMAND = "profile"
_THEN = "--then"
# The commands that take a trace and a mode, and their options.
_FOLLOWERS: dict[str, type[CommandOptions]] = {"run-csv": RunCsvOptions}
# What the command that follows is told by us, and must not be told otherwise.
_OURS = ("--csv", "--sample", "--mode")
_PASSED_ON = (*SHARED_SETTINGS, "config", "preset")
_ThenOption = Annotated[
    str | None,
    typer.Option(
        _THEN,
        metavar="COMMAND...",
        help="Run this command of adhash on the trace with the recommended mode; the last option: "
        "what follows is the command's.",
        show_default=False,
    ),
]


class ProfileCommand(TyperCommand):
    """A command whose last option takes all the words behind it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments once the words behind ``--then`` are one."""
        if _THEN in args[:-1]:
            at = args.index(_THEN) + 1
            args = [*args[:at], shlex.join(args[at:])]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    register_model_command(
        app,
        COMMAND,
        ProfileOptions,
        profile,
        extra=[
            own_option("then", _ThenOption, None),
            own_option("server", RunOnServerOption, None),
            own_option("as_json", JsonOption, default=False),
        ],
        cls=ProfileCommand,
    )


def profile(
    options: ProfileOptions, *, then: str | None, server: str | None, as_json: bool
) -> None:
    """Forecast or race the engines on samples of a trace and recommend one, with its reason."""
    address = server_for_run(server)
    words = None if then is None else _command_of(then, options, address)
    result = _run(options) if address is None else _run_there(options, server=address)
    if words is None:
        _print(result, as_json=as_json)
        return
    _tell(result, as_json=as_json)
    _become([*words, "--mode", result.recommended_mode, *shlex.split(str(then))[1:]])


def _run(options: ProfileOptions) -> ProfileResult:
    from adhash.analysis.profile import run_profile
    from adhash.cancellation import CancelToken
    from adhash.cli.progress_bar import shown_work

    token = CancelToken()
    with cancelled_by_signals(token), shown_work() as progress:
        return run_profile(options, progress=progress, cancel=token)


def _run_there(options: ProfileOptions, *, server: str) -> ProfileResult:
    from adhash.analysis.profile import ProfileResult
    from adhash.cli.remote import run_on_server

    outcome = run_on_server(COMMAND, options, server=server)
    outcome.require_success()
    return ProfileResult.model_validate(outcome.require_result())


def _print(result: ProfileResult, *, as_json: bool) -> None:
    from adhash.presenters import candidates_table, profile_notes

    data = result.to_dict()
    if as_json:
        print_json(COMMAND, data)
        return
    print_table(candidates_table(data))
    print_lines(profile_notes(data))


def _tell(result: ProfileResult, *, as_json: bool) -> None:
    """Say on standard error what was found: standard output is that of the command to follow."""
    from adhash.presenters import candidates_table, plain_text, profile_notes

    data = result.to_dict()
    if as_json:
        answer = {"ok": True, "command": COMMAND, **data}
        print(json.dumps(answer, ensure_ascii=False), file=sys.stderr)
        return
    print("\n".join([plain_text(candidates_table(data)), *profile_notes(data)]), file=sys.stderr)


# --- the command that follows -------------------------------------------------------------------


def _command_of(then: str, options: ProfileOptions, server: str | None) -> list[str]:
    """Return the command to follow with the trace, checked before the race begins."""
    name, *arguments = shlex.split(then) or [""]
    if name not in _FOLLOWERS:
        raise BadInputError(
            f"{_THEN} runs {' or '.join(_FOLLOWERS)}; got {name!r}",
            hint=f"such as {_THEN} {next(iter(_FOLLOWERS))}",
        )
    known = options_of(_FOLLOWERS[name])
    for word in arguments:
        if word.partition("=")[0] in _OURS:
            raise BadInputError(
                f"{_THEN} {name} gets {', '.join(_OURS)} from the profile; got {word}",
                hint=f"leave {word.partition('=')[0]} out",
            )
    _require_rereadable(options)
    where = [f"--server={server}"] if server is not None and "--server" in known else []
    return [name, *_trace_options(options), *_passed_on(options, known), *where]


def _require_rereadable(options: ProfileOptions) -> None:
    if options.csv == "-" or (options.csv is not None and Path(options.csv).is_fifo()):
        raise BadInputError(
            f"{_THEN} reads the trace a second time, which a pipe cannot be",
            hint="save the trace to a file",
        )


def _trace_options(options: ProfileOptions) -> list[str]:
    if options.csv is not None:
        return [f"--csv={options.csv}"]
    return [f"--sample={options.sample}"]


def _passed_on(options: ProfileOptions, known: list[str]) -> list[str]:
    flags = {f"--{name.replace('_', '-')}": getattr(options, name) for name in _PASSED_ON}
    return [
        f"{flag}={value}" for flag, value in flags.items() if value is not None and flag in known
    ]


def _become(words: list[str]) -> None:
    """Replace this process by adhash with other arguments: its exit code is then ours.

    A fresh process, because one that has raced has memory at hand that a first run would not.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-P", "-m", "adhash", *words])  # noqa: S606
