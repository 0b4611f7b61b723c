"""What the jobs of each kind do: thin calls of the library's own functions.

Every function takes the checked options of its kind and the context of the work, and returns the
result as plain JSON. It says on standard output when something begins and ends, so that the log of
a job tells its story.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from adhash.errors import AdhashError, InterruptedRunError
from adhash.progress import WorkProgress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adhash.metrics.ticks import Tick
    from adhash.options.base import CommandOptions
    from adhash.replay.plan import Plan
    from adhash.replay.progress import Progress
    from adhash.replay.summary import Summary
    from adhash.service.work_context import WorkContext

_NOT_OF_THE_REPLAY = ("csv", "sample", "mode")


def replay_trace(options: CommandOptions, context: WorkContext) -> dict[str, Any]:
    """Replay a trace on one engine or several.

    Parameters
    ----------
    options : CommandOptions
        `RunCsvOptions`.
    context : WorkContext
        Told rows, ticks and alerts.

    Returns
    -------
    dict
        The summary; ``{"summaries": [...]}`` for several modes.

    Raises
    ------
    InvariantError
        If ``verify`` found a wrong answer; the result is kept.
    InterruptedRunError
        If the job was cancelled; the result of what ran is kept.
    AdhashError
        If the trace cannot be replayed.
    """
    from adhash.replay.run import require_verified, run_plan

    plan = _plan(options)
    story = _ReplayStory(plan, context)
    summaries = run_plan(
        plan,
        progress=story.progress,
        cancel=context.cancel,
        announce=story.announce,
        on_tick=story.tick,
    )
    story.end(summaries)
    result = _result_of(plan, summaries)
    try:
        if summaries[-1].status == "cancelled":
            raise InterruptedRunError(f"cancelled after {summaries[-1].ops.total:,} operations")
        require_verified(summaries)
    except AdhashError:
        context.keep_result(result)
        raise
    return result


def say(text: str) -> None:
    """Print a line on standard output at once."""
    print(text, flush=True)


def _plan(options: CommandOptions) -> Plan:
    from adhash.replay.run import plan_run

    given = options.model_dump(exclude_none=True)
    rest: Any = {name: each for name, each in given.items() if name not in _NOT_OF_THE_REPLAY}
    return plan_run(
        _trace(given), mode=given.get("mode"), settings=None, environ=os.environ, options=rest
    )


def _trace(given: dict[str, Any]) -> str:
    if "csv" in given:
        return str(given["csv"])
    from adhash.workloads.samples import sample_path

    return str(sample_path(given["sample"]))


def _result_of(plan: Plan, summaries: Sequence[Summary]) -> dict[str, Any]:
    shown = [summary.to_dict() for summary in summaries]
    return shown[0] if len(plan.modes) == 1 else {"summaries": shown}


class _ReplayStory:
    """Tells what a replay does: its progress over all modes, its ticks, its modes one by one."""

    def __init__(self, plan: Plan, context: WorkContext) -> None:
        self._plan = plan
        self._context = context
        self._position = -1
        self._alerts: set[tuple[str, str, float]] = set()

    def progress(self, progress: Progress) -> None:
        """Tell bytes of the trace, once for each mode; rows where nobody knows its length."""
        if progress.position != self._position:
            self._position = progress.position
            say(f"{progress.mode}: replaying {self._plan.csv}")
        self._context.progress(_work_of(progress))

    def tick(self, tick: Tick) -> None:
        """Tell a tick, and each alert that is raised the first time."""
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

    @staticmethod
    def end(summaries: Sequence[Summary]) -> None:
        """Tell what came of each mode."""
        for summary in summaries:
            say(
                f"{summary.mode}: {summary.status}, {summary.ops.total:,} operations in "
                f"{summary.elapsed_s:.3f} s ({summary.ops_per_second:,.0f} a second)"
            )


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
