"""``adhash batch`` as a user meets it: a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adhash.batch.__main__ import arguments
from conftest import Run, clean_environment

SUITE = """
[batch]
name = "mine"

[[batch.jobs]]
name = "replay"
command = "run-csv"
csv = "t.csv"
matrix = { mode = ["swiss", "std"] }

[[batch.jobs]]
name = "check"
command = "run-csv"
needs = ["replay"]
csv = "t.csv"
dry_run = true
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """Return a suite of three jobs beside its trace."""
    (tmp_path / "t.csv").write_text("op,key,value\nput,1,2\nget,1,\n", "utf-8")
    (tmp_path / "mine.toml").write_text(SUITE, "utf-8")
    return tmp_path / "mine.toml"


def test_a_suite_ends_in_a_table_of_its_jobs_and_its_files(run: Run, spec: Path) -> None:
    done = run("batch", "mine.toml", "--html-report", "r.html")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert [line.split()[:3] for line in lines[1:4]] == [
        ["replay-swiss", "run-csv", "completed"],
        ["replay-std", "run-csv", "completed"],
        ["check", "run-csv", "completed"],
    ]
    folder = spec.parent
    assert lines[4:] == [
        f"report: {folder}/runs/batch/mine/report.md",
        f"html_report: {folder}/r.html",
        f"result: {folder}/runs/batch/mine/result.json",
    ]
    assert "<h1>mine</h1>" in (folder / "r.html").read_text("utf-8")


def test_json_is_the_result(run: Run, spec: Path) -> None:
    answer = run("batch", str(spec), "--json", "--max-parallel", "2").answer
    assert (answer["command"], answer["schema"]) == ("batch", "adhash.batch.v1")
    assert (answer["status"], answer["max_parallel"]) == ("completed", 2)


@pytest.mark.parametrize("words", [("--spec", "mine.toml"), ("--spec=mine.toml",)])
def test_the_module_runs_a_suite_by_name(run: Run, spec: Path, words: tuple[str, ...]) -> None:
    assert run(*words, "--json", module="adhash.batch").answer["name"] == "mine"


def test_words_of_the_module_are_those_of_the_command() -> None:
    assert arguments(["--json", "--spec", "f", "--out-dir", "o"]) == [
        *("batch", "--json", "f", "--out-dir", "o")
    ]


def test_a_failed_job_ends_the_command_with_3_after_the_others_ran(run: Run, spec: Path) -> None:
    (spec.parent / "t.csv").write_text("op,key,value\nget,1,\nfly,1,\n", "utf-8")
    text = run("batch", "mine.toml")
    assert text.code == 3
    assert text.envelope["error"] == "Invariant"
    assert "3 of 3 jobs did not complete: replay-swiss failed" in text.envelope["detail"]
    assert "skipped" in text.out
    answered = run("batch", "mine.toml", "--json")
    assert answered.code == 3
    data = json.loads(answered.out)
    assert (data["ok"], data["status"]) == (False, "failed")
    assert data["jobs"][0]["error"]["error"] == "BadInput"
    assert "line 3" in data["jobs"][0]["error"]["detail"]


def test_a_wrong_suite_ends_with_2_and_nothing_runs(run: Run, spec: Path) -> None:
    spec.write_text(SUITE.replace("dry_run", "dryrun"), "utf-8")
    done = run("batch", "mine.toml")
    assert (done.code, done.out) == (2, "")
    assert "mine.toml: batch.jobs[1] (check): dryrun is not an option" in done.envelope["detail"]
    assert "dry_run" in done.envelope["hint"]
    assert not (spec.parent / "runs").exists()


@pytest.mark.parametrize("args", [(), ("none.toml",), ("mine.toml", "--max-parallel", "0")])
def test_a_wrong_call_ends_with_2(run: Run, spec: Path, args: tuple[str, ...]) -> None:
    done = run("batch", *args)
    assert done.code == 2
    assert done.envelope["error"] == "BadInput"


def test_the_bundled_suites_are_listed_and_run_by_name(run: Run) -> None:
    listed = run("batch", "--list")
    assert listed.code == 0
    assert {"engines", "smoke"} <= {line.split()[0] for line in listed.out.splitlines()}
    names = run("batch", "--list", "--json").answer["suites"]
    assert isinstance(names, list)
    assert {"engines", "smoke"} <= {each["name"] for each in names}
    answer = run("batch", "smoke", "--json").answer
    assert (answer["status"], answer["spec"]) == ("completed", "smoke")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_jobs_and_leaves_the_reports(
    tmp_path: Path, spec: Path, number: signal.Signals
) -> None:
    spec.write_text(SUITE.replace("dry_run = true", "rate = 0.001"), "utf-8")
    words = [sys.executable, "-m", "adhash", "batch", "mine.toml"]
    with subprocess.Popen(
        words,
        cwd=tmp_path,
        env=clean_environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        log = tmp_path / "runs" / "batch" / "mine" / "check" / "stdout.log"
        until = time.monotonic() + 60
        while not log.exists():
            assert time.monotonic() < until, "the job did not begin"
            time.sleep(0.02)
        os.kill(process.pid, number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(err)["detail"] == "interrupted after 2 of 3 jobs"
    assert "cancelled" in out
    assert "| check | run-csv | cancelled |" in (log.parents[1] / "report.md").read_text("utf-8")
