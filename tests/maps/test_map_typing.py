"""A type checker knows the types of keys and values from the names of the types."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import adhash

_PROGRAM = """
from collections.abc import Mapping, MutableMapping
from typing import assert_type

from adhash.maps import Map

assert_type(Map(), Map[int, int])
assert_type(Map({1: 2}, engine="swiss", seed=1), Map[int, int])
assert_type(Map({1: 2.0}, value="float64"), Map[int, float])
assert_type(Map(key="uint64", value="str"), Map[int, str])
assert_type(Map(key="str"), Map[str, int])
assert_type(Map(key="str", value="bytes"), Map[str, bytes])
assert_type(Map({b"a": b"b"}, key="bytes", value="bytes"), Map[bytes, bytes])

words = Map(key="str", value="float64")
assert_type(words["a"], float)
assert_type(words.get("a"), float | None)
assert_type(list(words), list[str])
assert_type(words.copy(), Map[str, float])
as_mutable: MutableMapping[str, float] = words
as_mapping: Mapping[str, float] = words
"""

_WRONG = """
from adhash.maps import Map

Map(key="str")[1]
Map()["a"] = 1
Map({"a": 1})
Map(key="float64")
Map(engin="swiss")
"""


def _check(program: str, folder: Path) -> list[str]:
    """Return what mypy says about `program`, a line each."""
    pytest.importorskip("mypy")
    (folder / "program.py").write_text(program)
    options = ["--strict", "--no-pretty", "--no-color-output", "--config-file", os.devnull]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "--cache-dir", str(folder), "program.py"],
        cwd=folder,
        env=os.environ | _path_to_sources(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.search(r"^(Success|Found \d+ errors?)", done.stdout, re.MULTILINE), (
        f"mypy did not check: {done.stdout}{done.stderr}"
    )
    return [line for line in done.stdout.splitlines() if line.startswith("program.py")]


def _path_to_sources() -> dict[str, str]:
    """Lead mypy to a checkout; what lies in site-packages it finds, and refuses to be led to."""
    root = Path(adhash.__file__).parents[1]
    is_installed = str(root) in sysconfig.get_paths().values()
    return {} if is_installed else {"MYPYPATH": str(root)}


def test_keys_and_values_have_their_python_types(tmp_path: Path) -> None:
    assert _check(_PROGRAM, tmp_path) == []


def test_keys_and_options_of_wrong_types_are_found(tmp_path: Path) -> None:
    faults = [line for line in _check(_WRONG, tmp_path) if ": error:" in line]
    assert {line.split(":")[1] for line in faults} == {"4", "5", "6", "7", "8"}
