"""What the jobs of each kind do: thin calls of the library's own functions.

Every function takes the checked options of its kind and the context of the work, and returns the
result as plain JSON. It says on standard output when something begins and ends, so that the log of
a job tells its story.

Most kinds are a library function and nothing more: `run_plainly` carries those out. A kind that
keeps a result through a failure, or writes into its artifacts unasked, has a function of its own.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from adhash.errors import InterruptedRunError
from adhash.progress import WorkProgress
from adhash.service.replay_story import ReplayStory, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adhash.options.ab_compare import AbCompareOptions
    from adhash.options.base import CommandOptions
    from adhash.options.batch import BatchOptions
    from adhash.options.calibrate import CalibrateOptions
    from adhash.options.probe_visualize import ProbeVisualizeOptions
    from adhash.options.report import ReportOptions
    from adhash.options.verify_snapshot import VerifySnapshotOptions
    from adhash.replay.plan import Plan
    from adhash.replay.summary import Summary
    from adhash.results import Result
    from adhash.service.work_context import WorkContext

# Notes of progress are said once each, and no endless number of them.
_NOTES_SAID = 100
_NOT_OF_THE_REPLAY = ("csv", "sample", "mode")


def run_plainly(
    library_function: Callable[..., Result], options: CommandOptions, context: WorkContext
) -> dict[str, Any]:
    """Carry out a library function that needs nothing but its options.

    Parameters
    ----------
    library_function : callable
        Takes the options, and by name ``progress`` and ``cancel``; returns a result.
    options : CommandOptions
        What is asked for.
    context : WorkContext
        Told the progress and the notes.

    Returns
    -------
    dict
        The result in its schema.

    Raises
    ------
    AdhashError
        As the function raises, or if the job was cancelled.
    """
    return _told(library_function(options, **_ears(context)))


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
    story = ReplayStory(plan, context)
    summaries = run_plan(
        plan,
        progress=story.progress,
        cancel=context.cancel,
        announce=story.announce,
        on_tick=story.tick,
        ends_with_process=True,
    )
    story.end(summaries)
    result = _result_of(plan, summaries)
    with context.keeping(result):
        if summaries[-1].status == "cancelled":
            raise InterruptedRunError(f"cancelled after {summaries[-1].ops.total:,} operations")
        require_verified(summaries)
    return result


def calibrate_machine(options: CalibrateOptions, context: WorkContext) -> dict[str, Any]:
    """Measure what operations cost on this machine; the calibration is an artifact.

    Parameters
    ----------
    options : CalibrateOptions
        What is asked for.
    context : WorkContext
        Told the rounds.

    Returns
    -------
    dict
        ``adhash.calibrate.v1``.

    Raises
    ------
    AdhashError
        If it cannot be measured or written, or the job was cancelled.
    """
    from adhash.analysis.calibration import run_calibrate

    if options.cache_dir is None:
        options = options.model_copy(update={"cache_dir": str(context.artifacts)})
    return _told(run_calibrate(options, **_ears(context)))


def run_suite(options: BatchOptions, context: WorkContext) -> dict[str, Any]:
    """Run a suite of jobs; logs and reports are artifacts unless the options say otherwise.

    Parameters
    ----------
    options : BatchOptions
        Which suite.
    context : WorkContext
        Told how many jobs are done; its roots bind a suite that is not trusted.

    Returns
    -------
    dict
        ``adhash.batch.v1``.

    Raises
    ------
    InvariantError
        If a job of the suite is not completed; the result is kept.
    InterruptedRunError
        If the job was cancelled; the result of what ran is kept.
    AdhashError
        If the suite cannot be run.
    """
    from adhash.batch import require_completed, run_batch

    if options.out_dir is None:
        options = options.model_copy(update={"out_dir": str(context.artifacts)})
    result = run_batch(options, roots=context.roots, **_ears(context))
    told = _told(result)
    with context.keeping(told):
        if result.status == "cancelled":
            raise InterruptedRunError("the suite was cancelled")
        require_completed(result)
    return told


def trace_probe(options: ProbeVisualizeOptions, context: WorkContext) -> dict[str, Any]:
    """Show the slots that one operation visits.

    Parameters
    ----------
    options : ProbeVisualizeOptions
        What is asked for.
    context : WorkContext
        Told how far the map is filled.

    Returns
    -------
    dict
        The probe trace.

    Raises
    ------
    AdhashError
        If the map cannot be made, or the job was cancelled.
    """
    from adhash.analysis.probe_visualize import run_probe_visualize

    result = run_probe_visualize(options, **_ears(context))
    # A map that begins with a few entries is filled in no time, of which nothing is told.
    context.progress(WorkProgress(done=1, total=1, unit="operations", note="the operation traced"))
    return _told(result)


def verify_snapshot(options: VerifySnapshotOptions, context: WorkContext) -> dict[str, Any]:
    """Check whether a snapshot is whole, and save what is left of it if that is asked for.

    Parameters
    ----------
    options : VerifySnapshotOptions
        What is asked for; a repaired snapshot is an artifact.
    context : WorkContext
        Told how much was checked.

    Returns
    -------
    dict
        ``adhash.verify-snapshot.v1``.

    Raises
    ------
    AdhashError
        If the snapshot is damaged (the result is kept) or cannot be read, or the job was cancelled.
    """
    from adhash.analysis.verify_snapshot import require_intact, run_verify_snapshot

    result = run_verify_snapshot(options, **_ears(context))
    told = _told(result)
    with context.keeping(told):
        require_intact(result)
    return told


def compare_configurations(options: AbCompareOptions, context: WorkContext) -> dict[str, Any]:
    """Decide which of two configurations is better on a trace.

    Parameters
    ----------
    options : AbCompareOptions
        What is asked for.
    context : WorkContext
        Told how many pairs ran.

    Returns
    -------
    dict
        ``adhash.ab-compare.v1``, or ``adhash.ab-self-test.v1``.

    Raises
    ------
    InvariantError
        If the candidate is worse and that is to be a failure (the result is kept), or the answers
        of the two differ.
    AdhashError
        If they cannot be compared, or the job was cancelled.
    """
    from adhash.analysis.ab_compare import require_not_worse, run_ab_compare, run_self_test

    if options.self_test:
        return _told(run_self_test(options, **_ears(context)))
    result = run_ab_compare(options, **_ears(context))
    told = _told(result)
    with context.keeping(told):
        if options.fail_if_worse:
            require_not_worse(result)
    return told


def write_report(options: ReportOptions, context: WorkContext) -> dict[str, Any]:
    """Report on results; both forms are artifacts where none is asked for.

    Parameters
    ----------
    options : ReportOptions
        Which results.
    context : WorkContext
        Told how many files were read.

    Returns
    -------
    dict
        ``adhash.report.v1``.

    Raises
    ------
    AdhashError
        If a file holds no result, or the job was cancelled.
    """
    from adhash.reports import run_report

    if options.html_report is None and options.report is None:
        names = {"html_report": "report.html", "report": "report.md"}
        own = {name: str(context.artifacts / file) for name, file in names.items()}
        options = options.model_copy(update=own)
    return _told(run_report(options, **_ears(context)))


def _ears(context: WorkContext) -> dict[str, Any]:
    """Return the arguments by which the library tells its progress and hears of its end."""
    notes: set[str] = set()

    def tell(progress: WorkProgress) -> None:
        if progress.note and progress.note not in notes and len(notes) < _NOTES_SAID:
            notes.add(progress.note)
            say(progress.note)
        context.progress(progress)

    return {"progress": tell, "cancel": context.cancel}


def _told(result: Result) -> dict[str, Any]:
    told: dict[str, Any] = result.to_dict()
    say(f"done: {told.get('schema', 'the result')}")
    return told


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
