"""A restart with 10,000 jobs in the store and two running replays: soon ready, both found again."""

from __future__ import annotations

import json
import time
from pathlib import Path

from adhash.clock import SystemClock
from adhash.service import store_writes
from adhash.service.intake import Caller, Intake, named
from adhash.service.lifecycle import CancelRequested
from adhash.service.settings import load_service_settings
from adhash.service.store import Store
from torture.report import Report
from torture.server import Server

_READY_S = 3.0
_SLOW = {"sample": "identifiers", "mode": "swiss", "rate": 2000}


def run(folder: Path, scale: float) -> Report:
    """Fill a store, start two replays, kill the server and start it again."""
    report = Report("the server is restarted with many jobs and two running replays")
    root = folder / "jobs"
    count = max(int(10_000 * scale), 100)
    fill(root, count)
    with Server(root, {"ADHASH_MAX_CONCURRENT_JOBS": "2"}) as server:
        with server.client() as client:
            ids = [client.post("/api/jobs/run-csv", json=_SLOW).json()["id"] for _ in range(2)]
            while any(_status(client, each) != "running" for each in ids):
                time.sleep(0.05)
            time.sleep(1.0)
        server.kill()
        ready_s = server.start()
        with server.client() as client:
            time.sleep(1.0)
            for job_id in ids:
                detail = client.get(f"/api/jobs/{job_id}").json()
                if (detail["status"], detail["attempt"]) != ("running", 1):
                    report.blame(f"{job_id} was not found again: {detail['timeline']}")
                client.delete(f"/api/jobs/{job_id}")
                _compare(client, root, job_id, report)
    report.tell("jobs in the store", count)
    report.tell("until it was ready", ready_s, unit="s", limit=_READY_S)
    return report


def fill(root: Path, count: int) -> None:
    """Make a store with so many jobs that were cancelled before they ran."""
    root.mkdir(parents=True)
    clock = SystemClock()
    intake = Intake(load_service_settings({}), clock, lambda _: None)
    request = {"sample": "identifiers", "labels": {"made": "for-torture"}}
    with Store.open(job_root=root, url=None, clock=clock) as store:
        written = []
        for _ in range(count):
            checked = intake.check("run-csv", request, is_trusted=True)
            caller = Caller(owner="filler")
            new = intake.new_job(checked, caller)
            written.append(
                store.later(
                    store_writes.add_job,
                    new,
                    max_queued=count + 1,
                    owner_quota=None,
                    idempotency=named(checked, caller),
                )
            )
            written.append(
                store.later(store_writes.apply, new.id, CancelRequested(reason="filler"), None)
            )
        for each in written:
            each.result()


def _status(client: object, job_id: str) -> str:
    return str(client.get(f"/api/jobs/{job_id}").json()["status"])  # type: ignore[attr-defined]


def _compare(client: object, root: Path, job_id: str, report: Report) -> None:
    text = client.get(f"/api/jobs/{job_id}/logs").text  # type: ignore[attr-defined]
    lines = [json.loads(line) for line in text.splitlines()]
    given = "".join(line["message"] + "\n" for line in lines if line["stream"] == "stdout")
    if given.encode() != (root / job_id / "stdout.log").read_bytes():
        report.blame(f"the logs of {job_id} are not the bytes it wrote")
