"""``adhash serve``, ``adhash jobs`` and ``--server``: processes that talk to each other."""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from server_process import ServerProcess, environment, served

from adhash.replay import run_csv

TOKEN = "token-of-the-tests"  # noqa: S105
TRACE = "op,key,value\nput,1,2\nget,1,\nget,3,\n"
SUITE = """
[batch]
name = "two"

[[batch.jobs]]
name = "save"
command = "run-csv"
csv = "trace.csv"
mode = "swiss"
snapshot_out = "../made/{stem}.arrow"

[[batch.jobs]]
name = "load"
command = "run-csv"
needs = ["save"]
csv = "trace.csv"
mode = "swiss"
snapshot_in = "../made/{stem}.arrow"
"""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        """Return the one object on standard output."""
        assert (self.code, self.err) == (0, "")
        return dict(json.loads(self.out))

    @property
    def error(self) -> dict[str, str]:
        """Return the envelope, the last line on standard error."""
        return dict(json.loads(self.err.splitlines()[-1]))


Adhash = Callable[..., Ended]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "data").mkdir()
    (folder / "data" / "there.csv").write_text(TRACE, "utf-8")
    settings = {"ADHASH_TOKEN": TOKEN, "ADHASH_LOG_LEVEL": "warning"}
    with served(folder, **settings, ADHASH_DATA_ROOTS=str(folder / "data")) as process:
        yield process


