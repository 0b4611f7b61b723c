"""``adhash verify-snapshot``: what it prints, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("adhash.maps", reason="the native module is not built", exc_type=ImportError)

from adhash import Map

# What the fixture `run` gives: a function that runs adhash and returns its Outcome.
Run = Callable[..., Any]


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """Return an intact snapshot in the folder in which commands run."""
    path = tmp_path / "map.arrow"
    Map({"apple": 3, "pear": 4}, key="str").save(path)
    return path


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[content.index(b"apple")] ^= 1
    path.write_bytes(content)


def test_an_intact_snapshot_is_told_as_json(run: Run, snapshot: Path) -> None:
    answer = run("verify-snapshot", snapshot.name, "--json").answer
    assert answer["command"] == "verify-snapshot"
    assert answer["schema"] == "adhash.verify-snapshot.v1"
    assert (answer["status"], answer["rows"], answer["key_type"]) == ("intact", 2, "str")
    assert all(check["ok"] for check in answer["checks"])


def test_an_intact_snapshot_is_told_as_text(run: Run, snapshot: Path) -> None:
    outcome = run("verify-snapshot", snapshot.name)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines()[-1] == "map.arrow: intact"
    assert "every key found with its value" in outcome.out


def test_a_damaged_snapshot_prints_its_checks_and_ends_with_3(
    run: Run, snapshot: Path, tmp_path: Path
) -> None:
    damage(snapshot)
    outcome = run("verify-snapshot", snapshot.name, "--json", "--json-out", "result.json")
    answer = json.loads(outcome.out)
    assert (outcome.code, answer["ok"], answer["status"]) == (3, False, "damaged")
    assert [check["name"] for check in answer["checks"] if check["ok"] is False] == [
        "checksum",
        "batches",
    ]
    assert outcome.envelope["error"] == "Invariant"
    assert "map.arrow is damaged: checksum" in outcome.envelope["detail"]
    written = json.loads((tmp_path / "result.json").read_text("utf-8"))
    assert {**written, "ok": False, "command": "verify-snapshot"} == answer


def test_damage_is_marked_in_the_text(run: Run, snapshot: Path) -> None:
    damage(snapshot)
    outcome = run("verify-snapshot", snapshot.name)
    assert outcome.code == 3
    lines = {line.split("  ")[0]: line for line in outcome.out.splitlines()}
    assert "damaged" in lines["batches"]
    assert "not checked" in lines["look-ups"]


def test_a_file_that_is_no_snapshot_ends_with_2(run: Run, tmp_path: Path) -> None:
    (tmp_path / "trace.csv").write_text("op,key,value\n", "utf-8")
    outcome = run("verify-snapshot", "trace.csv", "--json")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.envelope["error"] == "BadInput"


def test_a_missing_file_ends_with_5(run: Run) -> None:
    outcome = run("verify-snapshot", "missing.arrow")
    assert (outcome.code, outcome.envelope["error"]) == (5, "IO")


def test_a_file_must_be_named(run: Run) -> None:
    outcome = run("verify-snapshot")
    assert (outcome.code, outcome.envelope["error"]) == (2, "BadInput")
