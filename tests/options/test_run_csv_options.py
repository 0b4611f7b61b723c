"""The hand-written options of run-csv and their model name the same things."""

from __future__ import annotations

import typer

from adhash.cli.app import build_app
from adhash.options.run_csv import RunCsvOptions
from adhash.replay.plan import ReplayOptions

# Options of the command line alone: how to print, and where to run.
OF_THE_COMMAND_LINE = {"as_json", "server"}


def command_parameters() -> set[str]:
    command = typer.main.get_command(build_app()).commands["run-csv"]  # type: ignore[attr-defined]
    return {str(each.name) for each in command.params} - {"help"}


def test_the_command_line_has_every_option_of_the_model() -> None:
    assert command_parameters() - OF_THE_COMMAND_LINE == set(RunCsvOptions.model_fields)


def test_the_function_has_every_option_of_the_model() -> None:
    own = {"csv", "sample", "mode"}
    assert set(ReplayOptions.__annotations__) == set(RunCsvOptions.model_fields) - own
