"""``adhash version`` and the two names of the command line."""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

import pytest

import adhash
from adhash.cli import main

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
