"""The command `python -m benchmarks`, run as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run_benchmarks(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=ROOT, capture_output=True, text=True
    )


def test_cases_are_listed_and_each_can_be_loaded():
    done = run_benchmarks("--list")
    names = done.stdout.split()
    assert done.returncode == 0
    assert "replay_csv" in names
    assert {path.stem for path in (ROOT / "benchmarks/cases").glob("[a-z]*.py")} == set(names)


def test_unknown_case_is_refused_by_name():
    done = run_benchmarks("--only", "replay_xml")
    assert done.returncode == 2
    assert "replay_xml" in done.stderr


def test_rounds_below_one_are_refused():
    done = run_benchmarks("--rounds", "0")
    assert done.returncode == 2
    assert "at least 1" in done.stderr


def test_case_prints_its_verdict_and_writes_every_measurement(tmp_path):
    pytest.importorskip("adhash._native")
    out = tmp_path / "found.json"
    done = run_benchmarks("--quick", "--rounds", "2", "--only", "single_get", "--json", str(out))
    assert done.returncode == 0, done.stderr
    assert "at most 2x: " in done.stdout
    found = json.loads(out.read_text(encoding="utf-8"))
    (case,) = found["cases"]
    assert found["quick"] is True
    assert case["name"] == "single_get"
    assert {len(timing["costs"]) for timing in case["timings"]} == {2}


def test_missing_traces_are_said_to_be_missing(tmp_path):
    pytest.importorskip("adhash._native")
    done = run_benchmarks("--quick", "--only", "traces", "--traces", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert f"no traces in {tmp_path}" in done.stdout


def test_failed_case_is_an_error_and_not_a_figure(tmp_path):
    (tmp_path / "convert.py").write_text("raise SystemExit(5)", encoding="utf-8")
    (tmp_path / "stats.json").write_text('[{"name": "no_such_trace"}]', encoding="utf-8")
    done = run_benchmarks("--quick", "--only", "traces", "--traces", str(tmp_path))
    assert done.returncode == 1
    assert "traces: failed" in done.stderr
