"""``adhash workload-dna``: a report for a person, one object for a program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adhash.analysis.dna import WorkloadDnaResult, workload_dna
from adhash.cli.dna_report import report
from conftest import Run

SECTIONS = (
    "what a map would answer",
    "keys",
    "hottest keys",
    "distinct keys over time",
    "phases",
    "traffic of keys after they came up",
    "reuse distance: other keys since the last access to a key",
    "misses of an LRU cache by its entries",
    "lengths in bytes",
    "probes in each engine, and by chance",
)


def test_the_report_has_all_sections(run: Run) -> None:
    done = run("workload-dna", "--sample", "churn")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert [line for line in lines if line in SECTIONS] == list(SECTIONS)
    assert "operations on" in lines[0]
    assert "~" not in done.out
    assert max(map(len, lines)) <= 120


def test_json_is_the_result(run: Run) -> None:
    answer = run("workload-dna", "--sample", "zipf", "--hot-keys", "3", "--json").answer
    assert answer.pop("command") == "workload-dna"
    assert answer.pop("ok") is True
    result = WorkloadDnaResult.model_validate(answer)
    assert len(result.hot_keys.keys) == 3
    assert 0.97 < (result.skew.zipf.exponent if result.skew.zipf else 0) < 1.01


def test_a_file_gets_the_same_result(run: Run, tmp_path: Path) -> None:
    answer = run("workload-dna", "--sample", "zipf", "--json-out", "out/dna.json", "--json").answer
    written = json.loads((tmp_path / "out" / "dna.json").read_text("utf-8"))
    assert {**written, "ok": True, "command": "workload-dna"} == answer


def test_estimates_are_marked(run: Run, tmp_path: Path) -> None:
    rows = "".join(f"put,{n % 90_000},{n}\n" for n in range(140_000))
    (tmp_path / "trace.csv").write_text(f"op,key,value\n{rows}", encoding="utf-8")
    done = run("workload-dna", "--csv", "trace.csv", "--max-tracked-keys", "2000")
    assert done.code == 0
    assert "figures with ~ are estimates" in done.out
    assert "inserts  ~" in done.out
    assert " +- " in done.out
    lines = done.out.splitlines()
    curve = lines[lines.index("misses of an LRU cache by its entries") + 2]
    assert curve.count("~") == curve.count(" %")
    spread = lines[lines.index(SECTIONS[6]) + 1 : lines.index(SECTIONS[7]) - 1]
    assert all("~" in line for line in spread if "%" in line)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("op,key,value\n", "no rows"),
        ("op,key,value\nfly,1,\n", "line 2, column 1"),
    ],
)
def test_a_bad_trace_is_one_line_of_json(
    run: Run, tmp_path: Path, content: str, words: str
) -> None:
    (tmp_path / "trace.csv").write_text(content, encoding="utf-8")
    done = run("workload-dna", "--csv", "trace.csv")
    assert (done.code, done.out) == (2, "")
    assert done.envelope["error"] == "BadInput"
    assert words in done.envelope["detail"]


def test_a_wrong_option_is_named_as_it_was_typed(run: Run) -> None:
    done = run("workload-dna", "--sample", "zipf", "--max-tracked-keys", "5")
    assert done.code == 2
    assert "--max-tracked-keys" in done.envelope["detail"]


def test_a_rounded_quantile_is_told_as_the_span_it_lies_in(tmp_path: Path) -> None:
    # Each key comes again after 1000 others, and lives for 2000 rows.
    rows = [*(f"put,{key},1" for key in range(1001)), *(f"get,{key}," for key in range(1001))]
    rows += [f"del,{key}," for key in range(1001)]
    path = tmp_path / "trace.csv"
    path.write_text("\n".join(["op,key,value", *rows, f"put,{'k' * 1500},1"]) + "\n", "utf-8")
    text = report(workload_dna(path))
    assert "p50 896-1,023   p90 896-1,023   p99 896-1,023" in text
    assert "p50 1,792-2,047, p90 1,792-2,047 rows to deletion" in text


def test_one_of_a_kind_is_no_plural_and_a_name_stays_on_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[2J\n.csv"
    path.write_text("op,key,value\nget,1,\n", encoding="utf-8")
    text = report(workload_dna(path))
    assert text.startswith(f"{tmp_path}/a\\x1b[2J\\n.csv: 1 operation on 1 key (int64)")
    assert "1 keys" not in text
    assert "1 rows" not in text


@pytest.mark.parametrize(
    "rows",
    [
        ["get,1,"],
        ["del,a,"] * 5,
        ["put,1,2", "get,1,"],
        [f"put,{n},{n}" for n in range(30)],
        ['put,"a\tb\x1b[2J",x'] * 3,
    ],
)
def test_any_trace_has_a_report(rows: list[str], tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("\n".join(["op,key,value", *rows]) + "\n", encoding="utf-8")
    text = report(workload_dna(path))
    assert "hottest keys" in text
    assert all(line.isprintable() for line in text.splitlines())
