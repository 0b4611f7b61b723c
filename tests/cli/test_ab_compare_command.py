"""``adhash ab-compare``: what it prints, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("adhash.maps", reason="the native module is not built", exc_type=ImportError)

# What the fixture `run` gives: a function that runs adhash and returns its Outcome.
Run = Callable[..., Any]

ENGINES = ("--a", "mode=swiss", "--b", "mode=std", "--seed", "1")


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Return a small trace in the folder in which commands run."""
    path = tmp_path / "trace.csv"
    rows = "".join(f"put,{i % 90},{i}\nget,{i % 70},\n" for i in range(200))
    path.write_text("op,key,value\n" + rows, "utf-8")
    return path


def memory(*more: str) -> list[str]:
    """Return a comparison that the size of the tables decides: it is the same on any machine."""
    return ["ab-compare", "--csv", "trace.csv", "--metric", "memory_bytes", *more]


def test_a_comparison_is_told_as_json(run: Run, trace: Path, tmp_path: Path) -> None:
    answer = run(*memory(*ENGINES, "--max-pairs", "3", "--json", "--json-out", "ab.json")).answer
    assert answer["schema"] == "adhash.ab-compare.v1"
    assert answer["verdict"] == "inconclusive"
    assert (answer["a"]["given"], answer["b"]["engine"]) == ({"mode": "swiss"}, "std")
    assert len(answer["pairs"]) == 3
    written = json.loads((tmp_path / "ab.json").read_text("utf-8"))
    assert {"ok": True, "command": "ab-compare", **written} == answer


def test_a_comparison_is_told_as_text(run: Run, trace: Path) -> None:
    outcome = run(*memory(*ENGINES, "--max-pairs", "3"))
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[0].split()[:3] == ["metric", "a", "b"]
    assert any(line.startswith("memory_bytes *") for line in lines)
    assert lines[-1].startswith("b is inconclusive: memory_bytes of b is ")


def test_a_worse_candidate_ends_with_3_where_that_was_asked_for(run: Run, trace: Path) -> None:
    sizes = {
        mode: json.loads(run("run-csv", "--csv", "trace.csv", "--mode", mode, "--json").out)[
            "summaries"
        ][0]["memory"]["bytes"]
        for mode in ("swiss", "std")
    }
    small, large = sorted(sizes, key=lambda mode: sizes[mode])
    sides = ["--a", f"mode={small}", "--b", f"mode={large}", "--max-pairs", "8", "--json"]
    told = run(*memory(*sides))
    assert (told.code, json.loads(told.out)["verdict"]) == (0, "worse")
    refused = run(*memory(*sides, "--fail-if-worse"))
    assert (refused.code, json.loads(refused.out)["ok"]) == (3, False)
    assert refused.envelope["detail"].startswith("b is worse than a: memory_bytes of b is")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--a", "mode=swiss"], "--b: settings are needed, such as mode=swiss"),
        ([*ENGINES, "--self-test"], "--b: a self-test has one side"),
        ([*ENGINES, "--metric", "p50_ns", "--metric", "p50_ns"], "give each metric once"),
        ([*ENGINES, "--b-python", "/nowhere/python"], "is no program that can be started"),
        (["--a", "mode=swiss", "--b", "python=/x"], "b: python is not a setting"),
        (["--a", "mode=swiss", "--b", "std"], "settings are written NAME=VALUE"),
        (["--a", "mode=swiss", "--b", "metrics.port=1"], "a comparison does neither"),
        (["--a", "mode=swiss", "--b", "replay.rate=fast"], "b: replay.rate must be"),
        ([*ENGINES, "--metric", "speed"], "'cpu_s' or 'all'; got 'speed'"),
        ([*ENGINES, "--confidence", "1"], "--confidence must be less than 1; got"),
        ([*ENGINES, "--min-pairs", "9", "--max-pairs", "5"], "must be at least min_pairs"),
    ],
)
def test_wrong_options_end_with_2(run: Run, trace: Path, args: list[str], message: str) -> None:
    outcome = run("ab-compare", "--csv", "trace.csv", *args)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.envelope["detail"]


def test_a_trace_that_is_missing_ends_with_the_code_of_the_run(run: Run) -> None:
    outcome = run("ab-compare", "--csv", "missing.csv", *ENGINES)
    assert (outcome.code, outcome.envelope["error"]) == (5, "IO")
    assert "missing.csv" in outcome.envelope["detail"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_comparison_and_its_child(trace: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "adhash", "ab-compare", "--csv", str(trace), *ENGINES]
    command += ["--min-effect", "0", "--max-pairs", "10000"]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        child = _first_child(process)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert json.loads(err)["error"] == "Interrupted"
    with pytest.raises(ProcessLookupError):
        os.killpg(child, 0)


def _first_child(process: subprocess.Popen[str]) -> int:
    if sys.platform != "linux":
        pytest.skip("looks into /proc")
    while process.poll() is None:
        lists = Path(f"/proc/{process.pid}/task").glob("*/children")
        for pid in (pid for each in lists for pid in each.read_text("ascii").split()):
            return int(pid)
        time.sleep(0.01)
    raise AssertionError(process.stderr.read() if process.stderr else "")
