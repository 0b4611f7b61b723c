"""The control surface as a process of its own, on a free port of loopback, with its own folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_ADDRESS = re.compile(r"listening on (http://\S+)")
_START_S = 60.0


@dataclass(frozen=True, kw_only=True)
class ServerProcess:
    """A server that answers."""

    url: str
    pid: int
    log: Path


@contextmanager
def served(folder: Path, **environ: str) -> Iterator[ServerProcess]:
    """Run a server until the block ends; it is ended by its pid."""
    log = folder / "server.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "adhash", "serve"),
                *("--port", "0", "--job-root", str(folder / "jobs")),
            ],
            cwd=folder,
            env=environment(environ),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    try:
        yield ServerProcess(url=_address(process, log), pid=process.pid, log=log)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def environment(changes: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without settings of adhash, and with changes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ADHASH_")}
    return {**kept, **changes}


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        found = _ADDRESS.search(log.read_text("utf-8"))
        if found:
            return found[1]
        assert process.poll() is None, log.read_text("utf-8")
        time.sleep(0.05)
    raise AssertionError(f"the server did not start: {log.read_text('utf-8')}")
