"""What a report says of the jobs of a suite, and of the suite as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from adhash.presenters import NOTHING, Table, columns
from adhash.reports.replays import as_number
from adhash.reports.tables import complaint_in_words, scalar_figures
from adhash.units import format_count, format_seconds

if TYPE_CHECKING:
    from adhash.batch.result import BatchResult, JobResult

# What a person asked the other commands for.
_TELLING = frozenset({"recommended mode", "verdict", "status", "rows"})


def overview(result: BatchResult) -> list[tuple[str, str]]:
    """Return what a reader wants to know first, as pairs of a word and what it says."""
    counts = Counter(job.status for job in result.jobs)
    jobs = ", ".join(f"{count} {_words(status)}" for status, count in counts.items())
    return [
        ("status", result.status),
        ("jobs", jobs),
        ("time", format_seconds(result.elapsed_s)),
        ("started", result.started_at),
        ("suite", f"{result.spec} (SHA-256 {result.spec_sha256[:12]})"),
        ("at once", f"{result.max_parallel}{_beside_each_other(result)}"),
    ]


def _beside_each_other(result: BatchResult) -> str:
    return ": figures of jobs that ran beside each other are disturbed" * (result.max_parallel > 1)


def jobs_table(result: BatchResult) -> Table:
    """Return a row for every job: what became of it, and what it found in a few words."""
    return Table(
        columns=columns("job", "command", "status", "time>", "what came of it"),
        rows=tuple(
            (
                job.name,
                job.command,
                _words(job.status),
                format_seconds(job.elapsed_s) if job.logs else NOTHING,
                headline(job),
            )
            for job in result.jobs
        ),
    )


def headline(job: JobResult) -> str:
    """Return what a job found, or why it did not, on one line."""
    if job.error is not None:
        return complaint_in_words(**job.error.model_dump())
    summaries = [each for each in (job.result or {}).get("summaries", []) if isinstance(each, dict)]
    if summaries:
        return ", ".join(_replay_in_words(each) for each in summaries)
    conclusion = (job.result or {}).get("conclusion")
    if isinstance(conclusion, str):
        return conclusion
    figures = scalar_figures(job.result or {})
    telling = [(name, value) for name, value in figures if name in _TELLING]
    return ", ".join(f"{name} {value}" for name, value in telling or figures[:3])


def _replay_in_words(summary: Mapping[str, Any]) -> str:
    rate = as_number(summary.get("ops_per_second"))
    mode = summary.get("mode")
    if summary.get("status") == "validated" or rate is None:
        return f"{mode} {summary.get('status')}"
    return f"{mode} {format_count(rate)} ops/s"


def _words(status: str) -> str:
    return status.replace("_", " ")
