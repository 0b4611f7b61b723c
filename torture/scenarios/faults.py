"""The ground gives way: the disk is full, the database is gone, the clock is set.

Each time a request meets a typed failure (problem+json with a code), the server stays up, and once
the ground is back all is as before: a job that was running ends well, and so does the next one.
"""

from __future__ import annotations

import os
import runpy
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from torture.misbehaviour import asked_of
from torture.report import Report
from torture.server import MISBEHAVING, Server

_DISK_BYTES = 48 << 20
_PATIENCE_S = 90.0
_HOUR_S = 3600
_QUICK = {"sample": "identifiers", "mode": "swiss"}
_POSTGRESQL = Path(__file__).resolve().parents[2] / "tests" / "service" / "postgresql.py"
_TYPED = frozenset({"store_unavailable", "storage_full", "io", "draining"})


def run(folder: Path, scale: float) -> Report:
    """Take away the disk, the database and the time; with a larger scale, more than once."""
    report = Report("the disk is full, the database gone, the clock set")
    rounds = max(round(3 * scale), 1)
    report.tell("rounds", rounds)
    for name, scenario in (
        ("disk", _fill_disk),
        ("database", _stop_database),
        ("clock", _set_clock),
    ):
        place = folder / name
        place.mkdir()
        scenario(place, rounds, report)
    return report


# --- the disk ------------------------------------------------------------------------------------


def _fill_disk(folder: Path, rounds: int, report: Report) -> None:
    with _small_disk(folder / "jobs") as root:
        if root is None:
            report.skip("disk full: a small disk cannot be mounted here (needs root)")
            return
        with Server(root, {"ADHASH_MAX_CONCURRENT_JOBS": "2"}, program=MISBEHAVING) as server:
            # What the work cannot write it cannot go on without: an error of its own, by name.
            scene = _Scene("disk full", server, report, may_fail_by="io")
            for _ in range(rounds):
                scene.suffer(
                    lambda: _fill(root), lambda: (root / "filler").unlink(), is_refused=True
                )


@contextmanager
def _small_disk(place: Path) -> Iterator[Path | None]:
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "adhash-torture", str(place)]
    try:
        is_mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        is_mounted = False
    try:
        yield place if is_mounted else None
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(place)], check=False)


def _fill(root: Path) -> None:
    """Leave not a byte: large pieces first, then small ones."""
    with (root / "filler").open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with suppress(OSError):
                while file.write(bytes(size)):
                    pass


# --- the database --------------------------------------------------------------------------------


def _stop_database(folder: Path, rounds: int, report: Report) -> None:
    found = runpy.run_path(str(_POSTGRESQL))
    programs = found["find_programs"]()
    if programs is None:
        report.skip("database gone: PostgreSQL is not installed")
        return
    database = found["PostgresqlServer"](programs)
    try:
        settings = {
            "ADHASH_MAX_CONCURRENT_JOBS": "2",
            "ADHASH_DATABASE_URL": database.empty_database(),
        }
        with Server(folder / "jobs", settings, program=MISBEHAVING) as server:
            scene = _Scene("database gone", server, report)
            for _ in range(rounds):
                scene.suffer(database.stop, database.start, is_refused=True)
    finally:
        # A scenario that failed in the midst left it stopped.
        with suppress(AssertionError):
            database.start()
        database.remove()


# --- the clock -----------------------------------------------------------------------------------


def _set_clock(folder: Path, rounds: int, report: Report) -> None:
    place = folder / "offset"
    program = (*MISBEHAVING, "--clock", str(place))
    settings = {"ADHASH_MAX_CONCURRENT_JOBS": "2", "ADHASH_RETENTION_DAYS": "1"}
    with Server(folder / "jobs", settings, program=program) as server:
        for hours in (1, -1):
            scene = _Scene(f"clock moved by {hours:+d} h", server, report)
            for _ in range(rounds):
                scene.suffer(
                    lambda: _write(place, hours * _HOUR_S),  # noqa: B023 - called at once
                    lambda: _write(place, 0),
                    is_refused=False,
                )
        _require_sane_durations(server, report)


def _write(place: Path, offset_s: int) -> None:
    whole = place.with_suffix(".new")
    whole.write_text(str(offset_s))
    whole.rename(place)


def _require_sane_durations(server: Server, report: Report) -> None:
    """Blame a duration that the moved clock made negative or an hour long."""
    with server.client() as client:
        page = client.get("/metrics").raise_for_status().text
    for line in page.splitlines():
        if "_seconds_sum" in line and not line.startswith("#") and float(line.split()[-1]) < 0:
            report.blame(f"clock: a sum of durations is negative: {line}")


# --- what is the same for all --------------------------------------------------------------------


