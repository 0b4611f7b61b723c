"""Hostile paths, names, headers and a token that must not be found anywhere afterwards.

A canary lies beside the folder that requests may name files in, and links in that folder lead to
it. Whatever is tried, its content may appear in no answer, log or artifact, no file may appear
outside of the job root, and the answer is always a refusal (4xx), never a fault (5xx). Then the
token is sent in headers and queries in every spelling and searched for in all that was written.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import re
import secrets
import time
from collections import Counter
from pathlib import Path

import httpx

from adhash.service.models import ARTIFACT_NAME
from torture.hostile_names import hostile_texts, in_target, set_traps
from torture.leftovers import processes_of
from torture.raw_http import Answer, send_raw
from torture.report import Report
from torture.server import TOKEN, Server

_BEARER = {"Authorization": f"Bearer {TOKEN}"}
_PLAIN_LABEL = re.compile(r"(?=.*[^.])[^\x00-\x1f\x7f/\\]{1,255}")
_RANGE_S = 1.0
_RANGES = 100_000
_AT_ONCE = 16
_SAMPLE = {"sample": "identifiers"}
_PAIR = {**_SAMPLE, "a": {"mode": "swiss"}, "b": {"mode": "std"}}
# The kind, the field, and what else makes the request whole.
_READ: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("run-csv", "csv", {}),
    ("run-csv", "snapshot_in", _SAMPLE),
    ("run-csv", "config", _SAMPLE),
    ("profile", "csv", {}),
    ("batch", "spec_path", {}),
    ("verify-snapshot", "snapshot", {}),
    ("probe-visualize", "snapshot", {"key": "a"}),
    ("probe-visualize", "csv", {"key": "a"}),
    ("workload-dna", "csv", {}),
    ("ab-compare", "csv", {"a": {"mode": "swiss"}, "b": {"mode": "std"}}),
    ("ab-compare", "config", _PAIR),
)
_WRITTEN: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("run-csv", "snapshot_out", {**_SAMPLE, "mode": "swiss"}),
    ("run-csv", "json_summary_out", _SAMPLE),
    ("run-csv", "metrics_out_dir", _SAMPLE),
    ("batch", "out_dir", {"spec": {"name": "s", "jobs": []}}),
    ("batch", "html_report", {"spec": {"name": "s", "jobs": []}}),
    ("probe-visualize", "svg_out", {"key": "a"}),
    ("ab-compare", "json_out", _PAIR),
)


class _Scene:
    """A server with a canary beside its data, and what was found so far."""

    def __init__(self, folder: Path, report: Report) -> None:
        self.report = report
        self.folder = folder
        self.secret = f"CANARY-{secrets.token_hex(16)}"
        self.root = folder / "data"
        self.canary = folder / "canary.csv"
        # A trace that could be replayed, so that an escape would leave its traces.
        self.canary.write_text(f"op,key,value\nput,{self.secret},1\n")
        set_traps(self.root, self.canary)
        (self.root / "good.csv").write_text("op,key,value\nput,a,1\nget,a,\n")
        self.server = Server(
            folder / "jobs",
            {
                "ADHASH_DATA_ROOTS": str(self.root),
                "ADHASH_LOG_LEVEL": "debug",
                "ADHASH_MAX_CONCURRENT_JOBS": "2",
            },
        )
        self.texts = hostile_texts(self.canary, self.root)
        self.statuses: Counter[int] = Counter()

    def outside(self) -> set[Path]:
        """Return every file that is not the server's own."""
        own = (self.server.job_root, self.server.log)
        paths = set(self.folder.iterdir()) - set(own)
        return paths | set(self.root.rglob("*"))

    def judge(self, tried: str, answer: Answer, *, may_be: tuple[int, ...] = ()) -> None:
        """Blame an answer that tells the secret, is no refusal, or is none at all."""
        self.statuses[answer.status] += 1
        if self.secret.encode() in answer.body:
            self.report.blame(f"{tried}: the canary was read")
        if not 400 <= answer.status < 500 and answer.status not in may_be:
            self.report.blame(f"{tried}: answered {answer.status} {answer.body[:200]!r}")


