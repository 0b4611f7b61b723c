"""Reporting on results: the functions behind ``adhash report``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adhash.atomic_files import replace_text
from adhash.cancellation import CancelToken
from adhash.errors import InterruptedRunError
from adhash.options.base import read_options
from adhash.options.report import ReportOptions
from adhash.progress import WorkCallback, WorkProgress, ignore_work
from adhash.reports.content import Content, Source, UnfinishedJob
from adhash.reports.html_page import require_plotly, write_html_page
from adhash.reports.markdown_page import markdown_page
from adhash.reports.read_results import SUMMARY, Finding, read_results
from adhash.reports.replays import TraceGroup, trace_groups
from adhash.reports.result import ReportedReplay, ReportedTrace, ReportResult

_NAMED = 3


def report(*summary: str | os.PathLike[str], **options: Any) -> ReportResult:
    """Write a report on results: replays of one trace compared, and what other commands found.

    Parameters
    ----------
    *summary : str or path
        JSON files with results.
    **options
        The other fields of `ReportOptions`: ``title``, ``html_report``, ``report`` (Markdown); and
        ``progress`` and ``cancel``, see `run_report`.

    Returns
    -------
    ReportResult
        What was compared, and the files written.

    Raises
    ------
    BadInputError
        If a file holds no result, an option is wrong, or plotly is missing for an HTML report.
    StorageError
        If a file cannot be read or written.
    """
    ears = {name: options.pop(name) for name in ("progress", "cancel") if name in options}
    return run_report(read_options(ReportOptions, {"summary": summary, **options}), **ears)


def run_report(
    options: ReportOptions,
    *,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
) -> ReportResult:
    """Write the report that options ask for.

    Parameters
    ----------
    options : ReportOptions
        Which results, and where the report goes.
    progress : callable or None
        Told a `WorkProgress` in files.
    cancel : CancelToken or None
        Ends the work between two files.

    Returns
    -------
    ReportResult
        What was compared, and the files written.

    Raises
    ------
    BadInputError
        If a file holds no result, or plotly is missing for an HTML report.
    StorageError
        If a file cannot be read or written.
    InterruptedRunError
        If `cancel` was set.
    """
    if options.html_report is not None:
        require_plotly()
    content = content_of(options, progress=progress, cancel=cancel)
    if options.html_report is not None:
        write_html_page(Path(options.html_report), content)
    if options.report is not None:
        replace_text(Path(options.report), markdown_page(content))
    return _result(content, options)


def content_of(
    options: ReportOptions,
    *,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
) -> Content:
    """Return what the report that options ask for says.

    Parameters
    ----------
    options : ReportOptions
        Which results.
    progress : callable or None
        See `run_report`.
    cancel : CancelToken or None
        See `run_report`.

    Returns
    -------
    Content
        For `markdown_page`.

    Raises
    ------
    BadInputError
        If a file holds no result.
    StorageError
        If a file cannot be read.
    InterruptedRunError
        If `cancel` was set.
    """
    tell, found = progress or ignore_work, list[Finding]()
    for at, findings in enumerate(read_results(options.summary), start=1):
        found += findings
        tell(WorkProgress(done=at, total=len(options.summary), unit="files"))
        if cancel is not None and cancel.is_cancelled:
            raise InterruptedRunError(f"interrupted after {at} of {len(options.summary)} files")
    results = [each for each in found if isinstance(each, Source)]
    replays = tuple(each for each in results if each.result.get("schema") == SUMMARY)
    others = tuple(each for each in results if each.result.get("schema") != SUMMARY)
    unfinished = tuple(each for each in found if isinstance(each, UnfinishedJob))
    return Content(
        title=options.title or _title(trace_groups(replays), results),
        kind="report",
        facts=tuple(_facts(options.summary, replays, others, unfinished)),
        unfinished=unfinished,
        replays=replays,
        others=others,
    )


def _title(groups: Sequence[TraceGroup], found: Sequence[Source]) -> str:
    if not groups:
        return found[0].name if len(found) == 1 else f"{len(found)} results"
    named = ", ".join(group.title for group in groups[:_NAMED])
    more = f" and {len(groups) - _NAMED} more" if len(groups) > _NAMED else ""
    return f"Replays of {named}{more}"


def _facts(
    files: Sequence[str],
    replays: Sequence[Source],
    others: Sequence[Source],
    unfinished: Sequence[UnfinishedJob],
) -> list[tuple[str, str]]:
    compared = sum(len(group.replays) for group in trace_groups(replays))
    facts = [("files", f"{len(files):,}"), ("replays", f"{compared:,}")]
    if compared < len(replays):
        facts.append(("not compared", f"{len(replays) - compared:,} that did not complete"))
    if others:
        facts.append(("other results", f"{len(others):,}"))
    if unfinished:
        facts.append(("jobs not completed", f"{len(unfinished):,}"))
    started = sorted(
        str(manifest["started_at"])
        for each in replays
        if isinstance(manifest := each.result.get("manifest"), dict) and "started_at" in manifest
    )
    if started:
        span = started[0] if len(started) == 1 else f"{started[0]} to {started[-1]}"
        facts.append(("started", span))
    return facts


def _result(content: Content, options: ReportOptions) -> ReportResult:
    groups = trace_groups(content.replays)
    written = {"html_report": options.html_report, "report": options.report}
    return ReportResult(
        title=content.title,
        traces=[_reported(group) for group in groups],
        left_out=len(content.replays) - sum(len(group.replays) for group in groups),
        others=[f"{each.name} ({each.command})" for each in content.others],
        artifacts={name: path for name, path in written.items() if path is not None},
    )


def _reported(group: TraceGroup) -> ReportedTrace:
    return ReportedTrace(
        title=group.title,
        best_fixed=group.best_fixed[0] if group.best_fixed else None,
        replays=[
            ReportedReplay(
                source=each.source,
                mode=each.mode,
                elapsed_s=each.time_s,
                regret=group.regret(each.variant),
            )
            for each in group.replays
        ],
    )
