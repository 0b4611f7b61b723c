"""SIGKILL of runners: seen soon, failed or retried by policy, every byte they wrote readable."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path

import httpx

from torture.report import Report, percentile
from torture.server import Server

_LIMIT_S = 6.0
_SLOW = {"sample": "identifiers", "mode": "swiss", "rate": 1000}


def run(folder: Path, scale: float) -> Report:
    """Kill the runners of 20 jobs, times the scale; every second one may be tried again."""
    report = Report("runners are killed")
    count = max(int(20 * scale), 4)
    chance = random.Random(7)
    settings = {"ADHASH_MAX_CONCURRENT_JOBS": "2"}
    with Server(folder / "jobs", settings) as server, server.client() as client:
        seen = [
            _kill_one(server, client, report, chance, retries=number % 2) for number in range(count)
        ]
    report.tell("runners killed", count)
    report.tell("until it was seen, median", percentile(seen, 0.5), unit="s")
    report.tell("until it was seen, longest", max(seen), unit="s", limit=_LIMIT_S)
    return report


def _kill_one(
    server: Server,
    client: httpx.Client,
    report: Report,
    chance: random.Random,
    *,
    retries: int,
) -> float:
    job_id = client.post("/api/jobs/run-csv", json={**_SLOW, "retries": retries}).json()["id"]
    folder = server.job_root / job_id
    _until(lambda: (folder / "attempts/1/runner.json").exists() and _has_said(folder))
    time.sleep(chance.uniform(0, 0.5))
    pid = json.loads((folder / "attempts/1/runner.json").read_text())["pid"]
    begun = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    expected = "retried" if retries else "failed"
    _until(lambda: _is_seen(client, job_id, expected))
    took = time.monotonic() - begun
    if retries:
        client.delete(f"/api/jobs/{job_id}")
    _compare_logs(client, folder, job_id, report)
    return took


def _has_said(folder: Path) -> bool:
    return (folder / "stdout.log").exists() and (folder / "stdout.log").stat().st_size > 0


def _is_seen(client: httpx.Client, job_id: str, expected: str) -> bool:
    detail = client.get(f"/api/jobs/{job_id}").json()
    reasons = [entry["reason"] for entry in detail["timeline"]]
    is_retried = any(reason.startswith("retried") for reason in reasons)
    return is_retried if expected == "retried" else detail["status"] == "failed"


def _compare_logs(client: httpx.Client, folder: Path, job_id: str, report: Report) -> None:
    lines = [json.loads(line) for line in client.get(f"/api/jobs/{job_id}/logs").text.splitlines()]
    given = "".join(
        line["message"] + ("" if line.get("partial") else "\n")
        for line in lines
        if line["stream"] == "stdout"
    )
    if given.encode() != (folder / "stdout.log").read_bytes():
        report.blame(f"the logs of {job_id} are not the bytes it wrote")


def _until(is_so: object, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_so():  # type: ignore[operator]
            return
        time.sleep(0.02)
    raise RuntimeError("it did not come about within a minute")
