"""The figures of all traces together: how fast each engine was, and how much memory it took."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from adhash.reports.figure_style import (
    HEIGHT,
    INK,
    Colours,
    Figure,
    as_label,
    axis,
    beside,
    is_long,
    layout,
)
from adhash.reports.replays import TraceGroup, variants_of
from adhash.units import format_rate

_ROW_HEIGHT = 26
_MANY_BARS = 16
_RANGES = " Of several runs the median, with a line from the least to the most."


@dataclass(frozen=True, kw_only=True)
class _Figures:
    """A figure of replays: where a summary has it, and how it is told."""

    path: tuple[str, ...]
    told: Callable[[float], str]

    def of(self, variant: str, group: TraceGroup) -> list[float]:
        """Return the figures of every run of a variant on a trace."""
        runs = [each.number(*self.path) for each in group.replays if each.variant == variant]
        return [figure for figure in runs if figure is not None]


def throughput_bars(groups: Sequence[TraceGroup], colours: Colours) -> Figure:
    """Return bars of operations a second, by trace and variant."""
    return _bars(
        groups,
        colours,
        _Figures(path=("ops_per_second",), told=format_rate),
        name="throughput",
        title="Throughput",
        about="Operations a second, reading and parsing included. Higher is better.",
        axis_of_values=axis("operations a second", tickformat="~s", rangemode="tozero"),
    )


def memory_bars(groups: Sequence[TraceGroup], colours: Colours) -> Figure:
    """Return bars of bytes an entry, by trace and variant."""
    return _bars(
        groups,
        colours,
        _Figures(
            path=("memory", "bytes_per_entry"), told=lambda size: f"{size:.1f} bytes an entry"
        ),
        name="memory",
        title="Memory",
        about="Bytes that the map holds for each entry at the end of the run. Lower is better.",
        axis_of_values=axis("bytes an entry", tickformat="~r", rangemode="tozero"),
    )


def _bars(
    groups: Sequence[TraceGroup],
    colours: Colours,
    figures: _Figures,
    *,
    name: str,
    title: str,
    about: str,
    axis_of_values: dict[str, Any],
) -> Figure:
    """Return lying bars of one trace, best to compare by eye; standing groups of several."""
    variants = variants_of(groups)
    is_single = len(groups) == 1
    bars = [_Bars.of(variant, groups, figures) for variant in variants]
    drawn = [each for each in bars if each.medians]
    has_ranges = any(each.has_range for each in drawn)
    return Figure(
        name=name,
        title=title,
        about=f"{about}{_RANGES * has_ranges}",
        data=[each.lying(colours) if is_single else each.standing(colours) for each in drawn],
        layout=_lying_layout(axis_of_values, len(drawn))
        if is_single
        else _standing_layout(axis_of_values, len(drawn)),
        is_wide=not is_single and len(variants) * len(groups) > _MANY_BARS,
    )


def _lying_layout(values: dict[str, Any], rows: int) -> dict[str, Any]:
    return layout(
        xaxis=values,
        yaxis={"automargin": True, "type": "category", "autorange": "reversed"},
        showlegend=False,
        bargap=0.3,
        height=max(200, 110 + _ROW_HEIGHT * rows),
    )


def _standing_layout(values: dict[str, Any], labels: int) -> dict[str, Any]:
    return layout(
        yaxis=values,
        xaxis={"automargin": True, "type": "category"},
        barmode="group",
        bargap=0.25,
        height=HEIGHT,
        **({"legend": beside()} if is_long(labels) else {}),
    )


@dataclass(frozen=True, kw_only=True)
class _Bars:
    """The bars of a variant: one a trace, as long as the median of its runs, with their range."""

    variant: str
    titles: list[str]
    medians: list[float]
    below: list[float]
    above: list[float]
    words: list[str]

    @classmethod
    def of(cls, variant: str, groups: Sequence[TraceGroup], figures: _Figures) -> _Bars:
        """Return the bars of a variant on the traces that it has figures on."""
        found = [
            (as_label(group.title), values)
            for group in groups
            if (values := figures.of(variant, group))
        ]
        middles = [median(values) for _, values in found]
        return cls(
            variant=as_label(variant),
            titles=[title for title, _ in found],
            medians=middles,
            below=[middle - min(v) for middle, (_, v) in zip(middles, found, strict=True)],
            above=[max(v) - middle for middle, (_, v) in zip(middles, found, strict=True)],
            words=[figures.told(middle) for middle in middles],
        )

    @property
    def has_range(self) -> bool:
        return any(self.above) or any(self.below)

    def lying(self, colours: Colours) -> dict[str, Any]:
        return {
            **self._common(colours, "error_x"),
            "orientation": "h",
            "x": self.medians,
            "y": [self.variant] * len(self.medians),
            # The line of a range would cross the text.
            **({} if self.has_range else {"text": self.words, "textposition": "auto"}),
            "hovertemplate": f"%{{customdata}}<extra>{self.variant}</extra>",
        }

    def standing(self, colours: Colours) -> dict[str, Any]:
        return {
            **self._common(colours, "error_y"),
            "x": self.titles,
            "y": self.medians,
            "hovertemplate": f"%{{x}}<br>%{{customdata}}<extra>{self.variant}</extra>",
        }

    def _common(self, colours: Colours, error: str) -> dict[str, Any]:
        ranges = {
            "type": "data",
            "symmetric": False,
            "array": self.above,
            "arrayminus": self.below,
            "color": INK,
            "thickness": 1.2,
            "width": 3,
        }
        return {
            "type": "bar",
            "name": self.variant,
            "customdata": self.words,
            "marker": {"color": colours.of(self.variant)},
            **({error: ranges} if self.has_range else {}),
        }
