"""The figure of layouts and pauses: what the table was at each moment, and when it stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adhash.reports.figure_style import (
    INK,
    Colours,
    Figure,
    as_label,
    axis,
    is_long,
    layout,
)
from adhash.reports.replays import Replay, TraceGroup, as_number
from adhash.units import format_count, format_ns, format_seconds

_ROW_HEIGHT = 40


def layout_timeline(group: TraceGroup, layouts: Colours, *, name: str) -> Figure:
    """Return a row for every replay: the layout it was in, and its longest pauses."""
    spans = [span for replay in group.replays for span in _spans(replay)]
    shown: set[str] = set()
    data = []
    for span in spans:
        data.append(_span_bar(span, layouts, is_first=span.layout not in shown))
        shown.add(span.layout)
    pauses = [trace for replay in group.replays for trace in _pauses(replay)]
    for each in pauses[:1]:
        each["showlegend"] = True
    return Figure(
        name=name,
        title="Layouts and pauses",
        about="The layout of the table over the run, and its longest pauses as strokes: the longer "
        "a pause, the taller its stroke.",
        data=[*data, *pauses],
        layout=layout(
            xaxis=axis("time of the run", ticksuffix="s", exponentformat="SI", rangemode="tozero"),
            yaxis={"autorange": "reversed", "automargin": True, "type": "category"},
            barmode="overlay",
            bargap=0.4,
            height=130 + _ROW_HEIGHT * max(2, len(group.replays)),
        ),
        is_wide=is_long(len(group.replays)),
    )


def layouts_of(replay: Replay) -> list[str]:
    """Return the layouts that a replay went through."""
    return [str(change.get("to_layout")) for change in replay.records("layout_timeline")]


@dataclass(frozen=True, kw_only=True)
class _Span:
    label: str
    layout: str
    begins_s: float
    ends_s: float
    why: str


def _spans(replay: Replay) -> list[_Span]:
    changes = replay.records("layout_timeline")
    if not changes:
        return []
    starts = [as_number(change.get("at_s")) or 0.0 for change in changes]
    last = max([replay.number("elapsed_s") or 0.0, *starts])
    ends = [*starts[1:], last]
    return [
        _Span(
            label=replay.label,
            layout=layout,
            begins_s=begin,
            ends_s=end,
            why=f"{change.get('signal')}, after "
            f"{format_count(as_number(change.get('at_ops')) or 0)} operations",
        )
        for change, layout, begin, end in zip(
            changes, layouts_of(replay), starts, ends, strict=True
        )
    ]


def _span_bar(span: _Span, layouts: Colours, *, is_first: bool) -> dict[str, Any]:
    ends = f"{format_seconds(span.begins_s)} to {format_seconds(span.ends_s)}"
    return {
        "type": "bar",
        "orientation": "h",
        "name": as_label(span.layout),
        "legendgroup": as_label(f"layout {span.layout}"),
        "showlegend": is_first,
        "base": [span.begins_s],
        "x": [max(0.0, span.ends_s - span.begins_s)],
        "y": [as_label(span.label)],
        "marker": {"color": layouts.of(as_label(span.layout)), "opacity": 0.6},
        "hovertemplate": f"{as_label(span.layout)}, {ends}"
        f"<br>{as_label(span.why)}<extra>{as_label(span.label)}</extra>",
    }


def _pauses(replay: Replay) -> list[dict[str, Any]]:
    pauses = [
        (at_s, ns, str(each.get("cause")))
        for each in replay.records("pauses")
        if (at_s := as_number(each.get("at_s"))) is not None and (ns := as_number(each.get("ns")))
    ]
    if not pauses:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "pause",
            "legendgroup": "pause",
            "showlegend": False,
            "x": [at for at, _, _ in pauses],
            "y": [as_label(replay.label)] * len(pauses),
            "text": [f"{format_ns(ns)}, {as_label(cause)}" for _, ns, cause in pauses],
            "marker": {
                "symbol": "line-ns-open",
                "size": [_mark_size(ns) for _, ns, _ in pauses],
                "color": INK,
                "line": {"width": 1.5, "color": INK},
            },
            "hovertemplate": "pause of %{text}, at %{x:.4g} s<extra>"
            + as_label(replay.label)
            + "</extra>",
        }
    ]


def _mark_size(ns: float) -> float:
    """Return 6 pixels for a microsecond and less, and 5 more for each further power of ten."""
    powers = min(6, len(str(int(ns / 1_000)))) if ns >= 1_000 else 0
    return 6 + 5.0 * powers