class _Scene:
    """A server that loses its ground and gets it back."""

    def __init__(
        self, name: str, server: Server, report: Report, *, may_fail_by: str | None = None
    ) -> None:
        self._name = name
        self._may_fail_by = may_fail_by
        self._server = server
        self._report = report
        self._pid = server.pid

    def suffer(
        self, begin: Callable[[], object], end: Callable[[], object], *, is_refused: bool
    ) -> None:
        """Let the fault begin while a job runs, look, let it end, and require that all is well.

        Parameters
        ----------
        begin, end : callable
            Of the fault.
        is_refused : bool
            Whether a submission must be refused meanwhile; otherwise it must work.
        """
        with self._server.client() as client:
            running = self._start(client, asked_of("babble", count=200, per_s=40.0))
            self._until_heard(client, running)
            begin()
            try:
                self._look(client, is_refused=is_refused)
            finally:
                end()
            begun = time.monotonic()
            self._require(client, self._recover(client), "a job submitted afterwards", None)
            self._report.tell(
                f"{self._name}: until a new job had completed", time.monotonic() - begun, unit="s"
            )
            self._require(client, running, "the job that was running", self._may_fail_by)
        if self._server.pid != self._pid or not Path(f"/proc/{self._pid}").exists():
            self._report.blame(f"{self._name}: the server ended")

    def _look(self, client: httpx.Client, *, is_refused: bool) -> None:
        """Send requests of every sort for a while; each is answered, or refused by name."""
        deadline = time.monotonic() + 2.0
        refused = 0
        while time.monotonic() < deadline:
            for method, path, options in (
                ("POST", "/api/jobs/run-csv", {"json": _QUICK}),
                ("GET", "/api/jobs", {}),
                ("PUT", "/api/inputs/upload.csv", {"content": os.urandom(1 << 16)}),
                ("GET", "/metrics", {}),
                ("GET", "/readyz", {}),
            ):
                answer = client.request(method, path, **options)
                refused += self._judge(f"{method} {path}", answer)
            if client.get("/healthz").status_code != 200:
                self._report.blame(f"{self._name}: the server does not live")
            # What is taken must be run as well.
            time.sleep(0.1)
        if is_refused and not refused:
            self._report.blame(f"{self._name}: nothing was refused, so nothing was shown")
        if not is_refused and refused:
            self._report.blame(f"{self._name}: {refused} requests were refused")

    def _judge(self, tried: str, answer: httpx.Response) -> bool:
        """Return whether it was refused; blame a refusal that is not a typed one."""
        if answer.status_code < 400:
            return False
        if "/readyz" in tried:
            if answer.status_code != 503 or answer.json()["status"] != "unavailable":
                self._report.blame(f"{self._name}: {tried}: {answer.text[:200]}")
            return True
        kind = answer.headers.get("Content-Type", "")
        code = answer.json().get("code") if kind.startswith("application/problem+json") else None
        if code not in _TYPED or answer.status_code not in (503, 507):
            self._report.blame(f"{self._name}: {tried}: {answer.status_code} {answer.text[:300]}")
        return True

    def _recover(self, client: httpx.Client) -> str:
        """Submit until it is taken, as any client would."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            answer = client.post("/api/jobs/run-csv", json={**_QUICK, "priority": 100})
            if answer.status_code == 202:
                return str(answer.json()["id"])
            self._judge("recovering", answer)
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self._name}: it does not recover: {answer.text}")
            time.sleep(0.1)

    @staticmethod
    def _start(client: httpx.Client, request: dict[str, Any]) -> str:
        return str(client.post("/api/jobs/run-csv", json=request).raise_for_status().json()["id"])

    @staticmethod
    def _until_heard(client: httpx.Client, job_id: str) -> None:
        """Wait until the work itself has told something."""
        path = f"/api/jobs/{job_id}/events"
        for _ in range(round(_PATIENCE_S / 0.05)):
            if "babble" in client.get(path, params={"follow": "false"}).text:
                return
            time.sleep(0.05)
        raise RuntimeError(f"{job_id} told nothing")

    def _require(
        self, client: httpx.Client, job_id: str, which: str, may_fail_by: str | None
    ) -> None:
        detail = self._until(client, job_id, {"completed", "failed", "cancelled"})
        failed_by = (detail.get("error") or {}).get("code")
        if detail["status"] != "completed" and (failed_by is None or failed_by != may_fail_by):
            text = f"{detail['status']}: {detail['error']}"
            self._report.blame(f"{self._name}: {which} is {text}")

    def _until(self, client: httpx.Client, job_id: str, wanted: set[str]) -> dict[str, Any]:
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            answer = client.get(f"/api/jobs/{job_id}")
            detail: dict[str, Any] = answer.json()
            if answer.status_code == 200 and detail["status"] in wanted:
                return detail
            time.sleep(0.05)
        self._report.blame(f"{self._name}: {job_id} was not {sorted(wanted)} in time")
        return detail
