"""How figures look: plotly's JSON for axes and layouts, colours, and labels that are only text.

Every text that comes from a result goes through `as_label`: plotly reads a little HTML in its
labels, and would make links and lines of what is only a name. Colours of text, grids and marks are
left to the page, which knows whether it is light or dark: it puts its own in place of `INK`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

# Told apart by every kind of sight, on white and on black: after Okabe and Ito. The reference
# engine is grey.
_PALETTE = ("#0f7fc4", "#e0701a", "#12a176", "#cc6fa3", "#c79a00", "#4fb3e0", "#a0695a", "#8f8fd9")
_REFERENCE, _REFERENCE_COLOUR = "std", "#8a8f98"
INK = "ink"
# Told apart where a colour comes again.
_DASHES = ("solid", "dash", "dot", "dashdot")
_LONGEST_LABEL = 44
# A legend of more entries stands beside the figure, which is as wide as the page then.
_LONGEST_LEGEND = 8
HEIGHT = 380


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure: where it is drawn, what it is called and what it tells, and plotly's JSON."""

    name: str
    title: str
    about: str
    data: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]
    is_wide: bool = False


def as_label(text: str, *, longest: int = _LONGEST_LABEL) -> str:
    """Return `text` so that plotly shows it as it is; of a long one beginning and end."""
    half = longest // 2
    cut = text if len(text) <= longest else f"{text[:half]}\u2026{text[-half:]}"
    return escape(cut, quote=False)


class Colours:
    """Gives every label a colour, the same in all figures.

    Parameters
    ----------
    labels : iterable of str
        In the order in which they get their colours.
    """

    def __init__(self, labels: Iterable[str]) -> None:
        self._given: dict[str, str] = {}
        for label in labels:
            if label not in self._given:
                self._given[label] = self._next(label)

    def of(self, label: str) -> str:
        """Return the colour of `label`."""
        return self._given[label]

    def dash_of(self, label: str) -> str:
        """Return how the line of `label` is drawn: whole, unless its colour was given before."""
        same = [name for name, colour in self._given.items() if colour == self._given[label]]
        return _DASHES[same.index(label) % len(_DASHES)]

    def _next(self, label: str) -> str:
        if label == _REFERENCE:
            return _REFERENCE_COLOUR
        taken = sum(colour != _REFERENCE_COLOUR for colour in self._given.values())
        return _PALETTE[taken % len(_PALETTE)]


def axis(title: str, **more: Any) -> dict[str, Any]:
    """Return an axis with a title."""
    heading = {"text": title, "standoff": 8, "font": {"size": 13}}
    return {"title": heading, "automargin": True, **more}


def layout(**more: Any) -> dict[str, Any]:
    """Return a layout: as wide as its place, with its legend above, so that it covers no axis."""
    return {
        "autosize": True,
        "height": HEIGHT,
        "margin": {"t": 44, "r": 16, "b": 48, "l": 64},
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        "hoverlabel": {"align": "left"},
        **more,
    }


def is_long(legend: int) -> bool:
    """Return whether a legend of so many entries is too long to stand above its figure."""
    return legend > _LONGEST_LEGEND


def beside() -> dict[str, Any]:
    """Return the legend of a figure that has too many entries: it scrolls at the right."""
    return {"orientation": "v", "x": 1.01, "xanchor": "left", "y": 1, "yanchor": "top"}
