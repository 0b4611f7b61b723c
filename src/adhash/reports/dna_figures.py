"""The figures of workload DNA: how much a cache would miss, and which keys are in use when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from adhash.reports.content import Source
from adhash.reports.figure_style import Colours, Figure, axis, layout
from adhash.units import format_count

if TYPE_CHECKING:
    from adhash.analysis.dna.result import MissRatioCurve, WorkingSet, WorkloadDnaResult

_SCHEMA = "adhash.workload-dna.v1"
_COLOURS = Colours(["of gets", "of rows", "distinct", "new"])


def dna_figures(source: Source, *, name: str) -> list[Figure]:
    """Return the figures of a result, if it is the DNA of a trace.

    Parameters
    ----------
    source : Source
        A result of any format.
    name : str
        What tells its figures from others.

    Returns
    -------
    list of Figure
        None for any other result, and for one that is damaged.
    """
    if source.result.get("schema") != _SCHEMA:
        return []
    dna = cast("WorkloadDnaResult | None", source.known)
    if dna is None:
        return []
    figures = [_misses(dna.miss_ratio_curve, name), _keys_over_time(dna.working_set, name)]
    return [figure for figure in figures if figure.data]


def _misses(curve: MissRatioCurve, name: str) -> Figure:
    sizes = [point.entries for point in curve.points]
    lines: dict[str, list[float | None]] = {
        "of gets": [point.of_gets for point in curve.points],
        "of rows": [point.of_rows for point in curve.points],
    }
    powers = [10**power for power in range(13)]
    entries = axis("entries", type="log", tickvals=powers, ticktext=list(map(format_count, powers)))
    return Figure(
        name=f"misses-{name}",
        title="Misses of an LRU cache",
        about="The share that finds nothing in a cache of so many entries; where the curve "
        f"flattens is the size worth paying for.{_of_a_sample(is_exact=curve.is_exact)}",
        data=[
            _line(label, sizes, shares, "%{x:,} entries: %{y:.1%}")
            for label, shares in lines.items()
            if sizes and None not in shares
        ],
        layout=layout(xaxis=entries, yaxis=axis("misses", tickformat=".0%", rangemode="tozero")),
    )


def _keys_over_time(found: WorkingSet, name: str) -> Figure:
    rows = [window.first_row for window in found.windows]
    lines = {
        "distinct": [window.distinct for window in found.windows],
        "new": [window.new for window in found.windows],
    }
    return Figure(
        name=f"keys-{name}",
        title="Distinct keys over time",
        about=f"Keys in each window of {found.window_rows:,} rows, and those that came up in it; "
        f"a step is a new phase of the program.{_of_a_sample(is_exact=found.is_exact)}",
        data=[
            _line(label, rows, counts, "row %{x:,}: %{y:,} keys")
            for label, counts in lines.items()
            if rows
        ],
        layout=layout(xaxis=axis("row"), yaxis=axis("keys", rangemode="tozero")),
    )


def _of_a_sample(*, is_exact: bool) -> str:
    return "" if is_exact else " Estimated from a sample of the keys."


def _line(label: str, x: Sequence[int], y: Sequence[float | None], text: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(x) < 100 else "lines",
        "name": label,
        "x": x,
        "y": y,
        "line": {"color": _COLOURS.of(label), "width": 2},
        "marker": {"size": 4},
        "hovertemplate": f"{text}<extra>{label}</extra>",
    }
