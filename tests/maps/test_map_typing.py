"""A type checker knows the types of keys and values from the names of the types."""

from __future__ import annotations

import os
import subprocess
import sys
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
    pytest.importorskip("mypy")
    (folder / "program.py").write_text(program)
    roots = os.pathsep.join(str(Path(path).parent) for path in adhash.__path__)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(folder), "program.py"],
        cwd=folder,
        env=os.environ | {"MYPYPATH": roots},
        capture_output=True,
        text=True,
        check=False,
    )
    return [line for line in done.stdout.splitlines() if line.startswith("program.py")]


def test_keys_and_values_have_their_python_types(tmp_path: Path) -> None:
    assert _check(_PROGRAM, tmp_path) == []


def test_keys_and_options_of_wrong_types_are_found(tmp_path: Path) -> None:
    faults = [line for line in _check(_WRONG, tmp_path) if ": error:" in line]
    assert {line.split(":")[1] for line in faults} >= {"4", "5", "6", "8"}
