"""Writes to a store until it is killed, and says on standard output what was acknowledged."""

from __future__ import annotations

import os
import secrets
import sys
import threading
from pathlib import Path

from made_jobs import NOON, new_job

from adhash.clock import SystemClock
from adhash.service.ids import new_job_id
from adhash.service.lifecycle import AttemptStarted, AttemptSucceeded
from adhash.service.models import EventType
from adhash.service.records import JobChanges, NewEvent
from adhash.service.store import Store


def hammer(store: Store) -> None:
    """Take jobs through their lives; each line is one write that was acknowledged."""
    clock = SystemClock()
    while True:
        new = new_job(id=new_job_id(clock.now(), secrets.randbits), labels={"a": "b"})
        store.add_job(new, max_queued=10**9)
        say(f"{new.id} pending 0")
        store.apply(new.id, AttemptStarted(attempt=1))
        say(f"{new.id} running 0")
        told = [NewEvent(type=EventType.PROGRESS, at=NOON, data={"done": n}) for n in range(5)]
        store.append_events(new.id, told, consumed=5)
        say(f"{new.id} running 5")
        store.apply(new.id, AttemptSucceeded(attempt=1), JobChanges(result={"rows": 7}))
        say(f"{new.id} completed 5")


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def main() -> None:
    """Open the store of the command line and never return."""
    job_root, url = sys.argv[1:]
    store = Store.open(job_root=Path(job_root), url=url or None, clock=SystemClock())
    for _ in range(4):
        threading.Thread(target=hammer, args=(store,), daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
