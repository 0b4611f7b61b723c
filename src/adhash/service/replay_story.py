"""What the log and the events of a job tell of a replay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adhash.progress import WorkProgress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adhash.metrics.ticks import Tick
    from adhash.replay.plan import Plan
    from adhash.replay.progress import Progress
    from adhash.replay.summary import Summary
    from adhash.service.work_context import WorkContext


class ReplayStory:
    """Tells what a replay does: its progress over all modes, its ticks, its modes one by one.

    Parameters
    ----------
    plan : Plan
        What is replayed.
    context : WorkContext
        Whom to tell.
    """

    def __init__(self, plan: Plan, context: WorkContext) -> None:
        self._plan = plan
        self._context = context
        self._position = -1
        self._last_tick: Tick | None = None
        self._alerts: set[tuple[str, str, float]] = set()

    def progress(self, progress: Progress) -> None:
        """Tell bytes of the trace, once for each mode; rows where nobody knows its length."""
        if progress.position != self._position:
            self._position = progress.position
            self._end_mode()
            say(f"{progress.mode}: replaying {self._plan.csv}")
        self._context.progress(_work_of(progress))

    def tick(self, tick: Tick) -> None:
        """Tell a tick, and each alert that is raised the first time."""
        self._last_tick = tick
        self._context.tick(tick.model_dump(by_alias=True, exclude_none=True, mode="json"))
        for alert in tick.alerts:
            key = (tick.mode or tick.backend, alert.name, alert.since_t)
            if key not in self._alerts:
                self._alerts.add(key)
                self._context.alert({"mode": key[0], **alert.model_dump(mode="json")})

    def announce(self, text: str) -> None:
        """Tell where the live endpoint is, for people and for programs."""
        say(text)
        self._context.serve_metrics_at(text.removeprefix("metrics: "))

    def end(self, summaries: Sequence[Summary]) -> None:
        """Tell what came of the last mode, and of the run as a whole."""
        self._end_mode()
        say(f"{len(summaries)} of {len(self._plan.modes)} modes ran: {summaries[-1].status}")

    def _end_mode(self) -> None:
        last = self._last_tick
        if last is not None:
            say(f"{last.mode}: {last.ops:,} operations in {last.t:.3f} s")
            self._last_tick = None


def _work_of(progress: Progress) -> WorkProgress:
    note = f"{progress.mode}: {progress.rows:,} rows"
    total = progress.total_bytes
    if total is None:
        return WorkProgress(done=progress.rows, total=None, unit="rows", note=note)
    return WorkProgress(
        done=progress.position * total + min(progress.bytes_read, total),
        total=progress.modes * total,
        unit="bytes",
        note=note,
    )


def say(text: str) -> None:
    """Print a line on standard output at once."""
    print(text, flush=True)
