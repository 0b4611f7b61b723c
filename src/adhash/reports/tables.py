"""What a report says in tables, whatever it is written in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from adhash.presenters import NOTHING, Table, columns, or_dash
from adhash.reports.content import UnfinishedJob
from adhash.reports.replays import Replay, TraceGroup, as_number, variants_of
from adhash.units import format_bytes, format_count, format_ns, format_seconds

REGRET = (
    "Regret is the time divided by that of the best fixed engine; of several runs the median "
    "counts, and \u00b1 is half their range."
)
# Regret up to here is as good as none, and up to there still good.
FINE_REGRET, GOOD_REGRET = 1.03, 1.15
_MAX_FIGURES = 12
_MAX_TEXT = 300
_LATENCIES = ("p50", "p99", "p999", "max")


def regret_table(groups: Sequence[TraceGroup]) -> Table:
    """Return the regret of every variant on every trace, and over all traces.

    Parameters
    ----------
    groups : sequence of TraceGroup
        The replays.

    Returns
    -------
    Table
        A row a trace, with its best fixed engine; then the geometric mean and the worst of each
        over the traces that it ran on, where there are several. One that did not run on all of
        them says on how many it did.
    """
    variants = variants_of(groups)
    rows = [
        (
            group.title,
            group.best_fixed[0] if group.best_fixed else NOTHING,
            *(or_dash(group.regret(each), _two_places) for each in variants),
        )
        for group in groups
    ]
    if len(groups) > 1:
        regrets = {name: _known([group.regret(name) for group in groups]) for name in variants}
        rows += [
            ("geometric mean", "", *(_mean(regrets[name], len(groups)) for name in variants)),
            ("worst", "", *(_worst(regrets[name]) for name in variants)),
        ]
    headings = ("trace", "best fixed engine", *(f"{name}>" for name in variants))
    return Table(columns=columns(*headings), rows=tuple(rows))


def _known(regrets: Sequence[float | None]) -> list[float]:
    return [each for each in regrets if each is not None]


def _mean(regrets: Sequence[float], traces: int) -> str:
    if not regrets:
        return NOTHING
    mean = _two_places(math.exp(sum(map(math.log, regrets)) / len(regrets)))
    return mean if len(regrets) == traces else f"{mean} (of {len(regrets)})"


def _worst(regrets: Sequence[float]) -> str:
    return or_dash(max(regrets, default=None), _two_places)


def _two_places(number: float) -> str:
    return f"{number:.2f}"


def comparison_table(group: TraceGroup) -> Table:
    """Return a row for every replay of a trace: figures, how they compare, and the noise.

    Times are compared with the least of all, and by their regret; see `REGRET`.
    """
    headings = ("run", "time>", "ops/s>", "vs best>", "regret>", "\u00b1>", "noise")
    latencies = ("p50>", "p99>", "p99.9>", "max>", "longest pause>")
    more = ("bytes/entry>", "memory>", "peak RSS>")
    best = min((each.time_s for each in group.replays if each.time_s is not None), default=None)
    return Table(
        columns=columns(*headings, *latencies, *more),
        rows=tuple(_comparison_row(each, group, best) for each in group.replays),
        title=group.title,
    )


def _comparison_row(replay: Replay, group: TraceGroup, best: float | None) -> tuple[str, ...]:
    time_s = replay.time_s
    pauses = _known([as_number(each.get("ns")) for each in replay.records("pauses")])
    return (
        replay.label,
        or_dash(time_s, format_seconds),
        or_dash(replay.number("ops_per_second"), format_count),
        f"{best / time_s:.2f}x" if best is not None and time_s is not None else NOTHING,
        or_dash(group.regret(replay.variant), _two_places),
        or_dash(group.spread(replay.variant), lambda spread: f"{spread:.1%}"),
        str(replay.find("manifest", "noise", "verdict") or NOTHING),
        *(or_dash(_latency(replay, quantile), format_ns) for quantile in _LATENCIES),
        or_dash(max(pauses, default=None), format_ns),
        or_dash(replay.number("memory", "bytes_per_entry"), lambda size: f"{size:.1f}"),
        or_dash(replay.number("memory", "bytes"), format_bytes),
        or_dash(replay.number("memory", "peak_rss_bytes"), format_bytes),
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


def scalar_figures(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the single figures and words of a result, the first few, as text."""
    figures = [
        (name.replace("_", " "), _in_words(value))
        for name, value in result.items()
        if isinstance(value, str | int | float) and name != "schema"
    ]
    return [(name, _shortened(text)) for name, text in figures[:_MAX_FIGURES]]


def unfinished_table(jobs: Sequence[UnfinishedJob]) -> Table:
    """Return a row for every job that did not complete: what became of it, and why."""
    rows = tuple((job.name, job.status, job.reason) for job in jobs)
    return Table(columns=columns("job", "status", "reason"), rows=rows)


def complaint_in_words(*, error: str, detail: str, hint: str) -> str:
    """Return why a job did not complete, on one line."""
    return f"{error}: {detail}{f' ({hint})' if hint else ''}"


def _in_words(value: str | float) -> str:
    if isinstance(value, str | bool):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}\u2026"
