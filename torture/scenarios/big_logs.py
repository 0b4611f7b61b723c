"""A job writes 100 MB; who follows from the start and who comes late get every byte of it.

The output is of all sorts: short lines and lines of megabytes, empty ones, bytes that are no text,
and no line feed at the end. The digest of what each follower put together must be the file's.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from pathlib import Path

import httpx

from torture.misbehaviour import asked_of
from torture.report import Report
from torture.server import MISBEHAVING, Server
from torture.watching import MEGABYTE, MemoryWatch

_GROWTH_MB = 64.0
_BYTES_PER_S = 10_000_000.0
_PATIENCE_S = 120.0


def run(folder: Path, scale: float) -> Report:
    """Follow the output of a job that writes 100 MB, times the scale."""
    report = Report("output is followed from its start, and by one who comes late")
    size = max(int(100 * MEGABYTE * scale), 5 * MEGABYTE)
    with Server(folder / "jobs", {}, program=MISBEHAVING) as server:
        _warm_up(server)
        with MemoryWatch(server) as memory:
            job_id = _submit(server, size)
            early = _Reader(server, job_id)
            early.start()
            _until_written(server.job_root / job_id / "stdout.log", size // 2)
            late = _Reader(server, job_id)
            late.start()
            early.join()
            late.join()
        raw = (server.job_root / job_id / "stdout.log").read_bytes()
        for name, reader in (("from the start", early), ("late", late)):
            reader.compare(name, raw, report)
            report.tell(f"{name}, rate", reader.size / MEGABYTE / reader.took_s, unit="MB/s")
    report.tell("output", len(raw) / MEGABYTE, unit="MB")
    if len(raw) != size:
        report.blame(f"the job wrote {size} bytes, its file has {len(raw)}")
    report.tell("memory of the server grew by", memory.growth_mb, unit="MB", limit=_GROWTH_MB)
    return report


class _Reader(threading.Thread):
    def __init__(self, server: Server, job_id: str) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._path = f"/api/jobs/{job_id}/logs"
        self._digest = hashlib.sha256()
        self.size = 0
        self.took_s = 0.0
        self._next_seq = 0
        self._faults: list[str] = []

    def run(self) -> None:
        begun = time.monotonic()
        try:
            self._read()
        except (httpx.HTTPError, ValueError) as error:
            self._faults.append(f"{type(error).__name__}: {error}")
        self.took_s = time.monotonic() - begun

    def _read(self) -> None:
        with (
            self._server.client() as client,
            client.stream("GET", self._path, params={"follow": "true"}) as answer,
        ):
            answer.raise_for_status()
            rest = b""
            for block in answer.iter_raw():
                *whole, rest = (rest + block).split(b"\n")
                for text in whole:
                    self._take(json.loads(text))
            if rest:
                self._faults.append("the stream ended in the midst of a line")

    def _take(self, line: dict[str, object]) -> None:
        if line["seq"] != self._next_seq:
            self._faults.append(f"line {line['seq']} came after {self._next_seq - 1}")
        self._next_seq = int(str(line["seq"])) + 1
        if line["stream"] != "stdout":
            return
        coded = line.get("base64")
        raw = str(line["message"]).encode() if coded is None else base64.b64decode(str(coded))
        raw += b"" if line.get("partial") else b"\n"
        self._digest.update(raw)
        self.size += len(raw)

    def compare(self, name: str, raw: bytes, report: Report) -> None:
        for fault in self._faults[:5]:
            report.blame(f"{name}: {fault}")
        if self._digest.hexdigest() != hashlib.sha256(raw).hexdigest():
            report.blame(f"{name}: {self.size} bytes, not the {len(raw)} of the file")


def _submit(server: Server, size: int) -> str:
    request = asked_of("print", size=size, bytes_per_s=_BYTES_PER_S)
    with server.client() as client:
        return str(client.post("/api/jobs/run-csv", json=request).raise_for_status().json()["id"])


def _warm_up(server: Server) -> None:
    """Have everything in memory that any job needs, so that what grows is the output's."""
    reader = _Reader(server, _submit(server, MEGABYTE))
    reader.start()
    reader.join()


def _until_written(path: Path, size: int) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if path.exists() and path.stat().st_size >= size:
            return
        time.sleep(0.05)
    raise RuntimeError(f"{path} did not reach {size} bytes")
