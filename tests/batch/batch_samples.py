"""Suites, plans and results for the tests of batches."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from adhash.batch.plan import Plan, PlannedJob, make_plan
from adhash.batch.result import BatchResult, JobResult
from adhash.batch.supervisor import Patience, Supervisor
from adhash.cancellation import CancelToken
from adhash.clock import Clock, SystemClock
from adhash.options.base import read_options
from adhash.options.batch import BatchOptions
from adhash.progress import WorkCallback, ignore_work

TRACE = "op,key,value\nput,1,2\nget,1,\nget,9,\ndel,1,\n"
ANSWER = 'print(\'{"ok": true, "command": "x", "found": 7}\')'


def job(name: str = "one", **more: Any) -> dict[str, Any]:
    """Return a job as a suite writes it: a replay of a small trace."""
    return {"name": name, "command": "run-csv", "csv": "trace.csv", **more}


def suite(*jobs: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a suite with these jobs, as a table."""
    return {"name": "suite", "jobs": list(jobs) or [job()], **more}


def write_suite(folder: Path, table: dict[str, Any]) -> Path:
    """Write a suite as JSON beside a small trace and return where it is."""
    (folder / "trace.csv").write_text(TRACE, "utf-8")
    path = folder / "suite.json"
    path.write_text(json.dumps({"batch": table}), "utf-8")
    return path


def batch_options(path: Path, **more: Any) -> BatchOptions:
    """Return the options that run the suite at `path` into a folder beside it."""
    out_dir = str(path.parent / "out")
    return read_options(BatchOptions, {"spec_path": str(path), "out_dir": out_dir, **more})


def plan_of(folder: Path, table: dict[str, Any], *, roots: Sequence[Path] | None = None) -> Plan:
    """Return the plan of a suite that is written into `folder`."""
    return make_plan(batch_options(write_suite(folder, table)), roots=roots)


def planned(folder: Path, name: str = "one", **more: Any) -> PlannedJob:
    """Return a job whose process a test decides on."""
    facts: dict[str, Any] = {
        "command": "run-csv",
        "given": {},
        "arguments": (),
        "needs": (),
        "timeout_s": None,
        "reads": frozenset(),
        "writes": {},
    }
    return PlannedJob(name=name, folder=folder / name, **(facts | more))


def supervise(
    jobs: Sequence[PlannedJob],
    words_of: Callable[[PlannedJob], list[str]],
    *,
    max_parallel: int = 1,
    cancel: CancelToken | None = None,
    progress: WorkCallback = ignore_work,
    patience: Patience | None = None,
    clock: Clock | None = None,
) -> list[JobResult]:
    """Run jobs by `words_of` and return what became of them."""
    return Supervisor(
        jobs,
        max_parallel=max_parallel,
        clock=clock or SystemClock(),
        cancel=cancel or CancelToken(),
        progress=progress,
        patience=patience,
        words_of=words_of,
    ).run()


def summary(mode: str = "swiss", *, csv: str = "trace.csv", **more: Any) -> dict[str, Any]:
    """Return a summary of a replay with what reports read."""
    latency = {"p50": 10, "p90": 20, "p99": 90, "p999": 300, "p9999": 800, "max": 5_000}
    return {
        "schema": "adhash.summary.v1",
        "mode": mode,
        "engine": mode,
        "status": "completed",
        "csv": csv,
        "elapsed_s": 0.5,
        "ops_per_second": 2_000_000.0,
        "latency_ns": {"overall": {**latency, "samples": 50}},
        "pauses": [{"at_s": 0.25, "ns": 5_000, "cause": "growth"}],
        "probe_hist": [90, 9, 1],
        "memory": {"bytes": 4_096, "bytes_per_entry": 40.96, "peak_rss_bytes": 1 << 20},
        "layout_timeline": [
            {"at_s": 0.0, "at_ops": 0, "signal": "start", "from_layout": "", "to_layout": mode}
        ],
        "manifest": {
            "trace_sha256": csv,
            "cpu": "A CPU",
            "settings": {"replay": {"rate": 0.0}},
            "noise": {"verdict": "quiet", "reasons": []},
        },
        **more,
    }


def job_result(name: str = "one", **more: Any) -> JobResult:
    """Return the result of a completed replay."""
    facts: dict[str, Any] = {
        "command": "run-csv",
        "options": {},
        "status": "completed",
        "exit_code": 0,
        "elapsed_s": 1.0,
        "result": {"summaries": [summary()]},
        "error": None,
        "logs": {"stdout": "stdout.log", "stderr": "stderr.log"},
        "artifacts": {},
    }
    return JobResult.model_validate({"name": name, **facts, **more})


def batch_result(*jobs: JobResult, **more: Any) -> BatchResult:
    """Return the result of a batch with these jobs."""
    facts: dict[str, Any] = {
        "name": "suite",
        "status": "completed",
        "spec": "suite.toml",
        "spec_sha256": "0" * 64,
        "started_at": "2000-01-01T00:00:00.000Z",
        "elapsed_s": 2.0,
        "max_parallel": 1,
        "out_dir": "out",
    }
    return BatchResult.model_validate({**facts, "jobs": list(jobs) or [job_result()], **more})
