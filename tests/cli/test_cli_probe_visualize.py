"""``adhash probe-visualize`` as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("adhash.maps", reason="the native module is not built", exc_type=ImportError)

# What the fixture `run` gives: a function that runs adhash and returns its Outcome.
Run = Callable[..., Any]
COMMAND = "probe-visualize"


def test_a_probe_is_told_as_text(run: Run) -> None:
    outcome = run(COMMAND, "--key", "b", "--seed", "a=1", "--seed", "b=2", "--mode", "swiss")
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[0] == "get of str key b in swiss, 2 entries, hash seed 0"
    assert "its key is equal" in lines[3]
    assert "The key is present, known after 1 step." in lines


def test_a_probe_is_told_as_json(run: Run) -> None:
    answer = run(COMMAND, "--key", "7", "--operation", "put", "--json").answer
    assert answer["command"] == COMMAND
    assert answer["schema"] == "adhash.probe_visualize.v1"
    assert answer["found"] is False
    assert answer["landing"]["kind"] == "empty_slot"
    assert answer["steps"][0]["outcome"] == "absent"


def test_files_are_written(run: Run, tmp_path: Path) -> None:
    run(COMMAND, "--key", "7", "--svg-out", "p.svg", "--export-json", "p.json")
    assert (tmp_path / "p.svg").read_text("utf-8").startswith("<?xml")
    assert json.loads((tmp_path / "p.json").read_text("utf-8"))["key"] == "7"


@pytest.mark.parametrize(
    ("arguments", "code", "detail"),
    [
        (["--key", "1", "--mode", "hopscotch"], 2, "unknown mode 'hopscotch'"),
        (["--key", "x", "--key-type", "int64"], 2, "the keys are int64, which 'x' is not"),
        (["--key", "1", "--seed", "2"], 2, "--seed: an entry is written KEY=VALUE; got '2'"),
        (["--key", "1", "--snapshot", "none.arrow"], 5, "none.arrow"),
        (["--key", "1", "--rows", "-1"], 2, "--rows"),
        (["--key", "1", "--svg-out", "none/p.svg"], 5, "cannot write none/p.svg"),
        ([], 2, "--key is missing"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    run: Run, arguments: list[str], code: int, detail: str
) -> None:
    outcome = run(COMMAND, *arguments)
    assert (outcome.code, outcome.out) == (code, "")
    assert detail in outcome.envelope["detail"]


def test_a_damaged_snapshot_is_told_in_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.arrow").write_bytes(b"ARROW1\0\0" + bytes(100))
    outcome = run(COMMAND, "--key", "1", "--snapshot", "bad.arrow")
    assert outcome.code == 2
    assert "bad.arrow" in outcome.envelope["detail"]


def test_no_rows_of_a_trace_leave_the_map_empty(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("op,key,value\nput,1,1\n", "utf-8")
    answer = run(COMMAND, "--csv", "t.csv", "--rows", "0", "--key", "1", "--json").answer
    assert (answer["size"], answer["found"]) == (0, False)
