"""The figures of the HTML report, as the JSON that plotly draws: data and layout, no framework.

Every text that comes from a result goes through `as_label`: plotly reads a little HTML in its
labels, and would make links and lines of what is only a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from adhash.batch.replays import Replay, TraceGroup
from adhash.units import format_count, format_ns

# Okabe and Ito's palette: told apart by every kind of sight. The reference engine is grey.
_PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c564b", "#b8b000")
_REFERENCE, _REFERENCE_COLOUR = "std", "#8a8f98"
# Latency percentiles by how many operations in one are slower: a log axis spreads the tail.
_PERCENTILES = (
    ("p50", 2),
    ("p90", 10),
    ("p99", 100),
    ("p999", 1_000),
    ("p9999", 10_000),
    ("max", 100_000),
)
_ROW_HEIGHT = 46
_MAX_PROBES = 64


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure: where it is drawn, what it is called and what it tells, and plotly's JSON."""

    name: str
    title: str
    about: str
    data: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]


def as_label(text: str) -> str:
    """Return `text` so that plotly shows it as it is."""
    return escape(text, quote=False)


class Colours:
    """Gives every label a colour, the same in all figures."""

    def __init__(self, labels: Iterable[str]) -> None:
        self._given: dict[str, str] = {}
        for label in labels:
            if label not in self._given:
                self._given[label] = self._next(label)

    def of(self, label: str) -> str:
        """Return the colour of `label`."""
        return self._given[label]

    def _next(self, label: str) -> str:
        if label == _REFERENCE:
            return _REFERENCE_COLOUR
        taken = sum(colour != _REFERENCE_COLOUR for colour in self._given.values())
        return _PALETTE[taken % len(_PALETTE)]


def all_figures(groups: Sequence[TraceGroup]) -> tuple[list[Figure], list[list[Figure]]]:
    """Return the figures of all traces together, and those of each trace.

    Parameters
    ----------
    groups : sequence of TraceGroup
        The replays.

    Returns
    -------
    tuple of (list of Figure, list of list of Figure)
        Throughput and memory; then, a trace: percentiles, probe lengths, layouts and pauses. A
        figure that nothing is known for is left out.
    """
    replays = [replay for group in groups for replay in group.replays]
    colours = Colours(
        [
            *(replay.label for replay in replays),
            # A layout has the colour of the engine of its name.
            *(layout for replay in replays for layout in _layouts(replay)),
        ]
    )
    together = [throughput_bars(groups, colours), memory_bars(groups, colours)] if groups else []
    each = [
        [
            percentile_curves(group, colours, name=f"percentiles-{at}"),
            probe_histogram(group, colours, name=f"probes-{at}"),
            layout_timeline(group, colours, name=f"layouts-{at}"),
        ]
        for at, group in enumerate(groups)
    ]
    return together, [[figure for figure in figures if figure.data] for figures in each]


def _layouts(replay: Replay) -> list[str]:
    return [str(change.get("to_layout")) for change in replay.records("layout_timeline")]


def throughput_bars(groups: Sequence[TraceGroup], colours: Colours) -> Figure:
    """Return bars of operations a second, by trace and label."""
    return Figure(
        name="throughput",
        title="Throughput",
        about="Operations a second, reading and parsing included. Higher is better.",
        data=_bars(groups, colours, ("ops_per_second",), "%{y:.3s} ops/s"),
        layout=_layout(yaxis=_axis("operations a second", tickformat="~s"), barmode="group"),
    )


def memory_bars(groups: Sequence[TraceGroup], colours: Colours) -> Figure:
    """Return bars of bytes an entry, by trace and label."""
    return Figure(
        name="memory",
        title="Memory",
        about="Bytes that the map holds for each entry at the end of the run. Lower is better.",
        data=_bars(groups, colours, ("memory", "bytes_per_entry"), "%{y:.1f} bytes an entry"),
        layout=_layout(yaxis=_axis("bytes an entry"), barmode="group"),
    )


def _bars(
    groups: Sequence[TraceGroup], colours: Colours, path: Sequence[str], hover: str
) -> list[dict[str, Any]]:
    labels = dict.fromkeys(replay.label for group in groups for replay in group.replays)
    bars = []
    for label in labels:
        points = [
            (as_label(group.title), replay.number(*path))
            for group in groups
            for replay in group.replays
            if replay.label == label
        ]
        bars.append(
            {
                "type": "bar",
                "name": as_label(label),
                "x": [title for title, _ in points],
                "y": [figure for _, figure in points],
                "marker": {"color": colours.of(label)},
                "hovertemplate": f"%{{x}}<br>{hover}<extra>{as_label(label)}</extra>",
            }
        )
    return bars


def percentile_curves(group: TraceGroup, colours: Colours, *, name: str) -> Figure:
    """Return latency by percentile, both on log axes."""
    timed = [replay for replay in group.replays if replay.has_latencies]
    axis = _axis("percentile of operations", type="log")
    axis["tickvals"] = [slower for _, slower in _PERCENTILES]
    axis["ticktext"] = ["50 %", "90 %", "99 %", "99.9 %", "99.99 %", "longest"]
    return Figure(
        name=name,
        title="Latency by percentile",
        about="Of a sample of the operations, and of every slow path: the longest is exact.",
        data=[curve for replay in timed for curve in _curve(replay, colours)],
        layout=_layout(xaxis=axis, yaxis=_log_ns_axis()),
    )


def _log_ns_axis() -> dict[str, Any]:
    axis = _axis("latency", type="log")
    axis["tickvals"] = [10**power for power in range(11)]
    axis["ticktext"] = [format_ns(10**power) for power in range(11)]
    return axis


