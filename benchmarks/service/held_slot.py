"""A server whose only slot is taken, so that what is submitted waits and costs nothing more."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from torture.server import Server

# A replay at one operation a second: it holds its slot and leaves the processor alone.
_IDLE = {"sample": "identifiers", "mode": "swiss", "rate": 1, "priority": 100}


@contextmanager
def server_with_held_slot(job_root: Path) -> Iterator[Server]:
    """Give a server that runs nothing but one job that hardly moves."""
    server = Server(job_root, {"ADHASH_MAX_CONCURRENT_JOBS": "1"})
    with server:
        with server.client() as client:
            job_id = _hold(client)
        runner = job_root / job_id / "attempts" / "1" / "runner.json"
        try:
            yield server
        finally:
            # The server first: it would start the next job.
            server.stop()
            _end(json.loads(runner.read_text())["pid"])


def _hold(client: httpx.Client) -> str:
    job_id = str(client.post("/api/jobs/run-csv", json=_IDLE).raise_for_status().json()["id"])
    for _ in range(600):
        if client.get(f"/api/jobs/{job_id}").json()["progress"] is not None:
            return job_id
        time.sleep(0.1)
    raise RuntimeError("the job that holds the slot did not begin")


def _end(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGINT)
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.1)
