"""The server as a process: how it starts, how it is refused, how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from torture.server import Server

SERVE = [sys.executable, "-m", "adhash.service"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "jobs") as server:
        yield server


def refused(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("ADHASH_")}
    return subprocess.run(
        [*SERVE, *arguments],
        env={**kept, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_second_server_of_a_folder_is_refused_in_one_line(
    server: Server,
) -> None:
    done = refused("--port", "0", "--job-root", str(server.job_root))
    assert done.returncode == 5
    assert "another server" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_refused(tmp_path: Path, server: Server) -> None:
    port = server.url.rpartition(":")[2]
    done = refused("--port", port, "--job-root", str(tmp_path / "other"))
    assert done.returncode == 5
    assert f"127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104
def test_beyond_loopback_a_token_is_needed(tmp_path: Path, host: str) -> None:
    done = refused("--host", host, "--port", "0", "--job-root", str(tmp_path / "jobs"))
    assert done.returncode == 4
    assert "ADHASH_TOKEN" in done.stderr
    assert not (tmp_path / "jobs").exists()


def test_a_setting_out_of_range_is_refused(tmp_path: Path) -> None:
    done = refused("--job-root", str(tmp_path), ADHASH_MAX_CONCURRENT_JOBS="0")
    assert done.returncode == 2
    assert "ADHASH_MAX_CONCURRENT_JOBS" in done.stderr


def test_a_signal_ends_it_in_order(server: Server) -> None:
    with server.client() as client:
        request = {"sample": "identifiers", "dry_run": True}
        job_id = client.post("/api/jobs/run-csv", json=request).json()["id"]
        assert client.get(f"/api/jobs/{job_id}").status_code == 200
    server.stop()
    assert server.exit_code == 0
    assert "Traceback" not in server.log.read_text()
