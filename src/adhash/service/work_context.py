"""What the work of a job may use of the world: a folder, a way to be stopped, and a way to tell.

Events go to ``events.ndjson`` line by line, each in one write to a file opened for appending, so
that a reader never sees half of two lines mixed, and whatever was written survives a SIGKILL.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from adhash.cancellation import CancelToken
from adhash.clock import NS_PER_S, Clock
from adhash.errors import AdhashError
from adhash.progress import WorkProgress
from adhash.service.models import EventType

# Progress is for eyes: more than four lines a second would only fill the store.
_PROGRESS_INTERVAL_NS = NS_PER_S // 4


class WorkContext:
    """The side of the work: progress, ticks and alerts go out, the wish to stop comes in.

    Parameters
    ----------
    attempt : int
        The number of the attempt, which each event carries.
    events : Path
        The file that events are appended to.
    ticks : Path
        The file that ticks are appended to.
    artifacts : Path
        The folder of what the work makes.
    cancel : CancelToken
        Cancelled when the work shall stop.
    clock : Clock
        Dates the events.
    metrics_url : Path or None
        The file that says where live metrics are served.
    roots : tuple of Path or None
        The folders that files named inside of inputs may lie beneath; None for any folder.
    """

    def __init__(
        self,
        *,
        attempt: int,
        events: Path,
        ticks: Path,
        artifacts: Path,
        cancel: CancelToken,
        clock: Clock,
        metrics_url: Path | None = None,
        roots: tuple[Path, ...] | None = None,
    ) -> None:
        self.attempt = attempt
        self.artifacts = artifacts
        self.cancel = cancel
        self.roots = roots
        self.kept_result: dict[str, Any] | None = None
        self._clock = clock
        self._metrics_url = metrics_url
        self._events = _open_to_append(events)
        self._ticks = _open_to_append(ticks)
        self._told_ns: int | None = None
        self._untold: WorkProgress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tell_rest()
        os.close(self._events)
        os.close(self._ticks)

    def progress(self, progress: WorkProgress) -> None:
        """Tell how far the work has come; what comes too fast is left out, but for the last."""
        now = self._clock.monotonic_ns()
        if self._told_ns is not None and now - self._told_ns < _PROGRESS_INTERVAL_NS:
            self._untold = progress
            return
        self._told_ns = now
        self._untold = None
        self._tell_progress(progress)

    def tick(self, tick: Mapping[str, Any]) -> None:
        """Tell a tick of ``metrics.v1``."""
        _append(self._ticks, dict(tick))
        self._tell(EventType.METRICS, tick)

    def alert(self, alert: Mapping[str, Any]) -> None:
        """Tell an alert of the watchdog."""
        self._tell(EventType.ALERT, alert)

    def serve_metrics_at(self, url: str) -> None:
        """Tell where live metrics are served."""
        if self._metrics_url is not None:
            self._metrics_url.write_text(url, encoding="utf-8")

    @contextmanager
    def keeping(self, result: dict[str, Any]) -> Iterator[None]:
        """Keep a result beside the error that is raised inside, if any is.

        Parameters
        ----------
        result : dict
            What was found before it was refused.
        """
        try:
            yield
        except AdhashError:
            self.kept_result = result
            raise

    def _tell_rest(self) -> None:
        if self._untold is not None:
            self._tell_progress(self._untold)
            self._untold = None

    def _tell_progress(self, progress: WorkProgress) -> None:
        data = {
            "done": progress.done,
            "total": progress.total,
            "unit": progress.unit,
            "note": progress.note,
        }
        self._tell(EventType.PROGRESS, data)

    def _tell(self, kind: EventType, data: Mapping[str, Any]) -> None:
        line = {
            "type": kind.value,
            "at": self._clock.now().isoformat(),
            "attempt": self.attempt,
            "data": dict(data),
        }
        _append(self._events, line)


def _open_to_append(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)


def _append(descriptor: int, line: Mapping[str, Any]) -> None:
    os.write(
        descriptor, json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    )
