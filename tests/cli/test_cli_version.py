"""``adhash version`` and the two names of the command line."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import typer
import typer.core

import adhash
from adhash.cli import app, main

# What the fixture `run` gives: a function that runs adhash and returns its Outcome.
Run = Callable[..., Any]


@pytest.mark.parametrize("module", ["adhash", "hashmap_cli"])
@pytest.mark.parametrize("args", [["version"], ["--version"]])
def test_both_names_print_the_version(run: Run, module: str, args: list[str]) -> None:
    assert run(*args, module=module).out == f"adhash {adhash.__version__}\n"


def test_the_version_as_json_says_what_it_runs_on(run: Run) -> None:
    answer = run("version", "--json").answer
    assert answer["version"] == adhash.__version__
    assert answer["python"] == platform.python_version()
    assert set(answer["libraries"]) == {"numpy", "pyarrow", "pydantic"}


def test_help_uses_the_name_that_was_typed(run: Run) -> None:
    assert run("--help", module="hashmap_cli").out.startswith("Usage: hashmap-cli ")
    hint = run("frob", module="hashmap_cli").envelope["hint"]
    assert hint.startswith("hashmap-cli --help")


def test_main_returns_the_exit_code_in_process(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    assert main(["frob"]) == 2
    assert '"BadInput"' in capsys.readouterr().err


def test_a_command_is_loaded_alone_as_it_is_among_all() -> None:
    together = typer.main.get_command(app.build_app())
    assert isinstance(together, typer.core.TyperGroup)
    assert len(together.commands) > 10
    for name, command in together.commands.items():
        alone = typer.main.get_command(app.build_app(name))
        assert isinstance(alone, typer.core.TyperGroup)
        assert list(alone.commands) == [name]
        assert [each.name for each in alone.commands[name].params] == [
            each.name for each in command.params
        ]


def test_a_command_loads_no_other_command() -> None:
    program = (
        "import sys; from adhash.cli import main; main(['version']); "
        "print(*(name for name in sys.modules if name.startswith('adhash.cli.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, encoding="utf-8", timeout=60
    )
    loaded = done.stdout.splitlines()[-1].split()
    assert "adhash.cli.version" in loaded
    assert not [name for name in loaded if name.endswith((".jobs", ".profile", ".run_csv"))]
