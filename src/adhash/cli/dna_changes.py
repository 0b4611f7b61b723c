"""The sections of workload DNA that are about time and about collisions, as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from adhash.cli.dna_layout import bar, percent, table_lines
from adhash.presenters import NOTHING, counted

if TYPE_CHECKING:
    from adhash.analysis.dna.result import WorkloadDnaResult
    from adhash.analysis.dna.result_changes import DecayPoint, Phase

_SHOWN_AGES = 10


def decay(dna: WorkloadDnaResult) -> Iterator[str]:
    """Yield how the traffic of keys goes on after they came up.

    Parameters
    ----------
    dna : WorkloadDnaResult
        Of a trace.

    Yields
    ------
    str
        Lines.
    """
    figures = dna.popularity_decay
    mark = "" if figures.is_exact else "~"
    yield figures.verdict
    if figures.span_p50 is not None and figures.span_p90 is not None:
        yield (
            f"{mark}{figures.recurring_keys:,} keys come more than once: from first to last row "
            f"p50 {mark}{figures.span_p50:,}, p90 {mark}{figures.span_p90:,} rows"
        )
    if figures.curve:
        rows = [_age(point, mark) for point in _some(figures.curve)]
        yield from table_lines(("rows later>", "traffic>", ""), rows)


def _some(curve: list[DecayPoint]) -> list[DecayPoint]:
    return curve[:: -(-len(curve) // _SHOWN_AGES)]


def _age(point: DecayPoint, mark: str) -> tuple[str, ...]:
    return f"{point.rows:,}", f"{mark}{point.traffic:.2f}", bar(point.traffic, 1)


def phases(dna: WorkloadDnaResult) -> Iterator[str]:
    """Yield the phases of a trace, and what changes between them.

    Parameters
    ----------
    dna : WorkloadDnaResult
        Of a trace.

    Yields
    ------
    str
        Lines.
    """
    found = dna.phases
    if not found.boundaries:
        yield f"one: no change between windows of {counted(found.window_rows, 'row')}"
        return
    changes = [("", ""), *((f"{each.score:.2f}", each.what) for each in found.boundaries)]
    rows = [(*_phase(each), *change) for each, change in zip(found.phases, changes, strict=True)]
    headings = ("from", "get>", "put>", "del>", "misses>", "keys a window>", "change>", "in")
    yield from table_lines(headings, rows)


def _phase(phase: Phase) -> tuple[str, ...]:
    shares = (phase.get_share, phase.put_share, phase.del_share, phase.miss_share)
    return (
        f"row {phase.first_row:,}",
        *(percent(share) for share in shares),
        f"{phase.distinct_per_window:,}",
    )


def collisions(dna: WorkloadDnaResult) -> Iterator[str]:
    """Yield how the keys lie in the table of each engine.

    Parameters
    ----------
    dna : WorkloadDnaResult
        Of a trace.

    Yields
    ------
    str
        Lines.
    """
    risk = dna.collision_risk
    yield risk.verdict
    rows = [
        (
            each.engine,
            f"{each.keys:,}",
            f"{each.load_factor:.2f}",
            f"{each.mean_probe:.3f}",
            NOTHING if each.expected_mean_probe is None else f"{each.expected_mean_probe:.3f}",
            f"{each.longest_probe:,}",
            each.verdict,
        )
        for each in risk.engines
    ]
    headings = ("engine", "keys>", "load>", "mean probe>", "by chance>", "longest>", "verdict")
    yield from table_lines(headings, rows)
