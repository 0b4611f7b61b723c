"""Wrong traces, limits, pipes, and those who watch a run, on the real engines."""

from __future__ import annotations

import json
import os
import re
import threading
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from replay_samples import QUIET, check_consistency, counts_of, outcome_of, random_rows

from adhash.analysis.conversion import convert
from adhash.errors import (
    BadInputError,
    PolicyError,
    StorageError,
    TraceError,
)
from adhash.replay import CancelToken, Progress, run_csv, run_modes

if TYPE_CHECKING:
    from conftest import WriteTrace

# --- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "where"),
    [
        (["put,1,1", "frob,1,"], "line 3, column 1"),
        (["get,,"], "line 2"),
        (["get,1,5"], "line 2"),
        (["put,1"], "line 2"),
    ],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_wrong_row_is_told_with_its_place(
    write_trace: WriteTrace, rows: list[str], where: str, dry_run: bool
) -> None:
    csv = write_trace(*rows)
    with pytest.raises(TraceError, match=f"^{re.escape(str(csv))}: {where}") as refused:
        run_csv(csv, dry_run=dry_run, **QUIET)
    assert refused.value.file == str(csv)
    assert refused.value.hint


def test_dry_run_counts_and_executes_nothing(write_trace: WriteTrace, tmp_path: Path) -> None:
    rows = random_rows(5000)
    counted, _ = outcome_of(rows)
    path = tmp_path / "summary.json"
    out = tmp_path / "out"
    csv = write_trace(*rows)
    summaries = run_modes(
        csv, mode="swiss,std", dry_run=True, json_summary_out=path, metrics_out_dir=out, **QUIET
    )
    assert len(json.loads(path.read_text(encoding="utf-8"))) == 2
    for summary in summaries:
        assert summary.status == "validated"
        ops = summary.ops.model_dump(by_alias=True)
        assert ops == {name: counted[name] for name in ("get", "put", "del")} | {"total": 5000}
        assert (summary.hits, summary.inserts, summary.final_size) == (0, 0, 0)
    assert not out.exists()


def test_dry_run_lists_twenty_wrong_rows(write_trace: WriteTrace) -> None:
    rows = [row for number in range(30) for row in (f"put,{number},1", f"frob,{number},")]
    with pytest.raises(TraceError, match="at least 20 rows are wrong") as refused:
        run_csv(write_trace(*rows), dry_run=True, **QUIET)
    assert refused.value.detail.count("frob") == 20
    assert "line 3, column 1" in refused.value.detail


def test_dry_run_infers_types_again_as_a_replay_does(write_trace: WriteTrace) -> None:
    csv = write_trace(*random_rows(200_000), "put,later,text")
    summary = run_csv(csv, dry_run=True, **QUIET)
    assert (summary.key_type, summary.value_type) == ("str", "bytes")
    assert summary.ops.total == 200_001


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("limit", [{"csv_max_rows": 99}, {"csv_max_bytes": 100}])
def test_trace_beyond_a_limit_is_refused(
    write_trace: WriteTrace, tmp_path: Path, limit: Any, dry_run: bool
) -> None:
    out = tmp_path / "out"
    with pytest.raises(PolicyError):
        run_csv(
            write_trace(*["put,1,1"] * 100),
            metrics_out_dir=out,
            dry_run=dry_run,
            **limit,
            **QUIET,
        )
    assert not out.exists() or list(out.iterdir()) == []


def test_trace_at_its_limits_is_taken(write_trace: WriteTrace) -> None:
    csv = write_trace(*["put,1,1"] * 100)
    size = csv.stat().st_size
    summary = run_csv(csv, csv_max_rows=100, csv_max_bytes=size, **QUIET)
    assert summary.ops.total == 100


def test_missing_trace_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot read the trace"):
        run_csv(tmp_path / "absent.csv", **QUIET)


# --- pipes ------------------------------------------------------------------------------------


def write_into(fifo: Path, *parts: str) -> threading.Thread:
    """Write parts into a FIFO from a thread of its own, and close it."""

    def write() -> None:
        with fifo.open("w", encoding="utf-8") as file:
            for part in parts:
                file.write(part)
                file.flush()

    thread = threading.Thread(target=write)
    thread.start()
    return thread


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def test_fifo_is_replayed_as_it_comes(fifo: Path) -> None:
    rows = random_rows(3000, key="k{}")
    counted, _ = outcome_of(rows)
    writer = write_into(fifo, "op,key,value\n", *(row + "\n" for row in rows))
    summary = run_csv(fifo, verify=True, **QUIET)
    writer.join()
    assert counts_of(summary) == counted
    assert summary.key_type == "str"
    assert summary.manifest.trace_sha256 is not None


