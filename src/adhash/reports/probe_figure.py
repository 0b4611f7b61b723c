"""The figure of probe lengths: a panel for every run, with what a uniform hash would give."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adhash.reports.figure_style import INK, Colours, Figure, as_label, layout
from adhash.reports.replays import Replay, TraceGroup, as_number
from adhash.units import format_count

_MAX_PROBES = 64
_MAX_PANELS, _COLUMNS, _PANEL_HEIGHT = 12, 3, 200
_LONGEST_HEADING = 26
_OR_MORE = " or more"
# Of so many entries that are expected at a length none is seen in nine tables of ten.
_HARDLY_ONE = 0.1
# So many lengths have a number each on their axis.
_FEW = 12


@dataclass(frozen=True, kw_only=True)
class _Panel:
    """A replay's entries by probe length, and the shares to expect; both begin at length 1."""

    replay: Replay
    counts: list[int]
    expected: list[float]

    @property
    def shares(self) -> list[float | None]:
        total = sum(self.counts)
        return [count / total or None for count in self.counts]

    @property
    def label(self) -> str:
        return as_label(self.replay.label)

    @property
    def longest(self) -> int:
        return max(len(self.counts), len(self.expected))


def probe_histogram(group: TraceGroup, colours: Colours, *, name: str) -> Figure:
    """Return a panel for every replay: the share of entries by probe length, and the expected."""
    known = [panel for replay in group.replays if (panel := _panel_of(replay))]
    panels = known[:_MAX_PANELS]
    left_out = f" {len(known) - len(panels)} runs more are not drawn." * (len(known) > len(panels))
    has_line = any(panel.expected for panel in panels)
    line = "Dots: what a uniform hash would give so full a table. " * has_line
    data = [trace for at, panel in enumerate(panels) for trace in _drawn(panel, colours, at)]
    for trace in [each for each in data if each.get("legendgroup")][:1]:
        trace["showlegend"] = True
    return Figure(
        name=name,
        title="Probe lengths",
        about="Bars: the share of entries that a look-up finds after so many slots, groups or "
        f"buckets. {line}What a step costs differs between the layouts.{left_out}",
        data=data,
        layout=layout(
            **_panel_axes(panels),
            annotations=[_heading(panel, at) for at, panel in enumerate(panels)],
            barmode="overlay",
            bargap=0.25,
            showlegend=has_line,
            margin={"t": 64, "r": 16, "b": 16, "l": 64},
            legend={"orientation": "h", "x": 0, "y": 1, "yref": "container", "yanchor": "top"},
            height=90 + _PANEL_HEIGHT * math.ceil(len(panels) / _COLUMNS),
        ),
        is_wide=True,
    )


def _panel_of(replay: Replay) -> _Panel | None:
    """Return the panel of a replay; what lies beyond the longest length shown counts at the end."""
    counts = [int(each) for each in _numbers(replay, "probe_hist")]
    total = sum(counts)
    if total <= 0 or min(counts) < 0:
        return None
    shown = counts[:_MAX_PROBES]
    shown[-1] += sum(counts[_MAX_PROBES:])
    expected = _numbers(replay, "probe_expected")[:_MAX_PROBES]
    seen = [share for share in expected if share * total > _HARDLY_ONE and share <= 1]
    return _Panel(replay=replay, counts=shown, expected=seen)


def _numbers(replay: Replay, name: str) -> list[float]:
    found = replay.find(name)
    return [as_number(each) or 0.0 for each in found] if isinstance(found, list) else []


def _drawn(panel: _Panel, colours: Colours, at: int) -> list[dict[str, Any]]:
    axes = {"xaxis": f"x{at + 1}", "yaxis": f"y{at + 1}"}
    bars = {
        **axes,
        "type": "bar",
        "name": panel.label,
        "showlegend": False,
        "x": list(range(1, len(panel.counts) + 1)),
        "y": panel.shares,
        "customdata": [
            f"length {length}{_OR_MORE * (length == _MAX_PROBES)}: {format_count(count)} entries"
            for length, count in enumerate(panel.counts, start=1)
        ],
        "marker": {"color": colours.of(as_label(panel.replay.variant))},
        "hovertemplate": "%{customdata}, %{y:.4%}<extra>" + panel.label + "</extra>",
    }
    line = {
        **axes,
        "type": "scatter",
        "mode": "lines+markers",
        "name": "expected of a uniform hash",
        "legendgroup": "expected",
        "showlegend": False,
        "x": list(range(1, len(panel.expected) + 1)),
        "y": panel.expected,
        "line": {"color": INK, "width": 1.5, "dash": "dot"},
        "marker": {"color": INK, "size": 5},
        "hovertemplate": "length %{x}: %{y:.4%} expected<extra></extra>",
    }
    return [bars, line] if panel.expected else [bars]


def _heading(panel: _Panel, at: int) -> dict[str, Any]:
    return {
        "text": f"<b>{as_label(panel.replay.label, longest=_LONGEST_HEADING)}</b>",
        "showarrow": False,
        "xref": f"x{at + 1} domain",
        "yref": f"y{at + 1} domain",
        "x": 0,
        "xanchor": "left",
        "y": 1,
        "yanchor": "bottom",
    }


def _panel_axes(panels: Sequence[_Panel]) -> dict[str, Any]:
    """Return the axes of panels in rows of three; all have one range of shares."""
    least = min((s for p in panels for s in [*p.shares, *p.expected] if s), default=1.0)
    shares = {"type": "log", "range": [math.log10(least) - 0.4, 0.15], "nticks": 6}
    axes: dict[str, Any] = {}
    for at, panel in enumerate(panels):
        is_lowest, is_first = at + _COLUMNS >= len(panels), at % _COLUMNS == 0
        across, along = _domains(at, rows=math.ceil(len(panels) / _COLUMNS))
        axes[f"xaxis{at + 1}"] = {
            "domain": across,
            "anchor": f"y{at + 1}",
            "title": _small("probe length" if is_lowest else ""),
            "range": [0.4, panel.longest + 0.6],
            "tickformat": "d",
            **({"dtick": 1} if panel.longest <= _FEW else {"nticks": 6}),
        }
        axes[f"yaxis{at + 1}"] = {
            **shares,
            "domain": along,
            "anchor": f"x{at + 1}",
            "tickformat": "~%",
            "showticklabels": is_first,
            "title": _small("share of entries" if is_first else ""),
            "automargin": True,
        }
    return axes


def _small(title: str) -> dict[str, Any]:
    return {"text": title, "standoff": 4, "font": {"size": 13}}


def _domains(at: int, *, rows: int) -> tuple[list[float], list[float]]:
    """Return where a panel lies, across and along, from the left and from below, in [0, 1]."""
    row, column = divmod(at, _COLUMNS)
    gap, height = 0.04, 1 / rows
    width = (1 - gap * (_COLUMNS - 1)) / _COLUMNS
    left, top = column * (width + gap), 1 - row * height
    # Below each panel there is room for its numbers, and for the name of the next one.
    room = 56 / (_PANEL_HEIGHT * rows)
    return [left, left + width], [max(0.0, top - height + room), top]
