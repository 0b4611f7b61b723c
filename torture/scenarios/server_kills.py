"""SIGKILL of the server at random points under load: nothing that was acknowledged is lost.

Clients submit short jobs, each with a key of its own, and send a request again until it is
answered. Meanwhile the server is killed and started again. At the end every answer must name a job
that ended, one key must have made one job, and the history of the store must be one that the life
cycle allows.
"""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import httpx

from torture.history import TERMINAL, faults_of, read_history
from torture.leftovers import processes_of
from torture.report import Report
from torture.server import Server

_CLIENTS = 8
_SETTLE_S = 1200.0
# Checking the rows of a bundled trace: a real job in a real process, as short as jobs get.
_REQUEST = {"sample": "identifiers", "dry_run": True, "retries": 10}


def run(folder: Path, scale: float) -> Report:
    """Kill the server 100 times during 2,000 submissions, times the scale."""
    report = Report("the server is killed under load")
    kills, submissions = max(int(100 * scale), 3), max(int(2000 * scale), 24)
    chance = random.Random(20_261)
    server = Server(folder / "jobs", {"ADHASH_MAX_CONCURRENT_JOBS": "2"})
    acknowledged: dict[str, str] = {}
    with server:
        clients = _Clients(server, submissions, acknowledged)
        clients.start()
        starts = []
        for _ in range(kills):
            time.sleep(chance.uniform(0.02, 1.0))
            server.kill()
            starts.append(server.start())
        clients.join()
        _settle(server, acknowledged, report)
    _judge(report, server, acknowledged, submissions)
    report.tell("kills", kills)
    report.tell("longest restart", max(starts), unit="s")
    return report


class _Clients:
    def __init__(self, server: Server, submissions: int, acknowledged: dict[str, str]) -> None:
        self._server = server
        self._keys = iter([f"key-{number}" for number in range(submissions)])
        self._lock = threading.Lock()
        self._acknowledged = acknowledged
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(_CLIENTS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (key := self._next_key()) is not None:
            self._acknowledged[key] = self._submit(key)

    def _next_key(self) -> str | None:
        with self._lock:
            return next(self._keys, None)

    def _submit(self, key: str) -> str:
        while True:
            try:
                with self._server.client() as client:
                    answer = client.post(
                        "/api/jobs/run-csv", json=_REQUEST, headers={"Idempotency-Key": key}
                    )
                if answer.status_code == 202:
                    return str(answer.json()["id"])
            except httpx.HTTPError:
                pass
            time.sleep(0.05)


def _settle(server: Server, acknowledged: dict[str, str], report: Report) -> None:
    """Wait until every job has ended; tell which never does."""
    deadline = time.monotonic() + _SETTLE_S
    waiting = set(acknowledged.values())
    with server.client() as client:
        while waiting and time.monotonic() < deadline:
            job_id = next(iter(waiting))
            detail = client.get(f"/api/jobs/{job_id}", params={"wait": 10}).json()
            if detail["status"] in TERMINAL:
                waiting.discard(job_id)
    if waiting:
        report.blame(f"{len(waiting)} jobs did not end within {_SETTLE_S:g} s")


def _judge(report: Report, server: Server, acknowledged: dict[str, str], submissions: int) -> None:
    history = read_history(server.job_root)
    for fault in faults_of(history, acknowledged.values()):
        report.blame(fault)
    failed = sum(steps[-1][0] != "completed" for steps in history.statuses.values())
    report.tell("acknowledged", len(acknowledged))
    report.tell("jobs in the store", len(history.statuses), limit=submissions)
    report.tell("jobs that did not complete", failed, limit=0)
    report.tell("processes left behind", len(processes_of(history.statuses)), limit=0)
