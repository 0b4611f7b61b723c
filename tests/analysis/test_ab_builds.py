"""Sides that are run by another Python: which build it has, and that none of ours leaks into it."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("adhash.maps", reason="the native module is not built", exc_type=ImportError)

from adhash.analysis.ab_builds import Interpreter, find_interpreters
from adhash.analysis.ab_compare import ab_compare
from adhash.cancellation import CancelToken
from adhash.clock import SystemClock
from adhash.errors import BadInputError
from adhash.options.ab_compare import LocalAbCompareOptions
from adhash.options.base import read_options


def program(path: Path, line: str) -> Path:
    """Return a program of the shell that ends in one command."""
    path.write_text(f"#!/bin/sh\n{line}\n", "utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def other_python(tmp_path: Path) -> Path:
    """Return a Python of another name, which says in its answers what it was given."""
    return program(tmp_path / "python", f'exec {sys.executable} "$@"')


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Return a trace of a few hundred operations."""
    path = tmp_path / "trace.csv"
    rows = "".join(f"put,{i % 90},{i}\nget,{i % 70},\n" for i in range(200))
    path.write_text("op,key,value\n" + rows, "utf-8")
    return path


def find(environ: dict[str, str] | None = None, **given: Any) -> dict[Any, Interpreter]:
    values = {"sample": "zipf", "a": "mode=swiss", "b": "mode=swiss", **given}
    return find_interpreters(
        read_options(LocalAbCompareOptions, values),
        environ=dict(os.environ) if environ is None else environ,
        clock=SystemClock(),
        cancel=CancelToken(),
    )


def test_a_side_without_a_python_is_run_by_this_one() -> None:
    found = find()
    assert found["a"] == found["b"]
    assert (found["a"].python, found["a"].is_foreign) == (sys.executable, False)
    assert "swiss" in found["a"].engines


def test_a_python_that_is_named_says_which_adhash_it_has(other_python: Path) -> None:
    found = find(b_python=str(other_python))
    assert (found["a"].is_foreign, found["b"].is_foreign) == (False, True)
    assert found["b"].python == str(other_python)
    assert found["b"].build == found["a"].build
    assert found["b"].engines == found["a"].engines


def test_what_is_meant_for_this_python_does_not_reach_another(tmp_path: Path) -> None:
    told = tmp_path / "told"
    spy = program(tmp_path / "spy", f'env > {told}\nexec {sys.executable} "$@"')
    environ = {**os.environ, "PYTHONPATH": "/ours", "PYTHONHOME": "/ours", "KEPT": "yes"}
    found = find(environ, a_python=str(spy))
    names = {line.partition("=")[0] for line in told.read_text("utf-8").splitlines()}
    assert "KEPT" in names
    assert not names & {"PYTHONPATH", "PYTHONHOME"}
    assert "PYTHONPATH" not in found["a"].environ(environ)
    assert found["b"].environ(environ)["PYTHONPATH"] == "/ours"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f'exec {sys.executable} -I -S "$@"', "cannot import adhash"),
        ("echo hello", "ended without an answer"),
        ("echo '{\"ok\": true}'", "did not say which adhash it has"),
        ("exit 3", "ended with exit code 3"),
    ],
)
def test_a_program_that_has_no_adhash_is_refused(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        find(b_python=str(program(tmp_path / "it", line)))


def test_what_cannot_be_started_is_refused(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("", "utf-8")
    for path in (plain, tmp_path, tmp_path / "missing"):
        with pytest.raises(BadInputError, match=r"b: .* is no program that can be started"):
            find(b_python=str(path))


def test_two_builds_are_compared_and_both_are_named(trace: Path, other_python: Path) -> None:
    result = ab_compare(
        trace,
        a="mode=swiss",
        b="mode=swiss",
        b_python=str(other_python),
        metric="memory_bytes",
        max_pairs=3,
        replays=2,
        seed=1,
    )
    assert (result.a.python_program, result.b.python_program) == (None, str(other_python))
    assert result.a.build == result.b.build
    assert result.ratio == 1.0
    assert result.replays == 2