def _curve(replay: Replay, colours: Colours) -> list[dict[str, Any]]:
    points = [(at, replay.number("latency_ns", "overall", name)) for name, at in _PERCENTILES]
    known = [(at, ns) for at, ns in points if ns]
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
            "line": {"color": colours.of(replay.label)},
            "hovertemplate": "%{text}<extra>" + as_label(replay.label) + "</extra>",
        }
    ]


def probe_histogram(group: TraceGroup, colours: Colours, *, name: str) -> Figure:
    """Return the share of entries by probe length."""
    return Figure(
        name=name,
        title="Probe lengths",
        about="Share of the entries that a look-up finds after so many slots, groups or buckets. "
        "What one step costs differs between the layouts.",
        data=[trace for replay in group.replays for trace in _probes(replay, colours)],
        layout=_layout(
            xaxis=_axis("probe length", tickformat="d"),
            yaxis=_axis("share of entries", type="log", tickformat="~%"),
            barmode="group",
        ),
    )


def _probes(replay: Replay, colours: Colours) -> list[dict[str, Any]]:
    found = replay.find("probe_hist")
    counts = [each for each in found if isinstance(each, int)] if isinstance(found, list) else []
    total = sum(counts)
    if not total:
        return []
    # What lies beyond the axis is counted at its end.
    shown = counts[:_MAX_PROBES]
    shown[-1] += sum(counts[_MAX_PROBES:])
    return [
        {
            "type": "bar",
            "name": as_label(replay.label),
            "x": list(range(1, len(shown) + 1)),
            "y": [count / total or None for count in shown],
            "customdata": [format_count(count) for count in shown],
            "marker": {"color": colours.of(replay.label)},
            "hovertemplate": "length %{x}: %{customdata} entries, %{y:.3%}<extra>"
            + as_label(replay.label)
            + "</extra>",
        }
    ]


def layout_timeline(group: TraceGroup, layouts: Colours, *, name: str) -> Figure:
    """Return a row for every replay: the layout it was in, and its longest pauses."""
    spans = [span for replay in group.replays for span in _spans(replay)]
    shown: set[str] = set()
    data = []
    for span in spans:
        data.append(_span_bar(span, layouts, is_first=span.layout not in shown))
        shown.add(span.layout)
    data += [trace for replay in group.replays for trace in _pauses(replay)]
    return Figure(
        name=name,
        title="Layouts and pauses",
        about="The layout of the table over the run, and its longest pauses: the longer a pause, "
        "the larger its mark.",
        data=data,
        layout=_layout(
            xaxis=_axis("time of the run", ticksuffix=" s", rangemode="tozero"),
            yaxis={"autorange": "reversed", "automargin": True, "type": "category"},
            barmode="overlay",
            bargap=0.35,
            height=170 + _ROW_HEIGHT * len(group.replays),
        ),
    )


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
    starts = [float(change.get("at_s") or 0.0) for change in changes]
    last = max([replay.number("elapsed_s") or 0.0, *starts])
    ends = [*starts[1:], last]
    return [
        _Span(
            label=replay.label,
            layout=str(change.get("to_layout")),
            begins_s=begin,
            ends_s=end,
            why=f"{change.get('signal')}, after {change.get('at_ops')} operations",
        )
        for change, begin, end in zip(changes, starts, ends, strict=True)
    ]


def _span_bar(span: _Span, layouts: Colours, *, is_first: bool) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "name": as_label(span.layout),
        "legendgroup": as_label(f"layout {span.layout}"),
        "showlegend": is_first,
        "base": [span.begins_s],
        "x": [span.ends_s - span.begins_s],
        "y": [as_label(span.label)],
        "marker": {"color": layouts.of(span.layout), "opacity": 0.55},
        "hovertemplate": f"{as_label(span.layout)}, {span.begins_s:.4g} s to {span.ends_s:.4g} s"
        f"<br>{as_label(span.why)}<extra>{as_label(span.label)}</extra>",
    }


def _pauses(replay: Replay) -> list[dict[str, Any]]:
    pauses = [
        (float(each["at_s"]), float(each["ns"]), str(each.get("cause")))
        for each in replay.records("pauses")
        if each.get("ns") and "at_s" in each
    ]
    if not pauses:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "pause",
            "showlegend": False,
            "x": [at for at, _, _ in pauses],
            "y": [as_label(replay.label)] * len(pauses),
            "text": [f"{format_ns(ns)}, {as_label(cause)}" for _, ns, cause in pauses],
            "marker": {
                "symbol": "line-ns-open",
                "size": [_mark_size(ns) for _, ns, _ in pauses],
                "color": "#20242a",
                "line": {"width": 1.5},
            },
            "hovertemplate": "pause of %{text}, at %{x:.4g} s<extra>"
            + as_label(replay.label)
            + "</extra>",
        }
    ]


def _mark_size(ns: float) -> float:
    """Return 6 pixels for a microsecond and less, and 5 more for each further power of ten."""
    powers = len(str(int(ns / 1_000))) if ns >= 1_000 else 0
    return 6 + 5.0 * powers


def _axis(title: str, **more: Any) -> dict[str, Any]:
    return {"title": {"text": title}, "automargin": True, "gridcolor": "#e4e7eb", **more}


def _layout(**more: Any) -> dict[str, Any]:
    font = {"family": "system-ui, sans-serif", "size": 13, "color": "#20242a"}
    return {
        "font": font,
        "autosize": True,
        "height": 400,
        "margin": {"t": 20, "r": 20, "b": 40, "l": 60},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "legend": {"orientation": "h", "y": -0.2, "yref": "paper"},
        "hoverlabel": {"align": "left"},
        **more,
    }
