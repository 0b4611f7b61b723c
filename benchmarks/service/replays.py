"""A replay over REST against the same replay by ``adhash run-csv --json``, and its first step.

Both sides run in turns, each in a process of its own bound to the same core: a slot of the service
has cores, and a local run would otherwise spread its reading over others. What is compared is
`elapsed_s` of their summaries. The service's side also keeps events and ticks, which is part of
what it costs.

The first operation is dated by the work itself: a tick says when it was written, and how long the
replay had gone then. Their difference is the start of the replay, never dated too early.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from benchmarks.inputs import ROOT, generated, replay_spec
from benchmarks.report import Bar, CaseReport, Finding
from benchmarks.rounds import interleave
from benchmarks.service.plan import ServicePlan, slow_tail
from benchmarks.spread import bootstrap_of, paired_ratios, spread_of
from torture.server import Server

_MODE = "adaptive"
# Whoever submits by hand or by a schedule finds a server that has been idle for a moment. So does
# each side of a pair: after a job the server readies a process for the next one.
_PAUSE_S = 2.0
_SMALL = {"sample": "identifiers", "mode": "swiss"}


def run(plan: ServicePlan) -> CaseReport:
    """Replay in turns over REST and locally, then time the way to the first operation."""
    report = CaseReport(name="replays", title="a replay over REST against the same run locally")
    trace = plan.trace or generated("uniform.csv", replay_spec(quick=plan.quick))
    settings = {"ADHASH_DATA_ROOTS": str(trace.parent.resolve())}
    root = plan.place("replays") / "jobs"
    with Server(root, settings) as server, server.client() as client:
        cores = set(_remote(client, _SMALL)["confinement"]["cores"])
        _compare(plan, client, trace.resolve(), cores, report)
        _begin(plan, client, report)
    return report


def _compare(
    plan: ServicePlan, client: httpx.Client, trace: Path, cores: set[int], report: CaseReport
) -> None:
    request = {"csv": str(trace), "mode": _MODE}
    found = interleave(
        {
            "over REST": lambda: _over_rest(client, request),
            "locally": partial(_local, trace, cores),
            "locally, on all cores": partial(_local, trace, os.sched_getaffinity(0)),
        },
        rounds=plan.rounds or plan.sized(11, 3),
    )
    ratios = paired_ratios(found["over REST"], found["locally"])
    seen = ", ".join(f"{name} {spread_of(each).median:.3g} s" for name, each in found.items())
    report.findings.append(
        Finding(
            claim="elapsed_s over REST over the same locally, on the same core",
            figure=bootstrap_of(ratios),
            bar=Bar(limit=1.03, side="at most"),
            note=f"{seen}; interval of 95 %",
        )
    )
    report.data["elapsed_s"] = found


def _over_rest(client: httpx.Client, request: dict[str, Any]) -> float:
    time.sleep(_PAUSE_S)
    return _elapsed(_remote(client, request)["result"])


def _elapsed(summary: dict[str, Any]) -> float:
    return float(summary["elapsed_s"])


def _remote(client: httpx.Client, request: dict[str, Any]) -> dict[str, Any]:
    """Run a job to its end and return all that is known of it."""
    path = client.post("/api/jobs/run-csv", json=request).raise_for_status().headers["Location"]
    while True:
        detail: dict[str, Any] = client.get(path, params={"wait": 10}).raise_for_status().json()
        if detail["status"] == "completed":
            return detail
        if detail["finished_at"] is not None:
            raise RuntimeError(f"the job did not complete: {detail['error']}")


def _local(trace: Path, cores: set[int]) -> float:
    time.sleep(_PAUSE_S)
    command = [sys.executable, "-m", "adhash", "run-csv", "--json"]
    done = subprocess.run(
        [*command, "--csv", str(trace), "--mode", _MODE],
        check=True,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        preexec_fn=partial(os.sched_setaffinity, 0, cores),
    )
    (summary,) = json.loads(done.stdout)["summaries"]
    return _elapsed(summary)


def _begin(plan: ServicePlan, client: httpx.Client, report: CaseReport) -> None:
    """Time the way from the request to the first operation, of jobs that come one by one."""
    took_s = []
    for _ in range(plan.sized(30, 5)):
        time.sleep(_PAUSE_S)
        asked = datetime.now(tz=UTC)
        detail = _remote(client, _SMALL)
        took_s.append((_began_at(client, detail) - asked).total_seconds())
    bar = Bar(limit=400, side="at most", unit=" ms")
    report.findings.append(slow_tail("from submit to the first operation", took_s, bar))
    report.data["first_operation_s"] = took_s


def _began_at(client: httpx.Client, detail: dict[str, Any]) -> datetime:
    answer = client.get(detail["links"]["events"], params={"follow": "false"}).raise_for_status()
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if "data: " in line]
    ticks = [event for event in map(json.loads, lines) if event.get("type") == "metrics"]
    return min(
        datetime.fromtimestamp(
            datetime.fromisoformat(tick["at"]).timestamp() - tick["data"]["t"], tz=UTC
        )
        for tick in ticks
    )
