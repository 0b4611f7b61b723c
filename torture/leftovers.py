"""What jobs may have left behind: processes, found by the mark that each inherits."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from adhash.service.processes import COOKIE

_MARK = f"{COOKIE}=".encode()


def processes_of(job_ids: Iterable[str]) -> list[int]:
    """Return the pids of all processes that belong to any attempt of some jobs.

    Other services may run on this machine, so only these jobs count.
    """
    wanted = {job_id.encode() for job_id in job_ids}
    found = []
    for place in Path("/proc").glob("[0-9]*/environ"):
        try:
            entries = place.read_bytes().split(b"\0")
        except OSError:
            continue
        marks = (entry.removeprefix(_MARK) for entry in entries if entry.startswith(_MARK))
        if any(mark.partition(b"/")[0] in wanted for mark in marks):
            found.append(int(place.parent.name))
    return found
