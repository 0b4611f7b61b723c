"""Taking what the work appended to ``events.ndjson`` into the store: each line once.

The store keeps how many bytes of the file it holds, in the transaction that adds their events. A
server that dies between two of them reads on from there. Only whole lines are taken; a line that
is not an event (a worker gone wrong) is counted as read and told as an alert.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from adhash.clock import Clock
from adhash.service.models import EventType
from adhash.service.records import NewEvent

_BLOCK_BYTES = 1 << 20
# Status and artifacts are the server's own to tell.
_ALLOWED = {EventType.PROGRESS, EventType.METRICS, EventType.ALERT}


def read_events(path: Path, consumed: int, clock: Clock) -> tuple[list[NewEvent], int]:
    """Return the events after the first `consumed` bytes, and how many bytes are consumed then.

    Parameters
    ----------
    path : Path
        The file; it may not be there yet.
    consumed : int
        How many bytes are in the store.
    clock : Clock
        Dates what carries no date that can be read.

    Returns
    -------
    list of NewEvent
        About a megabyte of them at most.
    int
        The bytes consumed with them.
    """
    try:
        with path.open("rb") as file:
            file.seek(consumed)
            block = file.read(_BLOCK_BYTES)
    except FileNotFoundError:
        return [], consumed
    end = block.rfind(b"\n") + 1
    if end == 0 and len(block) == _BLOCK_BYTES:
        return [_complaint("a line of a megabyte is no event", clock)], consumed + len(block)
    return [_event(line, clock) for line in block[:end].splitlines()], consumed + end


def _event(line: bytes, clock: Clock) -> NewEvent:
    try:
        raw: dict[str, Any] = json.loads(line)
        kind, at, data = EventType(raw["type"]), datetime.fromisoformat(raw["at"]), raw["data"]
    except (ValueError, KeyError, TypeError):
        return _complaint(f"not an event: {line[:200]!r}", clock)
    if kind not in _ALLOWED or at.tzinfo is None or not isinstance(data, dict):
        return _complaint(f"not an event of the work: {line[:200]!r}", clock)
    return NewEvent(type=kind, at=at, data=data)


def _complaint(text: str, clock: Clock) -> NewEvent:
    data = {"name": "bad_event", "message": text}
    return NewEvent(type=EventType.ALERT, at=clock.now(), data=data)