def test_fifo_whose_types_were_inferred_wrong_says_what_to_do(fifo: Path) -> None:
    writer = write_into(fifo, "op,key,value\n", *["put,1,1\n" * 1000] * 300, "put,a,1\n")
    with pytest.raises(TraceError, match="line 300002") as refused:
        run_csv(fifo, **QUIET)
    writer.join()
    assert "--key-type str" in refused.value.hint


def test_silent_fifo_can_be_cancelled(fifo: Path) -> None:
    token = CancelToken()
    timer = threading.Timer(0.2, token.cancel)
    timer.start()
    summary = run_csv(fifo, cancel=token, **QUIET)
    timer.join()
    assert (summary.status, summary.ops.total) == ("cancelled", 0)
    assert summary.trace_format is None


@pytest.mark.parametrize("dry_run", [False, True])
def test_the_summary_names_the_format_of_the_trace(
    write_trace: WriteTrace, tmp_path: Path, dry_run: bool
) -> None:
    csv = write_trace(*random_rows(100))
    convert(csv, tmp_path / "t.parquet")
    convert(csv, tmp_path / "t.arrows")
    (tmp_path / "t.lis").write_bytes(b"5 2 0 0\n")
    traces = {csv.name: "csv", "t.parquet": "parquet", "t.arrows": "arrow", "t.lis": "arc"}
    found = {name: run_csv(tmp_path / name, dry_run=dry_run, **QUIET) for name in traces}
    assert {name: summary.trace_format for name, summary in found.items()} == traces


# --- watching ---------------------------------------------------------------------------------


def test_progress_callback_may_cancel(write_trace: WriteTrace) -> None:
    token = CancelToken()
    told: list[Progress] = []

    def watch(progress: Progress) -> None:
        told.append(progress)
        token.cancel()

    csv = write_trace(*random_rows(1000))
    summary = run_csv(csv, rate=100, progress=watch, cancel=token, **QUIET)
    assert summary.status == "cancelled"
    assert summary.ops.total < 1000
    check_consistency(summary)
    assert told[-1].rows == summary.ops.total


def test_exception_of_a_callback_is_the_callers_and_leaves_nothing(
    write_trace: WriteTrace, tmp_path: Path
) -> None:
    def fail(progress: Progress) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run_csv(write_trace("put,1,1"), metrics_out_dir=out, progress=fail, **QUIET)
    assert not out.exists()


def test_endpoint_answers_while_the_run_lasts_and_no_longer(write_trace: WriteTrace) -> None:
    lines: list[str] = []
    answers: dict[str, tuple[int, bytes]] = {}

    def ask(path: str) -> tuple[int, bytes]:
        host, port = re.fullmatch(r"metrics: http://(.+):(\d+)/metrics", lines[0]).groups()  # type: ignore[union-attr]
        with closing(HTTPConnection(host, int(port), timeout=60)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def watch(progress: Progress) -> None:
        if progress.elapsed_s > 0.3 and not answers:
            for path in ("/healthz", "/metrics", "/metrics.json", "/ticks.json?last=1"):
                answers[path] = ask(path)

    csv = write_trace(*random_rows(1000))
    run_csv(
        csv,
        mode="swiss",
        rate=2000,
        metrics_port="auto",
        environ={},
        announce=lines.append,
        progress=watch,
    )
    assert {status for status, _ in answers.values()} == {200}
    assert b'adhash_replay_operations_total{engine="swiss",op="get"}' in answers["/metrics"][1]
    assert json.loads(answers["/metrics.json"][1])["backend"] == "swiss"
    with pytest.raises(ConnectionRefusedError):
        ask("/healthz")


def test_port_in_use_is_told_before_anything_runs(write_trace: WriteTrace, tmp_path: Path) -> None:
    csv = write_trace(*random_rows(500))
    lines: list[str] = []
    out = tmp_path / "out"
    refusals: list[StorageError] = []

    def try_again(progress: Progress) -> None:
        if not refusals:
            port = lines[0].rsplit(":", 1)[1].split("/")[0]
            with pytest.raises(StorageError, match="cannot listen") as refused:
                run_csv(csv, metrics_port=port, metrics_out_dir=out, **QUIET)
            refusals.append(refused.value)

    run_csv(csv, metrics_port="auto", environ={}, announce=lines.append, progress=try_again)
    assert len(refusals) == 1
    assert not out.exists()


def test_run_csv_runs_one_mode_only(write_trace: WriteTrace) -> None:
    with pytest.raises(BadInputError, match="run_modes"):
        run_csv(write_trace("put,1,1"), mode="all", **QUIET)
