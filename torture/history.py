"""What the store tells of all that happened, held against what may happen."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

TERMINAL = frozenset({"completed", "failed", "cancelled"})
# The arrows of the life cycle, from nothing on.
_MOVES = {
    None: {"pending"},
    "pending": {"running", "cancelled"},
    "running": {"pending", *TERMINAL},
}


@dataclass
class History:
    """The statuses of every job in the order they were recorded, and what it published."""

    statuses: dict[str, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))
    artifacts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def read_history(job_root: Path) -> History:
    """Return the history that the SQLite store of a folder holds; no server may write to it."""
    history = History()
    with sqlite3.connect(f"file:{job_root / 'store.sqlite3'}?mode=ro", uri=True) as connection:
        rows = connection.execute(
            "SELECT job_id, type, data FROM events WHERE job_id IS NOT NULL ORDER BY id"
        )
        for job_id, kind, text in rows:
            data = json.loads(text) if isinstance(text, str) else text
            if kind == "status":
                history.statuses[job_id].append((data["status"], data["attempt"]))
            elif kind == "artifact":
                history.artifacts[job_id].append(data["name"])
    return history


def faults_of(history: History, acknowledged: Iterable[str]) -> list[str]:
    """Return everything in a history that must not be.

    Parameters
    ----------
    history : History
        Of a store that nobody works with any more.
    acknowledged : iterable of str
        The jobs that a server said it took.

    Returns
    -------
    list of str
        Empty if all is well.
    """
    faults = []
    for job_id in acknowledged:
        if job_id not in history.statuses:
            faults.append(f"{job_id} was acknowledged and is lost")
        elif history.statuses[job_id][-1][0] not in TERMINAL:
            faults.append(f"{job_id} never ended: {history.statuses[job_id]}")
    for job_id, steps in history.statuses.items():
        faults += _faults_of_steps(job_id, steps)
    for job_id, names in history.artifacts.items():
        if len(set(names)) != len(names):
            faults.append(f"{job_id} published twice: {names}")
    return faults


def _faults_of_steps(job_id: str, steps: list[tuple[str, int]]) -> list[str]:
    faults = []
    before: str | None = None
    attempt = 0
    for status, number in steps:
        if status not in _MOVES.get(before, set()):
            faults.append(f"{job_id}: {before} -> {status} is no move: {steps}")
        if number < attempt or (status == "running" and number != attempt + 1):
            faults.append(f"{job_id}: attempt {number} after {attempt}: {steps}")
        before, attempt = status, number
    return faults
