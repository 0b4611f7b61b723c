"""How fast a client gets what a job wrote: its events and its output, once the job has ended."""

from __future__ import annotations

import time

import httpx

from benchmarks.report import CaseReport, Finding
from benchmarks.service.plan import ServicePlan
from benchmarks.spread import spread_of
from torture.misbehaviour import asked_of
from torture.server import MISBEHAVING, Server

_MB = 1_000_000
_ROUNDS = 3


def run(plan: ServicePlan) -> CaseReport:
    """Read the events and the output of jobs that told and wrote much."""
    report = CaseReport(name="streams", title="events and output, read by one client")
    root = plan.place("streams") / "jobs"
    events, size = plan.sized(20_000, 2_000), plan.sized(100 * _MB, 5 * _MB)
    with Server(root, {}, program=MISBEHAVING) as server, server.client() as client:
        told = _ended(client, asked_of("babble", count=events, per_s=1e6))
        written = _ended(client, asked_of("print", size=size, bytes_per_s=1e9))
        rounds = plan.rounds or _ROUNDS
        took_s = [_read(client, f"{told}/events") for _ in range(rounds)]
        report.findings.append(_told(f"{events:,} events", [events / s for s in took_s], " 1/s"))
        took_s = [_read(client, f"{written}/logs") for _ in range(rounds)]
        report.findings.append(
            _told(f"{size // _MB} MB of output", [size / _MB / s for s in took_s], " MB/s")
        )
    return report


def _told(claim: str, rates: list[float], unit: str) -> Finding:
    return Finding(claim=claim, figure=spread_of(rates), unit=unit)


def _ended(client: httpx.Client, request: dict[str, object]) -> str:
    path = client.post("/api/jobs/run-csv", json=request).raise_for_status().headers["Location"]
    while (detail := client.get(path, params={"wait": 10}).json())["finished_at"] is None:
        pass
    if detail["status"] != "completed":
        raise RuntimeError(f"the job did not complete: {detail['error']}")
    return str(path)


def _read(client: httpx.Client, path: str) -> float:
    begun = time.perf_counter()
    with client.stream("GET", path) as answer:
        answer.raise_for_status()
        for _ in answer.iter_raw():
            pass
    return time.perf_counter() - begun
