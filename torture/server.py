"""A server process that is started, killed and started again on the same folder."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

TOKEN = "torture-token"  # noqa: S105
START_S = 60.0
PRODUCT = ("adhash.service",)
MISBEHAVING = ("torture.serving",)
_ROOT = Path(__file__).resolve().parents[1]
_ADDRESS = re.compile(r"listening on (http://\S+)")


class Server:
    """The control surface in a process of its own.

    Parameters
    ----------
    job_root : Path
        Its folder; what it writes to standard error goes to ``server.log`` beside it.
    environ : mapping of str to str
        Settings, by their variables.
    program : sequence of str
        What to start: a module and arguments of its own.
    """

    def __init__(
        self,
        job_root: Path,
        environ: Mapping[str, str] | None = None,
        *,
        program: Sequence[str] = PRODUCT,
    ) -> None:
        self._program = tuple(program)
        self.job_root = job_root
        self.log = job_root.with_name(job_root.name + ".server.log")
        self._environ = dict(environ or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self.url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Return the pid of the process that runs now."""
        assert self._process is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Return what the process ended with; None while it runs."""
        assert self._process is not None
        return self._process.poll()

    def start(self) -> float:
        """Start it, wait until it is ready, and return how long that took, in seconds."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        begun = time.monotonic()
        told = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-m", *self._program,
                    "--port", str(self._port), "--job-root", str(self.job_root),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._variables(),
            )  # fmt: skip
        self._find_address(told)
        self._until_ready()
        return time.monotonic() - begun

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> float:
        """End it in order and return how long that took, in seconds."""
        begun = time.monotonic()
        self._end(signal.SIGTERM)
        return time.monotonic() - begun

    def client(self, **options: object) -> httpx.Client:
        """Return a client with the token."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30.0, **options)  # type: ignore[arg-type]

    def rss_bytes(self) -> int:
        """Return the memory that the server holds."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def _variables(self) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith("ADHASH_")}
        places = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        defaults = {
            "ADHASH_TOKEN": TOKEN,
            "ADHASH_RATE_LIMIT": "off",
            "PYTHONPATH": os.pathsep.join(places),
        }
        return {**kept, **defaults, **self._environ}

    def _find_address(self, told: int) -> None:
        """Read the address from what the log tells since; the port is kept from then on."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            found = _ADDRESS.search(self.log.read_bytes()[told:].decode("utf-8", "replace"))
            if found is not None:
                self.url = found[1]
                self._port = int(self.url.rpartition(":")[2])
                return
            if self._process is None or self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError(f"the server did not start; see {self.log}")

    def _until_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/readyz").status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.02)
        raise RuntimeError(f"the server did not become ready; see {self.log}")

    def _end(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
        if self._process is not None:
            self._process.wait(START_S)
