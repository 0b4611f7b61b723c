"""Listing over HTTP where the store holds 100,000 jobs: every filter, first page and middle."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from adhash.clock import SystemClock
from adhash.service import store_writes
from adhash.service.intake import Caller, Intake
from adhash.service.lifecycle import (
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    CancelRequested,
    Fact,
    JobError,
)
from adhash.service.records import JobChanges, NewJob
from adhash.service.settings import load_service_settings
from adhash.service.store import Store
from benchmarks.report import Bar, CaseReport
from benchmarks.service.held_slot import server_with_held_slot
from benchmarks.service.plan import ServicePlan, slow_tail

_KINDS = ("run-csv", "profile", "workload-dna")
_FACTS = ("completed",) * 90 + ("failed",) * 5 + ("cancelled",) * 5
_RESULT = {"summary": "x" * 4_000}
_AT_ONCE = 2_000
_FILTERS: dict[str, dict[str, Any]] = {
    "all": {},
    "status common": {"status": "completed"},
    "status rare": {"status": "running"},
    "two statuses": {"status": ["failed", "cancelled"]},
    "kind": {"kind": "profile"},
    "kind of none": {"kind": "ab-compare"},
    "label common": {"label": "team=lab"},
    "label rare": {"label": "run=7"},
    "label of none": {"label": "team=nobody"},
    "label and status": {"label": "team=lab", "status": "running"},
    "everything": {"label": ["team=lab", "run=7"], "status": "completed", "kind": "run-csv"},
    "500 of them": {"limit": 500},
}


def run(plan: ServicePlan) -> CaseReport:
    """Fill a store, then list by every filter."""
    count = plan.sized(100_000, 5_000)
    report = CaseReport(name="listing", title=f"listing at {count:,} jobs over HTTP")
    root = plan.place("listing") / "jobs"
    begun = time.perf_counter()
    fill(root, count)
    report.notes.append(f"filled in {time.perf_counter() - begun:.3g} s")
    bar = Bar(limit=150, side="at most", unit=" ms")
    with server_with_held_slot(root) as server, server.client() as client:
        middle = _middle(client, pages=plan.sized(40, 4))
        for name, given in _FILTERS.items():
            for place, cursor in (("first page", {}), ("middle", {"cursor": middle})):
                query = {"limit": 100, **given, **cursor}
                took_s = list(_list(client, query, times=plan.sized(100, 20)))
                report.findings.append(slow_tail(f"{name}, {place}", took_s, bar))
    return report


def _middle(client: httpx.Client, *, pages: int) -> str:
    cursor = None
    for _ in range(pages):
        query = {"limit": 500} | ({} if cursor is None else {"cursor": cursor})
        cursor = client.get("/api/jobs", params=query).raise_for_status().json()["next_cursor"]
    return str(cursor)


def _list(client: httpx.Client, query: dict[str, Any], *, times: int) -> Iterator[float]:
    for _ in range(times):
        begun = time.perf_counter()
        client.get("/api/jobs", params=query).raise_for_status()
        yield time.perf_counter() - begun


def fill(root: Path, count: int) -> None:
    """Make a store with so many jobs that have ended, as a year of a busy lab leaves them."""
    root.mkdir(parents=True)
    clock = SystemClock()
    intake = Intake(load_service_settings({}), clock, lambda _: None)
    checked = {
        kind: intake.check(kind, {"sample": "identifiers"}, is_trusted=True) for kind in _KINDS
    }
    with Store.open(job_root=root, url=None, clock=clock) as store:
        waiting: list[Future[Any]] = []
        for number in range(count):
            new = intake.new_job(checked[_KINDS[number % 3]], Caller(owner=f"owner-{number % 3}"))
            labels = {"team": "lab", "run": str(number % 1_000)}
            waiting += _written(store, replace(new, labels=labels), _FACTS[number % len(_FACTS)])
            if len(waiting) > _AT_ONCE:
                _settle(waiting)
        _settle(waiting)


def _written(store: Store, new: NewJob, end: str) -> Iterator[Future[Any]]:
    yield store.later(
        store_writes.add_job, new, max_queued=10**9, owner_quota=None, idempotency=None
    )
    if end == "cancelled":
        yield store.later(store_writes.apply, new.id, CancelRequested(reason="by hand"), None)
        return
    facts: dict[str, tuple[Fact, JobChanges | None]] = {
        "completed": (AttemptSucceeded(attempt=1), JobChanges(result=_RESULT)),
        "failed": (
            AttemptFailed(attempt=1, error=JobError(code="bad_input", detail="line 3")),
            None,
        ),
    }
    fact, changes = facts[end]
    yield store.later(store_writes.apply, new.id, AttemptStarted(attempt=1), None)
    yield store.later(store_writes.apply, new.id, fact, changes)


def _settle(waiting: list[Future[Any]]) -> None:
    for future in waiting:
        future.result()
    waiting.clear()