def run(folder: Path, scale: float) -> Report:
    """Try 1,000 paths in bodies, 1,000 names in URLs, and 10,000 tokens, times the scale."""
    report = Report("hostile paths, names, headers; and a token that is looked for")
    scene = _Scene(folder, report)
    before = scene.outside()
    with scene.server as server, server.client() as client:
        good = _finished(client, {"csv": "good.csv", "mode": "swiss"})
        _try_bodies(scene, client, max(int(1000 * scale), 100))
        _try_targets(scene, good, max(int(1000 * scale), 100))
        _try_in_jobs(scene, client)
        _try_ranges(scene, good)
        _send_tokens(scene, max(int(10_000 * scale), 100))
        _look_at_a_runner(scene, client)
    _search(scene)
    for path in scene.outside() ^ before:
        report.blame(f"{path} appeared or vanished")
    report.tell("refused", sum(count for code, count in scene.statuses.items() if code // 100 == 4))
    report.tell(
        "answered 5xx", sum(c for code, c in scene.statuses.items() if code // 100 == 5), limit=0
    )
    return report


# --- paths in bodies -----------------------------------------------------------------------------


def _try_bodies(scene: _Scene, client: httpx.Client, count: int) -> None:
    names = [text for text in scene.texts if not re.fullmatch(ARTIFACT_NAME, text)]
    tries = [*itertools.product(_READ, scene.texts), *itertools.product(_WRITTEN, names)]
    for (kind, field, others), text in random.Random(5).sample(tries, min(count, len(tries))):
        answer = client.post(f"/api/jobs/{kind}", json={**others, field: text})
        tried = f"{kind} {field}={text[:60]!r}"
        scene.judge(tried, _as_answer(answer))
        if not answer.headers["Content-Type"].startswith("application/problem+json"):
            scene.report.blame(f"{tried}: the refusal is no problem+json")
    scene.report.tell("paths tried in bodies", min(count, len(tries)))


def _as_answer(answer: httpx.Response) -> Answer:
    return Answer(status=answer.status_code, body=answer.content, headers=dict(answer.headers))


def _try_in_jobs(scene: _Scene, client: httpx.Client) -> None:
    """Name the canary where only the work looks: in suites, samples and presets."""
    paths = [f"../{scene.canary.name}", str(scene.canary), str(scene.root / "link.csv"), "link.csv"]
    for path in paths:
        job = {"name": "j", "command": "run-csv", "csv": path}
        for request, kind in (
            ({"spec": {"name": "s", "jobs": [job]}}, "batch"),
            ({"sample": path}, "run-csv"),
            ({**_SAMPLE, "preset": path}, "run-csv"),
        ):
            answer = client.post(f"/api/jobs/{kind}", json=request)
            scene.judge(f"{kind} {request}", _as_answer(answer), may_be=(202,))
            if answer.status_code == 202:
                detail = _ended(client, answer.json()["id"])
                if detail["status"] != "failed":
                    scene.report.blame(f"{kind} {request}: {detail['status']}")
                scene.judge(
                    f"{kind} {request}",
                    _as_answer(client.get(detail["links"]["logs"])),
                    may_be=(200,),
                )


# --- names in targets ----------------------------------------------------------------------------


def _try_targets(scene: _Scene, good: str, count: int) -> None:
    places = (
        ("GET", f"/api/jobs/{good}/artifacts/", ""),
        ("HEAD", f"/api/jobs/{good}/artifacts/", ""),
        ("POST", f"/api/jobs/{good}/artifacts/", "/url"),
        ("GET", "/api/jobs/", ""),
        ("GET", "/api/jobs/", "/logs"),
        ("DELETE", "/api/jobs/", ""),
        ("GET", f"/api/jobs/{good}/logs?since=", ""),
        ("PUT", "/api/inputs/", ""),
    )
    tries = [*itertools.product(places, filter(None, scene.texts), (True, False))]
    for place, text, is_encoded in random.Random(6).sample(tries, min(count, len(tries))):
        method, before, after = place
        target = before.encode() + in_target(text, is_encoded=is_encoded) + after.encode()
        headers = {**_BEARER, "Content-Type": "application/json"}
        answer = send_raw(scene.server.url, method, target, headers=headers, body=b"{}")
        # What an upload is called is a label; any text will do that is one.
        is_label = method == "PUT" and _PLAIN_LABEL.fullmatch(text) is not None
        scene.judge(f"{method} {target[:100]!r}", answer, may_be=(201,) if is_label else ())
    scene.report.tell("names tried in URLs", min(count, len(tries)))


def _try_ranges(scene: _Scene, good: str) -> None:
    ranges = "bytes=" + ",".join(["0-0"] * _RANGES)
    target = f"/api/jobs/{good}/artifacts/summary.json".encode()
    begun = time.monotonic()
    answer = send_raw(scene.server.url, "GET", target, headers={**_BEARER, "Range": ranges})
    took_s = time.monotonic() - begun
    scene.judge(f"{_RANGES} ranges", answer)
    scene.report.tell(f"{_RANGES:,} ranges refused after", took_s, unit="s", limit=_RANGE_S)


# --- the token -----------------------------------------------------------------------------------


def _spelled() -> tuple[str, ...]:
    """Return the token as a query may carry it: plain, and percent-encoded in both cases."""
    coded = "".join(f"%{byte:02x}" for byte in TOKEN.encode())
    return TOKEN, coded, coded.upper()


def _send_tokens(scene: _Scene, count: int) -> None:
    paths = (
        "/api/jobs",
        "/api/jobs/NONE",
        "/nowhere",
        "/metrics",
        "/api/jobs/%00/logs",
        "/healthz",
    )
    queries = ["", *(f"?token={token}" for token in _spelled()), f"?x=1&token={TOKEN}&token=other"]
    tries = itertools.cycle(itertools.product(paths, queries))
    begun = time.monotonic()
    asyncio.run(_ask_all(scene, [path + query for path, query in itertools.islice(tries, count)]))
    scene.report.tell("requests with the token", count)
    scene.report.tell("their rate", count / (time.monotonic() - begun), unit="1/s")
    with httpx.Client(base_url=scene.server.url) as client:
        # A job that was asked for by a token in the query.
        answer = client.post(f"/api/jobs/run-csv?token={TOKEN}", json={"csv": "good.csv"})
        if answer.status_code != 202:
            scene.report.blame(f"a token in the query was not taken: {answer.text}")


async def _ask_all(scene: _Scene, targets: list[str]) -> None:
    waiting = iter(targets)
    async with httpx.AsyncClient(base_url=scene.server.url, timeout=60.0) as client:

        async def work() -> None:
            for target in waiting:
                headers = {} if "token=" in target else _BEARER
                answer = await client.get(target, headers=headers)
                if TOKEN in answer.text:
                    scene.report.blame(f"{target}: the answer tells the token")
                if answer.status_code == 401 or answer.status_code >= 500:
                    scene.report.blame(f"{target}: {answer.status_code}")

        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))


def _look_at_a_runner(scene: _Scene, client: httpx.Client) -> None:
    """Blame a process of a job whose environment or arguments hold the token."""
    request = {**_SAMPLE, "mode": "swiss", "rate": 10}
    job_id = client.post("/api/jobs/run-csv", json=request).json()["id"]
    while not (found := processes_of([job_id])):
        time.sleep(0.05)
    for pid in found:
        for name in ("environ", "cmdline"):
            if TOKEN.encode() in Path(f"/proc/{pid}/{name}").read_bytes():
                scene.report.blame(f"the token is in the {name} of a runner")
    client.delete(f"/api/jobs/{job_id}")


# --- afterwards ----------------------------------------------------------------------------------


def _search(scene: _Scene) -> None:
    wanted = {"the canary": [scene.secret], "the token": _spelled()}
    searched = 0
    for path in (*scene.server.job_root.rglob("*"), scene.server.log):
        if not path.is_file() or path.is_symlink():
            continue
        content = path.read_bytes()
        searched += 1
        for name, spellings in wanted.items():
            if any(spelling.encode() in content for spelling in spellings):
                scene.report.blame(f"{name} is in {path.relative_to(scene.folder)}")
    scene.report.tell("files searched", searched)
    if searched < 5 or scene.server.log.stat().st_size == 0:
        scene.report.blame("there was nothing to search")


def _finished(client: httpx.Client, request: dict[str, object]) -> str:
    job_id = str(client.post("/api/jobs/run-csv", json=request).raise_for_status().json()["id"])
    detail = _ended(client, job_id)
    if detail["status"] != "completed":
        raise RuntimeError(json.dumps(detail["error"]))
    return job_id


def _ended(client: httpx.Client, job_id: str) -> dict[str, object]:
    for _ in range(12):
        detail: dict[str, object] = client.get(f"/api/jobs/{job_id}", params={"wait": 10}).json()
        if detail["finished_at"] is not None:
            return detail
    raise RuntimeError(f"{job_id} did not end")
