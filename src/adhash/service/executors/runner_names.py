"""Who the runner of an attempt is, by what never names another process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adhash.service.attempts import AttemptRef
from adhash.service.folder import AttemptFolder, JobFolder
from adhash.service.processes import Process, find_process


@dataclass(frozen=True, kw_only=True)
class RunnerName:
    """A process, by what never names another."""

    pid: int
    start_time: int
    boot_id: str

    def find(self, boot: str) -> Process | None:
        """Return the process if it lives, in this boot of the machine."""
        found = find_process(self.pid) if self.boot_id == boot else None
        return found if found is not None and found.start_time == self.start_time else None


def attempt_folder(ref: AttemptRef) -> AttemptFolder:
    """Return the folder of an attempt."""
    return JobFolder(ref.folder).attempt(ref.attempt)


def named_runner(ref: AttemptRef) -> RunnerName | None:
    """Return who the runner of an attempt is: by its placement, or else by what it wrote itself.

    A placement of an earlier attempt is none: the server died before it kept that of this one.
    """
    placement = ref.placement if ref.placement.get("attempt") == ref.attempt else {}
    return _name_in(placement) or _name_in(_read(attempt_folder(ref).runner))


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _name_in(fields: dict[str, Any]) -> RunnerName | None:
    try:
        return RunnerName(
            pid=int(fields["pid"]),
            start_time=int(fields["start_time"]),
            boot_id=str(fields["boot_id"]),
        )
    except (KeyError, TypeError, ValueError):
        return None
