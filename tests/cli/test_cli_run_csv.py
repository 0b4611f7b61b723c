"""``adhash run-csv`` as a user meets it: in a process of its own, with real signals and pipes."""

from __future__ import annotations

import json
import os
import pty
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adhash.maps import engines
from adhash.metrics.validation import validate
from adhash.replay import Summary

if TYPE_CHECKING:
    from conftest import Run

ROWS = 2000
# No test waits for this long: it only keeps a run alive until its test ends it.
SLOW = ("--rate", "20")


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    chance = random.Random(7)
    path = tmp_path / "trace.csv"
    rows = [f"put,{chance.randrange(500)},{number}" for number in range(ROWS // 2)]
    rows += [f"get,{chance.randrange(1000)}," for _ in range(ROWS // 2)]
    path.write_text("\n".join(["op,key,value", *rows]) + "\n", encoding="utf-8")
    return path


@contextmanager
def started(*args: str, cwd: Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Start a run; it is killed at the end if it still lives."""
    given: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
    given |= {"stderr": subprocess.PIPE, "cwd": cwd} | options
    with subprocess.Popen([sys.executable, "-m", "adhash", "run-csv", *args], **given) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(condition: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    """Wait until something is so, as long as the process lives; a minute at most."""
    for _ in range(6000):
        if condition():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    pytest.fail("it did not happen in time")


def begun(out: Path) -> Callable[[], bool]:
    """Return whether a run has written its first tick."""
    partial = out / "metrics.ndjson.partial"
    return lambda: partial.exists() and partial.stat().st_size > 0


# --- what is printed ----------------------------------------------------------------------------


def test_run_prints_a_row_for_each_mode_and_where_the_files_are(run: Run, csv: Path) -> None:
    done = run("run-csv", "--csv", "trace.csv", "--mode", "all", "--metrics-out-dir", "out")
    assert (done.code, done.err) == (0, "")
    heading, *rows = done.out.splitlines()
    for word in ("mode", "time", "ops/s", "p50", "p99.9", "max", "pause", "probe", "bytes/entry"):
        assert word in heading
    assert [row.split()[0] for row in rows[: len(engines())]] == engines()
    assert "metrics: out/metrics.ndjson" in rows
    assert validate(csv.parent / "out" / "metrics.ndjson").backends == tuple(engines())


def test_json_holds_one_summary_a_mode(run: Run, csv: Path) -> None:
    answer = run(
        *("run-csv", "--csv", "trace.csv", "--mode", "swiss,std", "--mode", "fast-insert"),
        *("--json", "--verify", "--seed", "5"),
    ).answer
    assert answer["command"] == "run-csv"
    summaries = [Summary.model_validate(each) for each in answer["summaries"]]  # type: ignore[attr-defined]
    assert [(each.mode, each.engine) for each in summaries] == [
        ("swiss", "swiss"),
        ("std", "std"),
        ("fast-insert", "chaining"),
    ]
    assert {each.ops.total for each in summaries} == {ROWS}
    assert {each.manifest.seed for each in summaries} == {5}
    assert all(each.verified and each.verified.mismatches == 0 for each in summaries)


def test_every_option_of_the_command_reaches_the_run(run: Run, csv: Path) -> None:
    (csv.parent / "own.toml").write_text("[replay]\nverify = true\n", encoding="utf-8")
    answer = run(
        *("run-csv", "--csv", "trace.csv", "--mode", "chaining", "--key-type", "str"),
        *("--value-type", "bytes", "--rate", "1e6", "--csv-max-rows", "5000"),
        *("--csv-max-bytes", "1MiB", "--snapshot-out", "new/map.arrow", "--compress", "lz4"),
        *("--compact-interval", "60", "--seed", "9", "--json-summary-out", "new/summary.json"),
        *("--metrics-out-dir", "out", "--metrics-max-ticks", "7", "--metrics-host", "127.0.0.1"),
        *("--latency-sample-every", "10", "--latency-buckets", "0.5,2", "--config", "own.toml"),
        "--json",
    ).answer
    summary = Summary.model_validate(answer["summaries"][0])  # type: ignore[index]
    settings = summary.manifest.settings
    assert (summary.key_type, summary.value_type) == ("str", "bytes")
    expected = {
        "rate": 1e6,
        "verify": True,
        "csv_max_rows": 5000,
        "csv_max_bytes": 1 << 20,
        "compress": "lz4",
        "compact_interval_s": 60.0,
        "seed": 9,
        "latency_sample_every": 10,
        "latency_buckets_ms": [0.5, 2.0],
    }
    assert {name: settings["replay"][name] for name in expected} == expected
    assert settings["metrics"]["max_ticks"] == 7
    assert set(summary.artifacts) == {"metrics", "snapshot", "summary"}
    for path in summary.artifacts.values():
        assert (csv.parent / path).is_file()
    written = (csv.parent / "new" / "summary.json").read_text(encoding="utf-8")
    assert Summary.model_validate_json(written) == summary


def test_snapshot_can_be_compressed_without_naming_a_codec(run: Run, csv: Path) -> None:
    answer = run(
        "run-csv", "--csv", "trace.csv", "--snapshot-out", "map.arrow", "--compress", "--json"
    ).answer
    assert answer["summaries"][0]["manifest"]["settings"]["replay"]["compress"] == "zstd"  # type: ignore[index]
    again = run("run-csv", "--csv", "trace.csv", "--snapshot-in", "map.arrow", "--verify")
    assert again.code == 0


def test_standard_input_is_a_trace(csv: Path) -> None:
    with csv.open("rb") as file, started("--csv", "-", "--json", cwd=csv.parent, stdin=file) as run:
        out, err = run.communicate(timeout=60)
    assert (run.returncode, err) == (0, b"")
    assert json.loads(out)["summaries"][0]["ops"]["total"] == ROWS


def test_progress_is_shown_on_a_terminal_only(csv: Path) -> None:
    controller, terminal = pty.openpty()
    with started("--csv", "trace.csv", "--rate", "4000", cwd=csv.parent, stderr=terminal) as run:
        os.close(terminal)
        shown = b""
        while select.select([controller], [], [], 60)[0]:
            try:
                chunk = os.read(controller, 65536)
            except OSError:  # how Linux tells that the other side is gone
                break
            if not chunk:
                break
            shown += chunk
        out, _ = run.communicate(timeout=60)
    os.close(controller)
    assert run.returncode == 0
    assert b"adaptive" in shown
    assert b"ops/s" in shown
    assert b"\x1b" not in out


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "code", "error", "words"),
    [
        ([], 2, "BadInput", "exactly one of --csv and --sample"),
        (["--csv", "trace.csv", "--sample", "x"], 2, "BadInput", "exactly one of"),
        (["--csv", "absent.csv"], 5, "IO", "absent.csv"),
        (["--csv", "."], 5, "IO", "directory"),
        (["--csv", "empty.csv"], 2, "BadInput", "empty"),
        (["--csv", "wrong.csv"], 2, "BadInput", "wrong.csv: line 2, column 1"),
        (["--csv", "wrong.csv", "--dry-run"], 2, "BadInput", "2 rows are wrong"),
        (["--csv", "trace.csv", "--mode", "btree"], 2, "BadInput", "unknown mode 'btree'"),
        (["--csv", "trace.csv", "--rate", "fast"], 2, "BadInput", "replay.rate must be"),
        (["--csv", "trace.csv", "--metrics-port", "0"], 2, "BadInput", "metrics.port must be"),
        (["--csv", "trace.csv", "--frob"], 2, "BadInput", "--frob"),
        (["--csv", "trace.csv", "--config", "no.toml"], 5, "IO", "no.toml"),
        (["--csv", "trace.csv", "--csv-max-rows", "10"], 4, "Policy", "csv_max_rows = 10"),
        (["--csv", "trace.csv", "--csv-max-bytes", "99"], 4, "Policy", "csv_max_bytes"),
        (["--csv", "trace.csv", "--snapshot-in", "trace.csv"], 2, "BadInput", "snapshot"),
        (["--csv", "trace.csv", "--json-summary-out", "."], 5, "IO", "not a regular file"),
        (["--csv", "trace.csv", "--metrics-out-dir", "trace.csv"], 5, "IO", "trace.csv"),
        (["--csv", "-", "--mode", "all"], 2, "BadInput", "read once"),
    ],
)
def test_bad_input_is_one_line_and_a_code(
    run: Run, csv: Path, args: list[str], code: int, error: str, words: str
) -> None:
    (csv.parent / "empty.csv").touch()
    (csv.parent / "wrong.csv").write_text("op,key,value\nfrob,1,\nget,,\n", encoding="utf-8")
    before = sorted(csv.parent.rglob("*"))
    done = run("run-csv", *args)
    assert done.code == code
    assert done.out == ""
    assert done.envelope["error"] == error
    assert words in done.envelope["detail"]
    assert sorted(csv.parent.rglob("*")) == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_full_standard_output_is_an_io_error(csv: Path) -> None:
    with (
        Path("/dev/full").open("wb") as full,
        started("--csv", "trace.csv", "--json", cwd=csv.parent, stdout=full) as run,
    ):
        _, err = run.communicate(timeout=60)
    assert run.returncode == 5
    assert json.loads(err)["error"] == "IO"


# --- interruptions ------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_ends_the_run_with_what_it_measured(
    csv: Path, tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "out"
    outputs = ("--metrics-out-dir", "out", "--json-summary-out", "summary.json")
    snapshot = ("--snapshot-out", "map.arrow")
    with started("--csv", "trace.csv", *SLOW, *outputs, *snapshot, "--json", cwd=tmp_path) as run:
        wait_for(begun(out), run)
        run.send_signal(number)
        stdout, stderr = run.communicate(timeout=60)
    assert run.returncode == 130
    assert json.loads(stderr)["error"] == "Interrupted"
    answer = json.loads(stdout)
    assert answer["ok"] is False
    summary = Summary.model_validate(answer["summaries"][0])
    assert summary.status == "cancelled"
    assert 0 < summary.ops.total < ROWS
    assert summary.inserts + summary.updates == summary.ops.put
    assert summary.final_size == summary.inserts
    assert Summary.model_validate_json((tmp_path / "summary.json").read_bytes()) == summary
    assert validate(out / "metrics.ndjson").ticks == summary.ticks.written
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "summary.json", "trace.csv"]


def test_interrupted_comparison_keeps_the_modes_that_were_done(csv: Path, tmp_path: Path) -> None:
    fifo = tmp_path / "second.csv"
    fifo.write_bytes(csv.read_bytes())
    with started(
        *("--csv", "trace.csv", "--mode", "swiss,std", "--rate", "2000"),
        *("--metrics-out-dir", "out", "--json-summary-out", "summary.json"),
        cwd=tmp_path,
    ) as run:
        partial = tmp_path / "out" / "metrics.ndjson.partial"
        wait_for(lambda: partial.exists() and b'"backend":"std"' in partial.read_bytes(), run)
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=60)
    assert run.returncode == 130
    written = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert [(each["mode"], each["status"]) for each in written] == [
        ("swiss", "completed"),
        ("std", "cancelled"),
    ]


@pytest.mark.parametrize("source", ["fifo", "-"])
def test_silent_pipe_does_not_keep_a_run_from_ending(
    csv: Path, tmp_path: Path, source: str
) -> None:
    os.mkfifo(tmp_path / "fifo")
    read, write = os.pipe()
    with started(
        *("--csv", source, "--metrics-port", "auto", "--json-summary-out", "summary.json"),
        cwd=tmp_path,
        stdin=read,
    ) as run:
        assert run.stderr is not None
        assert run.stderr.readline().startswith(b"metrics: http://")
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=60)
    os.close(read)
    os.close(write)
    assert run.returncode == 130
    summary = Summary.model_validate_json((tmp_path / "summary.json").read_bytes())
    assert (summary.status, summary.ops.total) == ("cancelled", 0)


def test_killed_run_leaves_nothing_that_looks_whole(csv: Path, tmp_path: Path) -> None:
    with started("--csv", "trace.csv", *SLOW, "--metrics-out-dir", "out", cwd=tmp_path) as run:
        wait_for(begun(tmp_path / "out"), run)
        run.kill()
        run.communicate(timeout=60)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["metrics.ndjson.partial"]
    with started("--csv", "trace.csv", "--metrics-out-dir", "out", cwd=tmp_path) as again:
        again.communicate(timeout=60)
    assert again.returncode == 0
    assert validate(tmp_path / "out" / "metrics.ndjson").ticks >= 1


# --- the endpoint ---------------------------------------------------------------------------------


def test_endpoint_is_announced_and_a_second_run_on_its_port_is_refused(
    run: Run, csv: Path, tmp_path: Path
) -> None:
    with started("--csv", "trace.csv", *SLOW, "--metrics-port", "auto", cwd=tmp_path) as first:
        assert first.stderr is not None
        url = first.stderr.readline().decode().split()[-1]
        port = url.removesuffix("/metrics").rsplit(":", 1)[1]
        with closing(HTTPConnection("127.0.0.1", int(port), timeout=60)) as connection:
            connection.request("GET", "/healthz")
            assert connection.getresponse().status == 200
        refused = run(
            *("run-csv", "--csv", "trace.csv", "--metrics-port", port, "--metrics-out-dir", "out")
        )
    assert (refused.code, refused.out) == (5, "")
    assert refused.envelope["error"] == "IO"
    assert f"port {port}" in refused.envelope["detail"]
    assert not (tmp_path / "out").exists()


# --- adhash metrics -------------------------------------------------------------------------------


def test_ticks_of_a_run_are_valid_and_a_torn_line_is_told(run: Run, csv: Path) -> None:
    run("run-csv", "--csv", "trace.csv", "--mode", "swiss,std", "--metrics-out-dir", "out")
    checked = run("metrics", "validate", "out/metrics.ndjson", "--json").answer
    assert checked["backends"] == ["swiss", "std"]
    path = csv.parent / "out" / "metrics.ndjson"
    path.write_bytes(path.read_bytes()[:-20])
    torn = run("metrics", "validate", "out/metrics.ndjson")
    assert (torn.code, torn.out) == (2, "")
    assert f"line {checked['ticks']}: not JSON" in torn.envelope["detail"]


def test_schema_of_ticks_is_printed(run: Run) -> None:
    done = run("metrics", "schema")
    assert done.code == 0
    assert json.loads(done.out)["title"] == "metrics.v1"


def test_missing_file_of_ticks_is_an_io_error(run: Run) -> None:
    done = run("metrics", "validate", "absent.ndjson")
    assert (done.code, done.envelope["error"]) == (5, "IO")


def test_bundled_trace_is_replayed_and_an_unknown_one_refused(run: Run) -> None:
    answer = run("run-csv", "--sample", "identifiers", "--verify", "--json").answer
    (summary,) = [Summary.model_validate(each) for each in answer["summaries"]]  # type: ignore[attr-defined]
    assert summary.verified is not None
    assert summary.verified.checked == summary.ops.total > 0
    refused = run("run-csv", "--sample", "no-such-sample")
    assert (refused.code, refused.envelope["error"]) == (2, "BadInput")
    assert "identifiers" in refused.envelope["hint"]
