"""A fixture that starts real servers; the conftest.py of each folder that wants it imports it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    # The programs that break the service on purpose are no part of the installed package.
    sys.path.append(str(ROOT))

from torture.server import Server  # noqa: E402


@pytest.fixture
def serving() -> Iterator[Callable[..., Server]]:
    """Return what starts servers; they and their jobs end with the test."""
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


def _end_jobs(server: Server) -> None:
    """Cancel all jobs: they would outlive their server."""
    with server.client() as client:
        for status in ("pending", "running"):
            listed = client.get("/api/jobs", params={"status": status, "limit": 500}).json()
            for job in listed["jobs"]:
                client.delete(f"/api/jobs/{job['id']}", params={"only": "cancel"})
