"""A run ends soon when it is told to, and what it leaves is whole or absent."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest
from command_line import adhash, started, wait_until

from adhash import Map
from adhash.metrics.validation import validate
from adhash.replay import Summary

# A second is what is promised; a busy machine may take longer, a run that does not end takes ever.
PATIENCE_S = 30.0
ROWS = 300_000
OUTPUTS = (
    *("--json-summary-out", "summary.json"),
    *("--metrics-out-dir", "ticks"),
    *("--metrics-port", "auto"),
)


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a generated trace that takes a part of a second to replay."""
    folder = tmp_path_factory.mktemp("trace")
    made = adhash(
        *("generate-csv", "--rows", str(ROWS), "--keys", "200000", "--put", "60", "--get", "40"),
        *("--key-type", "str", "--value-length", "20", "--out", "t.csv"),
        cwd=folder,
    )
    assert made.code == 0, made.err
    return folder / "t.csv"


def pour_for_ever(pipe: IO[bytes], start: bytes, poured: list[int]) -> None:
    """Write rows until nobody reads any more, and note in `poured` what was read."""
    chance = random.Random(3)
    rows = b"".join(b"put,%d,7\n" % chance.randrange(1 << 40) for _ in range(20_000))
    rows += b"".join(b"get,%d,\n" % chance.randrange(1 << 40) for _ in range(20_000))
    with suppress(BrokenPipeError, ValueError):
        pipe.write(start)
        while True:
            poured.append(pipe.write(rows))


