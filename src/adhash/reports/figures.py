"""All figures of a report, in the order in which it shows them."""

from __future__ import annotations

from collections.abc import Sequence

from adhash.reports.comparison_figures import memory_bars, throughput_bars
from adhash.reports.figure_style import Colours, Figure, as_label
from adhash.reports.percentile_figure import percentile_curves
from adhash.reports.probe_figure import probe_histogram
from adhash.reports.replays import TraceGroup, variants_of
from adhash.reports.timeline_figure import layout_timeline, layouts_of


def all_figures(groups: Sequence[TraceGroup]) -> tuple[list[Figure], list[list[Figure]]]:
    """Return the figures of all traces together, and those of each trace.

    Parameters
    ----------
    groups : sequence of TraceGroup
        The replays.

    Returns
    -------
    tuple of (list of Figure, list of list of Figure)
        Throughput and memory; then, a trace: percentiles, layouts and pauses, probe lengths. A
        figure that nothing is known for is left out.
    """
    replays = [replay for group in groups for replay in group.replays]
    colours = Colours(
        [
            *(as_label(variant) for variant in variants_of(groups)),
            # A layout has the colour of the engine of its name.
            *(as_label(layout) for replay in replays for layout in layouts_of(replay)),
        ]
    )
    together = [throughput_bars(groups, colours), memory_bars(groups, colours)] if groups else []
    each = [
        [
            percentile_curves(group, colours, name=f"percentiles-{at}"),
            layout_timeline(group, colours, name=f"layouts-{at}"),
            probe_histogram(group, colours, name=f"probes-{at}"),
        ]
        for at, group in enumerate(groups)
    ]
    return _drawn(together), [_drawn(figures) for figures in each]


def _drawn(figures: Sequence[Figure]) -> list[Figure]:
    return [figure for figure in figures if figure.data]
