"""Submitting over HTTP: every 202 is a job on disk, synced."""

from __future__ import annotations

import threading
import time
from collections import Counter

import httpx

from benchmarks.report import Bar, CaseReport, Finding
from benchmarks.service.held_slot import server_with_held_slot
from benchmarks.service.plan import ServicePlan, exactly, slow_tail
from torture.server import Server

_CLIENTS = 16
_PER_S = 50
_REQUEST = {"sample": "identifiers", "mode": "swiss", "labels": {"team": "bench"}}


def run(plan: ServicePlan) -> CaseReport:
    """Submit one at a time, then 50 a second from 16 clients."""
    report = CaseReport(name="submissions", title="durable submissions over HTTP")
    root = plan.place("submissions") / "jobs"
    with server_with_held_slot(root) as server:
        _one_at_a_time(plan, server, report)
        _together(plan, server, report)
    locked = server.log.read_text(errors="replace").count("database is locked")
    zero = Bar(limit=0, side="at most", unit="")
    report.findings.append(
        Finding(claim='"database is locked" in the log', figure=exactly(locked), bar=zero)
    )
    return report


def _one_at_a_time(plan: ServicePlan, server: Server, report: CaseReport) -> None:
    with server.client() as client:
        for _ in range(20):
            _submit(client)
        took_s = [_submit(client)[0] for _ in range(plan.sized(1000, 100))]
    bar = Bar(limit=50, side="at most", unit=" ms")
    report.findings.append(slow_tail("one at a time", took_s, bar))
    report.data["one_at_a_time_s"] = took_s


def _submit(client: httpx.Client) -> tuple[float, str]:
    """Return how long it took, and what went wrong, if anything did."""
    begun = time.perf_counter()
    answer = client.post("/api/jobs/run-csv", json=_REQUEST)
    took_s = time.perf_counter() - begun
    return took_s, "" if answer.status_code == 202 else f"{answer.status_code} {answer.text[:200]}"


def _together(plan: ServicePlan, server: Server, report: CaseReport) -> None:
    seconds = plan.sized(20, 4)
    each_s = _CLIENTS / _PER_S
    found: list[tuple[float, str]] = []

    def work(number: int) -> None:
        with server.client() as client:
            start = time.perf_counter() + each_s * number / _CLIENTS
            for turn in range(round(seconds / each_s)):
                time.sleep(max(0.0, start + turn * each_s - time.perf_counter()))
                found.append(_try(client))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(_CLIENTS)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took_s = time.perf_counter() - begun
    rate = len(found) / took_s
    claim = f"{_PER_S} a second from {_CLIENTS} clients for {seconds} s"
    errors = Counter(error for _, error in found if error)
    report.findings += [
        slow_tail(claim, [took for took, _ in found], None),
        Finding(
            claim=f"{claim}: errors",
            figure=exactly(sum(errors.values())),
            bar=Bar(limit=0, side="at most", unit=""),
            note=f"{rate:.3g} a second were sent",
        ),
    ]
    report.notes += [f"{count} x {error}" for error, count in errors.most_common(5)]


def _try(client: httpx.Client) -> tuple[float, str]:
    try:
        return _submit(client)
    except httpx.HTTPError as error:
        return 0.0, f"{type(error).__name__}: {error}"
