"""The figure of latency by percentile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from adhash.reports.figure_style import (
    Colours,
    Figure,
    as_label,
    axis,
    beside,
    is_long,
    layout,
)
from adhash.reports.replays import Replay, TraceGroup
from adhash.units import format_ns

# Latency percentiles by how many operations in one are slower: a log axis spreads the tail.
_PERCENTILES = (
    ("p50", 2),
    ("p90", 10),
    ("p99", 100),
    ("p999", 1_000),
    ("p9999", 10_000),
    ("max", 100_000),
)
_PERCENTILE_NAMES = ["50 %", "90 %", "99 %", "99.9 %", "99.99 %", "longest"]


def percentile_curves(group: TraceGroup, colours: Colours, *, name: str) -> Figure:
    """Return latency by percentile, both on log axes."""
    timed = [replay for replay in group.replays if replay.has_latencies]
    percentiles = axis(
        "operations that are at most so slow",
        type="log",
        tickvals=[slower for _, slower in _PERCENTILES],
        ticktext=_PERCENTILE_NAMES,
    )
    return Figure(
        name=name,
        title="Latency by percentile",
        about="Of a sample of the operations, and of every slow path: the longest is exact. "
        "Both axes are logarithmic.",
        data=[
            curve
            for replay, repeat in zip(timed, _repeats(timed), strict=True)
            for curve in _curve(replay, colours, repeat)
        ],
        layout=layout(
            xaxis=percentiles,
            yaxis=_log_ns_axis(),
            hovermode="closest" if is_long(len(timed)) else "x unified",
            **({"legend": beside()} if is_long(len(timed)) else {}),
        ),
        is_wide=is_long(len(timed)),
    )


def _log_ns_axis() -> dict[str, Any]:
    powers = [10**power for power in range(12)]
    return axis("latency", type="log", tickvals=powers, ticktext=list(map(format_ns, powers)))


def _repeats(replays: Sequence[Replay]) -> list[int]:
    """Return for every replay how many of its variant came before."""
    seen, repeats = Counter[str](), []
    for replay in replays:
        repeats.append(seen[replay.variant])
        seen[replay.variant] += 1
    return repeats


def _curve(replay: Replay, colours: Colours, repeat: int) -> list[dict[str, Any]]:
    points = [(at, replay.number("latency_ns", "overall", name)) for name, at in _PERCENTILES]
    known = [(at, ns) for at, ns in points if ns is not None and ns > 0]
    if not known:
        return []
    return [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": as_label(replay.label),
            "x": [at for at, _ in known],
            "y": [ns for _, ns in known],
            "text": [format_ns(ns) for _, ns in known],
            "line": {
                "color": colours.of(as_label(replay.variant)),
                "dash": colours.dash_of(as_label(replay.variant)),
                "width": 1 if repeat else 2,
            },
            "hovertemplate": "%{text}<extra>" + as_label(replay.label) + "</extra>",
        }
    ]
