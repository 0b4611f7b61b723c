"""The commands on snapshots say in text, in JSON and by their exit code what they found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("adhash.maps", reason="the native module is not built", exc_type=ImportError)

from adhash import Map

Run = Callable[..., Any]


def saved(path: Path, entries: dict[Any, Any], **options: Any) -> str:
    Map(entries, **options).save(path)
    return str(path)


def test_what_is_in_a_snapshot_is_told_as_text(run: Run, tmp_path: Path) -> None:
    saved(tmp_path / "m.arrow", {"apple": 3, "pear": 40}, key="str", engine="swiss", seed=3)
    outcome = run("inspect-snapshot", "m.arrow", "--key", "pear")
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[0] == "m.arrow: 2 entries of swiss, str to int64, seed 3"
    assert "keys: str, 4 to 5 bytes, 4.5 on average" in outcome.out
    assert "key pear: 40 (8 bytes), row " in outcome.out
    for heading in ("keys, bytes at most", "values, magnitude at most", "probe length", "row"):
        assert sum(line.strip().startswith(heading) for line in lines) == 1


def test_hostile_keys_and_names_do_nothing_to_a_terminal(run: Run, tmp_path: Path) -> None:
    name = "m\x1b[2J\n.arrow"
    saved(tmp_path / name, {"\x1b[31mred\nx": "\ty"}, key="str", value="str")
    saved(tmp_path / "other.arrow", {"\x1b[31mred\nx": "z\r"}, key="str", value="str")
    shown = [
        run("inspect-snapshot", name, "--key", "\x1b[31mred\nx").out,
        run("verify-snapshot", name).out,
        run("diff-snapshot", name, "other.arrow").out,
        run("compact-snapshot", name, "--out", name).out,
    ]
    for text in shown:
        assert "m\\x1b[2J\\n.arrow" in text
        assert all(line.isprintable() for line in text.split("\n"))
    for text in (shown[0], shown[2]):
        assert "\\x1b[31mred\\nx" in text
    assert shown[0].startswith("m\\x1b[2J\\n.arrow: 1 entry of adaptive")


def test_what_is_in_a_snapshot_is_told_as_json(run: Run, tmp_path: Path) -> None:
    saved(tmp_path / "m.arrow", {1: 2})
    answer = run("inspect-snapshot", "m.arrow", "--json", "--limit", "1", "--no-load").answer
    assert answer["schema"] == "adhash.inspect-snapshot.v1"
    assert answer["loaded"] is None
    [entry] = answer["entries"]
    assert (entry["key"]["text"], entry["value"]["text"]) == ("1", "2")


@pytest.mark.parametrize("command", ["inspect-snapshot", "compact-snapshot", "diff-snapshot"])
def test_a_damaged_snapshot_ends_with_2_and_a_missing_one_with_5(
    run: Run, tmp_path: Path, command: str
) -> None:
    path = tmp_path / "m.arrow"
    saved(path, {1: 2})
    path.write_bytes(path.read_bytes()[:-9])
    options = {"compact-snapshot": ["--out", "o.arrow"], "diff-snapshot": ["m.arrow"]}
    rest = options.get(command, [])
    damaged = run(command, "m.arrow", *rest)
    assert (damaged.code, damaged.envelope["error"]) == (2, "BadInput")
    assert "adhash verify-snapshot --repair --out" in damaged.envelope["hint"]
    (tmp_path / "t.csv").write_text("op,key,value\nput,1,2\n", "utf-8")
    foreign = run(command, "t.csv", *rest)
    assert (foreign.code, foreign.envelope["error"]) == (2, "BadInput")
    assert foreign.envelope["hint"] == "run-csv --snapshot-out and Map.save write snapshots"
    missing = run(command, "none.arrow", *rest)
    assert (missing.code, missing.envelope["error"]) == (5, "IO")
    assert not (tmp_path / "o.arrow").exists()


def test_compacting_tells_the_bytes_before_and_after(run: Run, tmp_path: Path) -> None:
    saved(tmp_path / "m.arrow", {number: number * 2 for number in range(5_000)})
    outcome = run("compact-snapshot", "m.arrow", "--out", "dense.arrow")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("dense.arrow: ")
    assert "5,000 of 5,000 rows, sorted by key, compression zstd" in outcome.out
    answer = run("compact-snapshot", "m.arrow", "--out", "m.arrow", "--no-sort", "--json").answer
    assert answer["bytes_after"] == (tmp_path / "m.arrow").stat().st_size < answer["bytes_before"]


def test_the_exit_code_of_a_comparison_says_whether_entries_differ(
    run: Run, tmp_path: Path
) -> None:
    saved(tmp_path / "a.arrow", {1: 2, 3: 4}, engine="swiss", seed=1)
    saved(tmp_path / "b.arrow", {1: 2, 3: 4}, engine="std", seed=1)
    saved(tmp_path / "c.arrow", {1: 2, 3: 5, 6: 7}, engine="swiss", seed=1)
    same = run("diff-snapshot", "a.arrow", "b.arrow")
    assert (same.code, same.err) == (0, "")
    assert "same: 0 added, 0 removed, 0 changed, 2 unchanged" in same.out
    different = run("diff-snapshot", "a.arrow", "c.arrow")
    assert (different.code, different.err) == (3, "")
    rows = [line.split() for line in different.out.splitlines()]
    assert ["added", "6", "-", "7"] in rows
    assert ["changed", "3", "4", "5"] in rows
    told = run("diff-snapshot", "a.arrow", "c.arrow", "--json", "--limit", "0")
    answer = json.loads(told.out)
    assert (told.code, answer["ok"], answer["status"]) == (3, True, "different")
    assert (answer["added"], answer["changes"], answer["is_complete"]) == (1, [], False)


def test_a_repair_tells_what_was_kept_and_lost(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "m.arrow"
    saved(path, {number: number for number in range(70_000)}, engine="swiss")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - 40_000])
    outcome = run("verify-snapshot", "m.arrow", "--repair", "--out", "new.arrow")
    assert (outcome.code, outcome.err) == (0, "")
    assert "repaired: 65,536 of 70,000 rows kept in new.arrow" in outcome.out
    assert "lost rows 65,536 to 69,999" in outcome.out
    assert run("verify-snapshot", "new.arrow").code == 0