@contextmanager
def endless(
    *args: str | Path, cwd: Path, poured: list[int] | None = None, option: str = "--csv"
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a run whose standard input is a trace without an end."""
    with started(*args, option, "-", cwd=cwd, stdin=subprocess.PIPE) as run:
        assert run.stdin is not None
        source = (run.stdin, b"op,key,value\n", [] if poured is None else poured)
        writer = threading.Thread(target=pour_for_ever, args=source, daemon=True)
        writer.start()
        try:
            yield run
        finally:
            run.kill()
            writer.join()
            with suppress(BrokenPipeError):
                run.stdin.close()


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a run ended after a signal."""

    code: int
    after_s: float
    out: bytes
    err: bytes

    @property
    def error(self) -> dict[str, str]:
        """The error, which is the last line on stderr."""
        assert b"Traceback" not in self.err
        found: dict[str, str] = json.loads(self.err.splitlines()[-1])
        return found


def end(run: subprocess.Popen[bytes], *signals: int) -> Ended:
    """Send signals to a run and wait for its end."""
    began = time.monotonic()
    for number in signals:
        run.send_signal(number)
    assert run.stdout is not None
    assert run.stderr is not None
    out, err = run.stdout.read(), run.stderr.read()
    code = run.wait(timeout=60)
    return Ended(code=code, after_s=time.monotonic() - began, out=out, err=err)


def is_announced(run: subprocess.Popen[bytes]) -> bool:
    """Return whether the run has opened its endpoint; waits for it."""
    assert run.stderr is not None
    return run.stderr.readline().startswith(b"metrics: http://")


def require_cancelled(ended: Ended, folder: Path) -> None:
    """Check that a run was cancelled in order, and that its files are whole."""
    print(f"ended after {ended.after_s:.3f} s")
    assert ended.code == 130, ended
    assert ended.error["error"] == "Interrupted"
    assert ended.after_s < PATIENCE_S
    last = require_whole(folder)[-1]
    assert last.status == "cancelled"
    assert json.loads(ended.out)["summaries"][-1] == last.to_dict()


def require_whole(folder: Path) -> list[Summary]:
    """Check that each file is whole and no temporary one is left; return the summaries."""
    names = {path.name for path in folder.rglob("*") if path.is_file()}
    assert names <= {"t.csv", "summary.json", "metrics.ndjson", "map.arrow"}
    if "metrics.ndjson" in names:
        validate(folder / "ticks" / "metrics.ndjson")
    if "map.arrow" in names:
        Map.load(folder / "map.arrow")
    if "summary.json" not in names:
        return []
    written: Any = json.loads((folder / "summary.json").read_bytes())
    listed = written if isinstance(written, list) else [written]
    return [Summary.model_validate(each) for each in listed]


# --- Ctrl-C -------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", range(3))
@pytest.mark.parametrize(
    "options",
    [
        ("--mode", "adaptive"),
        ("--mode", "std"),
        ("--mode", "robinhood", "--verify"),
        ("--mode", "chaining", "--key-type", "str", "--snapshot-out", "map.arrow"),
        ("--mode", "swiss", "--latency-sample-every", "1", "--compact-interval", "0.01"),
        ("--rate", "1000"),
    ],
    ids=" ".join,
)
def test_ctrl_c_ends_an_endless_trace(
    tmp_path: Path, options: tuple[str, ...], moment: int
) -> None:
    with endless("run-csv", *options, *OUTPUTS, "--json", cwd=tmp_path) as run:
        assert is_announced(run)
        time.sleep(random.Random(moment).uniform(0, 0.8))
        ended = end(run, signal.SIGINT)
    require_cancelled(ended, tmp_path)
    assert not (tmp_path / "map.arrow").exists(), "the map of a part is not the map of the trace"


@pytest.mark.parametrize("moment", range(2))
def test_ctrl_c_ends_the_fitting_of_a_trace(tmp_path: Path, moment: int) -> None:
    poured: list[int] = []
    args = ("generate-csv", "--no-check-fit", "--out", "like.csv")
    with endless(*args, cwd=tmp_path, poured=poured, option="--like") as run:
        wait_until(lambda: len(poured) > 8, run)
        time.sleep(random.Random(moment).uniform(0, 0.5))
        ended = end(run, signal.SIGINT)
    assert ended.code == 130, ended
    assert ended.error["error"] == "Interrupted"
    assert ended.after_s < PATIENCE_S
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("moment", range(2))
def test_ctrl_c_ends_a_dry_run(tmp_path: Path, moment: int) -> None:
    outputs = ("--json-summary-out", "summary.json", "--json")
    poured: list[int] = []
    with endless("run-csv", "--dry-run", *outputs, cwd=tmp_path, poured=poured) as run:
        wait_until(lambda: len(poured) > 8, run)
        time.sleep(random.Random(moment).uniform(0, 0.5))
        ended = end(run, signal.SIGINT)
    require_cancelled(ended, tmp_path)


def test_ctrl_c_ends_a_run_that_waits_for_a_silent_fifo(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with started("run-csv", "--csv", "fifo", *OUTPUTS, "--json", cwd=tmp_path) as run:
        assert is_announced(run)
        time.sleep(0.2)
        ended = end(run, signal.SIGINT)
    fifo.unlink()
    require_cancelled(ended, tmp_path)


def test_ctrl_c_ends_a_run_whose_fifo_fell_silent(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with (
        started("run-csv", "--csv", "fifo", *OUTPUTS, "--json", cwd=tmp_path) as run,
        fifo.open("wb", buffering=0) as writer,
    ):
        writer.write(b"op,key,value\nput,1,1\nget,1")
        assert is_announced(run)
        partial = tmp_path / "ticks" / "metrics.ndjson.partial"
        wait_until(lambda: partial.exists() and partial.stat().st_size, run)
        ended = end(run, signal.SIGINT)
    fifo.unlink()
    require_cancelled(ended, tmp_path)
    assert require_whole(tmp_path)[-1].ops.total == 1


@pytest.mark.parametrize("moment", range(3))
def test_ctrl_c_ends_a_comparison_and_keeps_what_was_done(
    tmp_path: Path, trace: Path, moment: int
) -> None:
    paced = ("--rate", "1000000", "--mode", "all")
    with started("run-csv", "--csv", trace, *paced, *OUTPUTS, "--json", cwd=tmp_path) as run:
        assert is_announced(run)
        time.sleep(random.Random(moment).uniform(0.1, 1.0))
        ended = end(run, signal.SIGINT)
    require_cancelled(ended, tmp_path)
    *done, last = require_whole(tmp_path)
    assert {(each.status, each.ops.total) for each in done} <= {("completed", ROWS)}
    # All of them, if the interrupt came between the last operation and the end of the trace.
    assert last.ops.total <= ROWS


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a trace of distinct keys, whose tables grow to the end."""
    trace = tmp_path_factory.mktemp("growing") / "t.csv"
    with trace.open("w", encoding="ascii") as file:
        file.write("op,key,value\n")
        file.writelines(f"put,{number * 0x9E3779B1 % (1 << 40)},7\n" for number in range(4_000_000))
    return trace


# At two million entries and more, growth takes hundreds of milliseconds in the fixed engines, and
# so does compaction in each; to free the nodes of std and of the model takes longer.
@pytest.mark.parametrize("moment", range(2))
@pytest.mark.parametrize(
    "options",
    [
        ("--mode", "chaining"),
        ("--mode", "robinhood"),
        ("--mode", "swiss"),
        ("--mode", "adaptive", "--compact-interval", "0.05"),
        ("--mode", "std"),
        ("--mode", "swiss", "--verify"),
    ],
    ids=" ".join,
)
def test_ctrl_c_ends_a_growing_table(
    tmp_path: Path, growing: Path, options: tuple[str, ...], moment: int
) -> None:
    with started("run-csv", "--csv", growing, *options, *OUTPUTS, "--json", cwd=tmp_path) as run:
        assert is_announced(run)
        time.sleep(random.Random(moment).uniform(0.2, 0.6))
        ended = end(run, signal.SIGINT)
    (summary,) = require_whole(tmp_path)
    assert summary.ops.total == summary.ops.put == summary.inserts == summary.final_size
    if summary.status == "cancelled":
        require_cancelled(ended, tmp_path)
    assert ended.after_s < PATIENCE_S


def test_ctrl_c_while_nodes_are_freed_ends_a_comparison(tmp_path: Path, growing: Path) -> None:
    # After std comes more than is over before this test has seen the end of std.
    modes = ("--mode", "std,swiss,robinhood,chaining,adaptive")
    with started("run-csv", "--csv", growing, *modes, *OUTPUTS, "--json", cwd=tmp_path) as run:
        assert is_announced(run)
        ticks = tmp_path / "ticks" / "metrics.ndjson.partial"
        wait_until(lambda: ticks.exists() and b'"ops":4000000' in ticks.read_bytes(), run)
        time.sleep(0.1)
        ended = end(run, signal.SIGINT)
    require_cancelled(ended, tmp_path)
    first, *_ = require_whole(tmp_path)
    assert (first.mode, first.status, first.final_size) == ("std", "completed", 4_000_000)


def is_saving(folder: Path, run: subprocess.Popen[bytes]) -> bool:
    """Return whether a snapshot is being written under a temporary name; waits for it.

    A machine that is busy with other things may look when all is over.
    """
    while run.poll() is None:
        if any(path.name.startswith(".") for path in folder.iterdir()):
            return True
        time.sleep(0.001)
    return False


@contextmanager
def saving_run(folder: Path, trace: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a run and wait until it saves its map in the place of an old one."""
    outputs = ("--snapshot-out", "map.arrow", "--compress", "zstd")
    summary = ("--json-summary-out", "summary.json")
    for _ in range(20):
        old = Map(key="str", value="bytes")
        old["only"] = b"entry"
        old.save(folder / "map.arrow")
        (folder / "summary.json").unlink(missing_ok=True)
        with started("run-csv", "--csv", trace, *outputs, *summary, cwd=folder) as run:
            if is_saving(folder, run):
                yield run
                return
    pytest.fail("no run was seen while it saved its map")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_signal_while_a_snapshot_is_saved_leaves_the_old_one_or_a_whole_one(
    tmp_path: Path, trace: Path, number: signal.Signals
) -> None:
    with saving_run(tmp_path, trace) as run:
        ended = end(run, number)
    saved = Map.load(tmp_path / "map.arrow")
    assert len(saved) in (1, _entries(trace))
    if number == signal.SIGKILL:
        # It may have come when the run was just over.
        assert ended.code in (-signal.SIGKILL, 0)
        assert (tmp_path / "summary.json").exists() <= (len(saved) > 1)
        return
    assert ended.after_s < PATIENCE_S
    # The signal may come when the file just got its name; then the run is complete, and what ends
    # is at most the process.
    assert ended.code in ({130} if len(saved) == 1 else {0, 130, -number})
    (found,) = require_whole(tmp_path)
    assert found.status == ("cancelled" if len(saved) == 1 else "completed")
    assert ("snapshot" in found.artifacts) == (len(saved) > 1)


def _entries(trace: Path) -> int:
    live = set()
    for row in trace.read_text(encoding="utf-8").splitlines()[1:]:
        op, key, _ = row.split(",")
        if op == "put":
            live.add(key)
    return len(live)


# --- other signals ------------------------------------------------------------------------------


def test_sigterm_ends_a_run_as_ctrl_c_does(tmp_path: Path) -> None:
    with endless("run-csv", *OUTPUTS, "--json", cwd=tmp_path) as run:
        assert is_announced(run)
        time.sleep(0.3)
        ended = end(run, signal.SIGTERM)
    require_cancelled(ended, tmp_path)


@pytest.mark.parametrize("moment", range(3))
def test_second_ctrl_c_kills_at_once(tmp_path: Path, moment: int) -> None:
    outputs = ("--snapshot-out", "map.arrow", *OUTPUTS)
    with endless("run-csv", *outputs, cwd=tmp_path) as run:
        assert is_announced(run)
        time.sleep(random.Random(moment).uniform(0.1, 0.5))
        run.send_signal(signal.SIGINT)
        time.sleep(random.Random(moment).uniform(0, 0.01))
        ended = end(run, signal.SIGINT)
    assert ended.code in (-signal.SIGINT, 130)
    assert ended.after_s < PATIENCE_S
    assert b"Traceback" not in ended.err
    (tmp_path / "ticks" / "metrics.ndjson.partial").unlink(missing_ok=True)
    for temporary in tmp_path.glob(".*"):
        temporary.unlink()
    require_whole(tmp_path)


def test_sigkill_at_any_moment_leaves_no_file_that_only_looks_whole(
    tmp_path: Path, trace: Path
) -> None:
    outputs = ("--snapshot-out", "map.arrow", "--json-summary-out", "summary.json")
    ticks = ("--metrics-out-dir", "ticks")
    chance = random.Random(11)
    killed = 0
    for _ in range(12):
        with started("run-csv", "--csv", trace, *outputs, *ticks, cwd=tmp_path) as run:
            time.sleep(chance.uniform(0.3, 1.2))
            killed += end(run, signal.SIGKILL).code == -signal.SIGKILL
        for temporary in [*tmp_path.glob(".*"), *tmp_path.glob("ticks/*.partial")]:
            temporary.unlink()
        summaries = require_whole(tmp_path)
        assert {each.status for each in summaries} <= {"completed"}
    assert killed, "no run was killed before its end"
