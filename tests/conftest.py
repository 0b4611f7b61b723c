"""What tests of several areas share: the checkout is importable, and a real server can be had."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))


@pytest.fixture
def serving() -> Iterator[Callable[..., Any]]:
    """Return what starts servers in processes of their own; they and their jobs end with the test."""
    from torture.server import Server

    started: list[Server] = []

    def serve(job_root: Path, **settings: str) -> Server:
        server = Server(job_root, settings)
        started.append(server)
        server.start()
        return server

    yield serve
    for server in started:
        _end_jobs(server)
        server.stop()


def _end_jobs(server: Any) -> None:
    """Cancel all jobs: they would outlive their server."""
    with server.client() as client:
        for status in ("pending", "running"):
            listed = client.get("/api/jobs", params={"status": status, "limit": 500}).json()
            for job in listed["jobs"]:
                client.delete(f"/api/jobs/{job['id']}", params={"only": "cancel"})
