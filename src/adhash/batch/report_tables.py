"""What a report says in tables, whatever it is written in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from adhash.batch.replays import Replay, TraceGroup
from adhash.presenters import NOTHING, Table, columns, or_dash
from adhash.units import format_bytes, format_count, format_ns, format_seconds

if TYPE_CHECKING:
    from adhash.batch.result import BatchResult, JobResult

REGRET = "Regret is the time divided by that of the fastest run."
_MAX_FIGURES = 12
# What a person asked the other commands for.
_TELLING = frozenset({"recommended mode", "verdict", "status", "reason", "rows"})
_LATENCIES = ("p50", "p99", "p999", "max")


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
        hint = f" ({job.error.hint})" if job.error.hint else ""
        return f"{job.error.error}: {job.error.detail}{hint}"
    summaries = [each for each in (job.result or {}).get("summaries", []) if isinstance(each, dict)]
    if summaries:
        return ", ".join(_replay_in_words(each) for each in summaries)
    figures = scalar_figures(job)
    telling = [(name, value) for name, value in figures if name in _TELLING]
    return ", ".join(f"{name} {value}" for name, value in telling or figures[:3])


def _replay_in_words(summary: Mapping[str, Any]) -> str:
    rate = Replay(job="", label="", summary=summary).number("ops_per_second")
    mode = summary.get("mode")
    if summary.get("status") == "validated" or rate is None:
        return f"{mode} {summary.get('status')}"
    return f"{mode} {format_count(rate)} ops/s"


def scalar_figures(job: JobResult) -> list[tuple[str, str]]:
    """Return the single figures and words of a job's result, the first few, as text."""
    figures = [
        (name.replace("_", " "), f"{value:g}" if isinstance(value, float) else str(value))
        for name, value in (job.result or {}).items()
        if isinstance(value, str | int | float) and name != "schema"
    ]
    return figures[:_MAX_FIGURES]


def other_results(result: BatchResult) -> list[JobResult]:
    """Return the completed jobs that are no replays."""
    return [job for job in result.jobs if job.result is not None and job.command != "run-csv"]


def comparison_table(group: TraceGroup) -> Table:
    """Return a row for every replay of a trace: figures, and how they compare with the best.

    Regret is the time divided by that of the fastest replay of the trace.
    """
    headings = ("run", "time>", "ops/s>", "vs best>", "regret>", "p50>", "p99>", "p99.9>", "max>")
    more = ("longest pause>", "bytes/entry>", "memory>", "peak RSS>", "noise")
    return Table(
        columns=columns(*headings, *more),
        rows=tuple(_comparison_row(each, group.best_rate) for each in group.replays),
        title=group.title,
    )


def _comparison_row(replay: Replay, best: float) -> tuple[str, ...]:
    rate = replay.number("ops_per_second")
    pauses = [each["ns"] for each in replay.records("pauses") if "ns" in each]
    return (
        replay.label,
        or_dash(replay.number("elapsed_s"), format_seconds),
        or_dash(rate, format_count),
        f"{rate / best:.2f}x" if rate and best else NOTHING,
        f"{best / rate:.2f}" if rate and best else NOTHING,
        *(or_dash(_latency(replay, quantile), format_ns) for quantile in _LATENCIES),
        or_dash(max(pauses, default=None), format_ns),
        or_dash(replay.number("memory", "bytes_per_entry"), lambda size: f"{size:.1f}"),
        or_dash(replay.number("memory", "bytes"), format_bytes),
        or_dash(replay.number("memory", "peak_rss_bytes"), format_bytes),
        str(replay.find("manifest", "noise", "verdict") or NOTHING),
    )


def _latency(replay: Replay, quantile: str) -> float | None:
    return replay.number("latency_ns", "overall", quantile) if replay.has_latencies else None


def noise_notes(group: TraceGroup) -> list[str]:
    """Return a line for every replay that the machine disturbed: by what."""
    notes = []
    for replay in group.replays:
        reasons = replay.find("manifest", "noise", "reasons")
        if isinstance(reasons, list) and reasons:
            notes.append(f"{replay.label} was disturbed: {'; '.join(map(str, reasons))}")
    return notes


def machine(group: TraceGroup) -> str:
    """Return what the replays of a trace ran on, in words."""
    replay = group.replays[0]
    facts = [replay.find("manifest", name) for name in ("cpu", "os", "isa")]
    affinity = replay.find("manifest", "affinity")
    cores = f"{len(affinity)} CPUs" if isinstance(affinity, list) else ""
    return ", ".join(str(fact) for fact in (*facts, cores) if fact)


def _words(status: str) -> str:
    return status.replace("_", " ")
