"""A hundred followers of one job lose their connection ten times each, and miss nothing.

The job tells 20,000 events. Every follower is cut off at random places, throws away what else was
on its way, and resumes by Last-Event-ID. What it has at the end must be what the store has: none
lost, none twice, in order. Then the server ends while followers hang on it, and must not wait.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
import time
from pathlib import Path

import httpx

from torture.following import Follower
from torture.misbehaviour import asked_of
from torture.report import Report
from torture.server import MISBEHAVING, TOKEN, Server
from torture.watching import MEGABYTE, MemoryWatch

_CUTS = 10
_END_S = 5.0
_EVENTS_PER_S = 1000.0


def run(folder: Path, scale: float) -> Report:
    """Follow 20,000 events with 100 followers, both times the scale."""
    report = Report("followers lose their connection and resume")
    events, count = max(int(20_000 * scale), 200), max(int(100 * scale), 4)
    settings = {"ADHASH_MAX_CONCURRENT_JOBS": "2"}
    with Server(folder / "jobs", settings, program=MISBEHAVING) as server:
        job_id = _submit(server, asked_of("babble", count=events, per_s=_EVENTS_PER_S))
        with MemoryWatch(server) as memory:
            begun = time.monotonic()
            followers = asyncio.run(_follow_all(server, job_id, events, count))
            took_s = time.monotonic() - begun
        _tell(report, followers, _ids_in_store(server.job_root, job_id), events)
        report.tell("until the last had all", took_s, unit="s")
        report.tell("memory of the server", memory.peak_bytes / MEGABYTE, unit="MB")
        report.tell("its growth", memory.growth_mb, unit="MB")
        report.tell("connections left", _connections_left(server), limit=0)
        report.tell(
            "SIGTERM with followers connected, to its end",
            _stop_while_followed(server, report, count),
            unit="s",
            limit=_END_S,
        )
    return report


def _submit(server: Server, request: dict[str, object]) -> str:
    with server.client() as client:
        return str(client.post("/api/jobs/run-csv", json=request).raise_for_status().json()["id"])


async def _follow_all(server: Server, job_id: str, events: int, count: int) -> list[Follower]:
    chance = random.Random(3)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(
        base_url=server.url,
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=120.0,
        limits=limits,
    ) as client:
        followers = [
            Follower(
                client,
                f"/api/jobs/{job_id}/events",
                sorted(chance.sample(range(1, events), _CUTS)),
            )
            for _ in range(count)
        ]
        await asyncio.gather(*(follower.follow() for follower in followers))
    return followers


def _ids_in_store(job_root: Path, job_id: str) -> list[int]:
    with sqlite3.connect(f"file:{job_root / 'store.sqlite3'}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT id FROM events WHERE job_id = ? ORDER BY id", (job_id,))
        return [row[0] for row in rows]


def _tell(report: Report, followers: list[Follower], kept: list[int], events: int) -> None:
    if len(kept) < events:
        report.blame(f"the job told {events} events, the store has {len(kept)}")
    for number, follower in enumerate(followers):
        got = follower.ids
        if got == kept:
            continue
        lost, twice = len(set(kept) - set(got)), len(got) - len(set(got))
        order = "in order" if got == sorted(got) else "out of order"
        report.blame(f"follower {number}: {lost} lost, {twice} twice, {order}")
    report.tell("followers", len(followers))
    report.tell("events each", len(kept))
    report.tell("connections", sum(follower.connections for follower in followers))
    cut = sum(follower.connections - 1 for follower in followers)
    if cut != len(followers) * _CUTS:
        report.blame(f"{cut} connections were cut, not {len(followers) * _CUTS}: nothing was shown")
    resets = sum(follower.resets for follower in followers)
    report.tell("told to begin anew", resets, limit=0)


def _connections_left(server: Server) -> float:
    """Return how many followers the server still counts once all have gone."""
    deadline = time.monotonic() + 20.0
    while True:
        with server.client() as client:
            page = client.get("/metrics").text
        lines = [line for line in page.splitlines() if line.startswith("adhash_followers")]
        left = float(lines[0].split()[-1])
        if left == 0 or time.monotonic() > deadline:
            return left
        time.sleep(0.1)


def _stop_while_followed(server: Server, report: Report, count: int) -> float:
    job_id = _submit(server, asked_of("nap"))
    ended = threading.Barrier(count + 1)
    threads = [
        threading.Thread(target=_hang_on, args=(server, job_id, ended), daemon=True)
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    ended.wait(60.0)
    took_s = server.stop()
    for thread in threads:
        thread.join(10.0)
    if any(thread.is_alive() for thread in threads):
        report.blame("a follower hangs on a server that is gone")
    _end_the_rest(server, job_id)
    return took_s


def _hang_on(server: Server, job_id: str, ready: threading.Barrier) -> None:
    try:
        with (
            server.client() as client,
            client.stream("GET", f"/api/jobs/{job_id}/events") as answer,
        ):
            ready.wait()
            for _ in answer.iter_raw():
                pass
    except httpx.HTTPError:
        return


def _end_the_rest(server: Server, job_id: str) -> None:
    """Start the server once more to end the job that it left running."""
    server.start()
    with server.client() as client:
        client.delete(f"/api/jobs/{job_id}")
