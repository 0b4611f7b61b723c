"""``adhash profile`` as a user meets it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Run

QUICK = ("--rounds", "1", "--sample-rows", "1000")


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace.csv"
    rows = [f"put,{n % 900},{n}\nget,{n % 1300},\n" for n in range(3_000)]
    path.write_text("op,key,value\n" + "".join(rows), encoding="utf-8")
    return path


def test_candidates_and_the_reason_are_printed(run: Run, trace: Path) -> None:
    done = run("profile", "--csv", str(trace), *QUICK)

    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].split()[:2] == ["mode", "predicted"]
    assert len([line for line in lines if "ms" in line or "µs" in line]) >= 4
    assert any(line.startswith("recommended: ") for line in lines)
    assert any(line.startswith("because ") for line in lines)


def test_json_has_the_result_at_its_top(run: Run, trace: Path) -> None:
    answer = run("profile", "--csv", str(trace), *QUICK, "--json").answer

    assert answer["command"] == "profile"
    assert answer["schema"] == "adhash.profile.v1"
    assert {"recommended_mode", "reason", "confidence", "candidates"} <= set(answer)


def test_standard_input_is_spooled(trace: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "adhash", "profile", "--csv", "-", *QUICK, "--json"],
        input=trace.read_bytes(),
        capture_output=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["csv"] == "-"


def test_then_runs_a_command_with_the_pick(run: Run, trace: Path) -> None:
    done = run(
        *("profile", "--csv", str(trace), *QUICK, "--mode", "chaining", "--key-type", "str"),
        *("--then", "run-csv", "--verify", "--json"),
    )

    assert done.code == 0
    assert "recommended: chaining" in done.err
    (summary,) = json.loads(done.out)["summaries"]
    assert (summary["mode"], summary["key_type"]) == ("chaining", "str")
    assert summary["verified"]["checked"] == 6_000


def test_then_passes_the_exit_code_on(run: Run, trace: Path) -> None:
    found = ("profile", "--csv", str(trace), *QUICK, "--json", "--then", "run-csv")

    done = run(*found, "--rate", "x")

    assert done.code == 2
    profiled, failed = map(json.loads, done.err.splitlines())
    assert profiled["command"] == "profile"
    assert failed["error"] == "BadInput"


def test_then_leaves_words_as_they_are(run: Run, trace: Path) -> None:
    awkward = trace.with_name("a b;$(touch pwned)'.csv")
    trace.rename(awkward)
    out = trace.with_name("s u;m.json")

    done = run(
        *("profile", "--csv", awkward.name, *QUICK),
        *("--then", "run-csv", "--json-summary-out", out.name),
    )

    assert done.code == 0, done.err
    assert json.loads(out.read_text("utf-8"))["csv"] == awkward.name
    assert not trace.with_name("pwned").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("engines",), "--then runs run-csv; got 'engines'"),
        (("rm", "-rf"), "--then runs run-csv; got 'rm'"),
        (("run-csv", "--mode", "swiss"), "from the profile; got --mode"),
        (("run-csv", "--csv=other.csv"), "from the profile; got --csv=other.csv"),
        ((), "--then"),
    ],
)
def test_what_then_cannot_do_is_refused_before_the_race(
    run: Run, words: tuple[str, ...], message: str
) -> None:
    done = run("profile", "--csv", "missing.csv", "--then", *words)

    assert done.code == 2
    assert message in done.envelope["detail"]


def test_then_refuses_what_can_be_read_once(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    for name in ("-", "pipe"):
        done = run("profile", "--csv", name, "--then", "run-csv")
        assert done.code == 2
        assert "second time" in done.envelope["detail"]


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        ((), 2, "give either csv"),
        (("--csv", "missing.csv"), 5, "cannot read the trace"),
        (("--csv", "empty.csv"), 2, "empty"),
        (("--csv", "header.csv"), 2, "no rows"),
        (("--csv", "trace.csv", "--mode", "cuckoo"), 2, "unknown mode"),
        (("--csv", "trace.csv", "--sample-rows", "5"), 2, "--sample-rows"),
        (("--csv", "trace.csv", "--csv-max-rows", "10"), 4, "csv_max_rows"),
        (("--csv", "trace.csv", "--json-out", "no/where.json"), 5, "cannot write"),
    ],
)
def test_bad_input_is_one_line_and_a_code(
    run: Run, trace: Path, args: tuple[str, ...], code: int, message: str
) -> None:
    trace.with_name("empty.csv").touch()
    trace.with_name("header.csv").write_text("op,key,value\n", encoding="utf-8")

    done = run("profile", *args)

    assert done.code == code
    assert message in done.envelope["detail"]


def test_an_interrupt_ends_the_wait_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    args = [sys.executable, "-m", "adhash", "profile", "--csv", "pipe"]
    with (
        subprocess.Popen(
            args, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process,
        (tmp_path / "pipe").open("w", encoding="utf-8") as pipe,  # waits for the reader
    ):
        pipe.write("op,key,value\nput,1,1\n")
        pipe.flush()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert out == b""
    assert json.loads(err)["error"] == "Interrupted"