def started(folder: Path, url: str, *words: str, **environ: str) -> subprocess.Popen[str]:
    variables = environment({"ADHASH_SERVER": url, "ADHASH_TOKEN": TOKEN, **environ})
    return subprocess.Popen(
        [sys.executable, "-m", "adhash", *words],
        cwd=folder,
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


@pytest.fixture
def adhash(server: ServerProcess, tmp_path: Path) -> Adhash:
    """Return a function that runs a command of adhash with the server in its environment."""
    (tmp_path / "trace.csv").write_text(TRACE, "utf-8")

    def run(*words: str, stdin: str = "", **environ: str) -> Ended:
        process = started(tmp_path, server.url, *words, **environ)
        out, err = process.communicate(stdin, timeout=120)
        return Ended(code=process.returncode, out=out, err=err)

    return run


def heading(text: str) -> list[str]:
    """Return the words of the first line of a table."""
    return text.splitlines()[0].split()


def test_a_replay_there_prints_what_one_here_prints(adhash: Adhash, tmp_path: Path) -> None:
    words = ["run-csv", "--csv", "trace.csv", "--mode", "swiss,std"]
    there = adhash(*words, "--json")
    here = adhash(*words, "--json", ADHASH_SERVER="")
    assert list(there.answer) == list(here.answer)
    assert [set(each) for each in there.answer["summaries"]] == [
        set(each) for each in here.answer["summaries"]
    ]
    for summary in there.answer["summaries"]:
        assert (summary["csv"], summary["ops"]["total"]) == ("trace.csv", 3)
    text_there, text_here = adhash(*words), adhash(*words, ADHASH_SERVER="")
    assert (text_there.code, text_there.err) == (0, "")
    assert heading(text_there.out) == heading(text_here.out)
    assert len(text_there.out.splitlines()) >= 3


def test_what_a_replay_writes_comes_back(adhash: Adhash, tmp_path: Path) -> None:
    done = adhash(
        *("run-csv", "--csv", "trace.csv", "--mode", "swiss", "--snapshot-out", "new/m.arrow"),
        *("--json-summary-out", "other/m.arrow", "--metrics-out-dir", "ticks"),
    )
    assert (done.code, done.err) == (0, "")
    assert json.loads((tmp_path / "other" / "m.arrow").read_text("utf-8"))["mode"] == "swiss"
    assert (tmp_path / "ticks" / "metrics.ndjson").stat().st_size > 0
    verified = adhash("verify-snapshot", "new/m.arrow", "--json", ADHASH_SERVER="")
    assert verified.code == 0
    assert "summary: other/m.arrow" in done.out


def test_inputs_are_here_there_or_on_standard_input(adhash: Adhash, server: ServerProcess) -> None:
    there = server.log.parent / "data" / "there.csv"
    for words, stdin in [
        (["--csv", f"server:{there}"], ""),
        (["--csv", "-"], TRACE),
        (["--sample", "identifiers"], ""),
    ]:
        done = adhash("run-csv", *words, "--mode", "swiss", "--json", stdin=stdin)
        assert done.answer["summaries"][0]["ops"]["total"] >= 3
    missing = adhash("run-csv", "--csv", "nothing.csv")
    assert (missing.code, missing.error["error"]) == (2, "BadInput")
    assert "server:nothing.csv" in missing.error["hint"]
    outside = adhash("run-csv", "--csv", "server:/etc/passwd")
    assert (outside.code, outside.error["error"]) == (4, "Policy")


def test_a_wrong_trace_fails_as_it_does_here(adhash: Adhash, tmp_path: Path) -> None:
    (tmp_path / "wrong.csv").write_text("op,key,value\nput,1,2\nfetch,1,\n", "utf-8")
    there = adhash("run-csv", "--csv", "wrong.csv", "--mode", "swiss")
    here = adhash("run-csv", "--csv", "wrong.csv", "--mode", "swiss", ADHASH_SERVER="")
    assert there.code == here.code == 2
    assert there.error["error"] == here.error["error"]
    assert there.error["detail"].partition("line")[2] == here.error["detail"].partition("line")[2]


def test_a_wrong_option_is_refused_before_anything_is_sent(adhash: Adhash) -> None:
    done = adhash("run-csv", "--csv", "trace.csv", "--rate", "fast", ADHASH_SERVER="http://[::1]:9")
    assert (done.code, done.error["error"]) == (2, "BadInput")
    assert "--rate" in done.error["detail"]


def test_ctrl_c_cancels_the_job_and_brings_back_what_it_made(
    adhash: Adhash, server: ServerProcess, tmp_path: Path
) -> None:
    rows = "".join(f"put,{number},1\n" for number in range(60_000))
    (tmp_path / "long.csv").write_text(f"op,key,value\n{rows}", "utf-8")
    process = started(
        tmp_path, server.url, "run-csv", "--csv", "long.csv", "--mode", "std", "--rate", "1000"
    )
    try:
        job = until(lambda: running(adhash, kind="run-csv"))
        until(lambda: "replaying" in adhash("jobs", "logs", job).out)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert json.loads(err)["error"] == "Interrupted"
    assert "cancelled" in out
    assert adhash("jobs", "show", job, "--json").answer["status"] == "cancelled"


def running(adhash: Adhash, *, kind: str) -> str | None:
    listed = adhash("jobs", "list", "--status", "running", "--kind", kind, "--json").answer
    return listed["jobs"][0]["id"] if listed["jobs"] else None


def until(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.1)
    raise AssertionError("it did not come to that in a minute")


def test_a_profile_runs_there(adhash: Adhash, tmp_path: Path) -> None:
    done = adhash(
        *("profile", "--sample", "identifiers", "--rounds", "1", "--sample-rows", "1000"),
        *("--mode", "swiss,std", "--json-out", "profile.json", "--json"),
    )
    assert done.answer["recommended_mode"] in ("swiss", "std")
    saved = json.loads((tmp_path / "profile.json").read_text("utf-8"))
    assert saved["recommended_mode"] == done.answer["recommended_mode"]


def test_a_suite_runs_there_and_its_files_come_back(adhash: Adhash, tmp_path: Path) -> None:
    stem = f"m{secrets.token_hex(3)}"
    folder = tmp_path / "suites"
    folder.mkdir()
    (folder / "trace.csv").write_text(TRACE, "utf-8")
    (folder / "two.toml").write_text(SUITE.format(stem=stem), "utf-8")
    done = adhash("batch", "suites/two.toml", "--out-dir", "run", "--json")
    assert done.answer["status"] == "completed"
    assert done.answer["spec"] == "suites/two.toml"
    assert (tmp_path / "made" / f"{stem}.arrow").stat().st_size > 0
    assert (tmp_path / "run" / "load" / "stdout.log").exists()
    assert Path(done.answer["artifacts"]["result"]) == tmp_path / "run" / "result.json"
    assert list((tmp_path / "run").rglob(".*")) == []


MATRIX = """
[batch]
name = "matrix"
html_report = "made/page.html"

[[batch.jobs]]
name = "r"
command = "run-csv"
csv = "trace.csv"
matrix = { mode = ["swiss", "std"] }
json_summary_out = "../made/{name}.json"

[[batch.jobs]]
name = "page"
command = "report"
needs = ["r"]
summary = ["../made/r-swiss.json", "../made/r-std.json", "here.json"]
report = "made/page.md"
"""


def test_each_job_of_a_matrix_has_its_file_there_and_a_list_of_inputs_is_sent(
    adhash: Adhash, tmp_path: Path
) -> None:
    folder = tmp_path / "suites"
    folder.mkdir()
    (folder / "trace.csv").write_text(TRACE, "utf-8")
    run_csv(folder / "trace.csv", mode="chaining", json_summary_out=folder / "here.json")
    (folder / "matrix.toml").write_text(MATRIX, "utf-8")
    done = adhash("batch", "suites/matrix.toml", "--out-dir", "run", "--json")
    assert done.answer["status"] == "completed"
    for mode in ("swiss", "std"):
        summary = json.loads((tmp_path / "made" / f"r-{mode}.json").read_text("utf-8"))
        assert summary["mode"] == mode
    page = (folder / "made" / "page.md").read_text("utf-8")
    assert all(f"| {mode} |" in page for mode in ("swiss", "std", "chaining"))
    assert (folder / "made" / "page.html").stat().st_size > 1_000_000


def test_a_job_is_submitted_looked_at_and_deleted(adhash: Adhash, tmp_path: Path) -> None:
    name = secrets.token_hex(4)
    submitted = adhash(
        *("jobs", "submit", "run-csv", "--csv", "trace.csv", "--mode", "swiss"),
        *("--snapshot-out", "m.arrow", "--label", f"name={name}", "--priority", "7"),
        *("--retries", "1", "--isolation", "shared", "--timeout-s", "60"),
    )
    job = submitted.out.strip()
    waited = adhash("jobs", "wait", job, "--json").answer
    assert (waited["status"], waited["priority"]) == ("completed", 7)
    assert waited["labels"] == {"name": name}
    listed = adhash("jobs", "list", "--label", f"name={name}").out
    assert job in listed
    assert "completed" in adhash("jobs", "show", job).out
    assert "replaying" in adhash("jobs", "logs", job, "--follow").out
    lines = [json.loads(line) for line in adhash("jobs", "logs", job, "--json").out.splitlines()]
    rest = adhash("jobs", "logs", job, "--since", lines[0]["next"], "--json").out.splitlines()
    assert [json.loads(line) for line in rest] == lines[1:]
    events = adhash("jobs", "events", job, "--follow", "--json").out.splitlines()
    assert json.loads(events[-1])["data"]["status"] == "completed"
    assert "m.arrow" in adhash("jobs", "artifacts", job).out
    fetched = adhash("jobs", "artifacts", job, "--download", "m.arrow", "--out", "got.arrow")
    assert fetched.code == 0
    assert (tmp_path / "got.arrow").stat().st_size > 0
    assert adhash("jobs", "cancel", job, "--json").answer["status"] == "completed"
    assert adhash("jobs", "delete", job, "--json").answer["artifacts"] == []
    gone = adhash("jobs", "logs", job)
    assert gone.code == 2
    assert "deleted" in gone.error["detail"]


def test_waiting_has_the_exit_code_of_the_command(adhash: Adhash, tmp_path: Path) -> None:
    (tmp_path / "wrong.csv").write_text("op,key,value\nfetch,1,\n", "utf-8")
    job = adhash("jobs", "submit", "run-csv", "--csv", "wrong.csv", "--mode", "std").out.strip()
    waited = adhash("jobs", "wait", job)
    assert (waited.code, waited.error["error"]) == (2, "BadInput")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["show", "nothing"], 2, "there is no job"),
        (["list", "--status", "gone"], 2, "--status"),
        (["list", "--label", "x"], 2, "NAME=VALUE"),
        (["list", "--limit", "0"], 2, "limit"),
        (["artifacts", "x", "--out", "y"], 2, "--download"),
        (["submit", "run-csv"], 2, "csv"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_is_told(adhash: Adhash, words: list[str], code: int, said: str) -> None:
    done = adhash("jobs", *words)
    assert done.code == code
    assert said in done.error["detail"]


def test_a_wrong_token_is_a_matter_of_policy(adhash: Adhash) -> None:
    done = adhash("jobs", "list", ADHASH_TOKEN="another-one")  # noqa: S106
    assert (done.code, done.error["error"]) == (4, "Policy")


def test_a_port_in_use_is_told(adhash: Adhash, server: ServerProcess, tmp_path: Path) -> None:
    port = server.url.rpartition(":")[2]
    done = adhash("serve", "--port", port, "--job-root", str(tmp_path / "jobs"))
    assert done.code == 5
    assert "--port" in done.error["hint"]
