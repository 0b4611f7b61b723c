"""The colours of a drawn probe, on light and on dark pages, and what they mean."""

from __future__ import annotations

# name: (light fill, light text, dark fill, dark text)
_CELLS = {
    "full": ("#dfe4ea", "#1b1f24", "#39424e", "#e6e9ee"),
    "deleted": ("#ecd3ba", "#5a3310", "#543c25", "#f3d9be"),
    "match": ("#fbe9b7", "#4d3a00", "#5c4a1d", "#fbe9b7"),
    "differs": ("#f2b632", "#2b1d00", "#d99e1c", "#1d1400"),
    "found": ("#25834a", "#ffffff", "#3fbf74", "#05200f"),
    "moves": ("#cdbcf3", "#2c1a5e", "#5d48a0", "#f0eaff"),
}
_LIGHT = {
    "page": "#ffffff",
    "ink": "#1b1f24",
    "muted": "#57606c",
    "line": "#aab3be",
    "faint": "#dde2e8",
    "new": "#1464d8",
}
_DARK = {
    "page": "#14171c",
    "ink": "#e6e9ee",
    "muted": "#a3adba",
    "line": "#5a6573",
    "faint": "#2c333c",
    "new": "#66a9ff",
}

# What each look of a cell means, in the order of the legend.
LEGEND = {
    "full": "an entry, its key not read",
    "match": "tag equal, its key not read",
    "differs": "key compared, differs",
    "found": "key compared, equal",
    "deleted": "tombstone",
    "empty": "empty",
    "moves": "entry moves one slot on",
    "unvisited": "not visited",
    "ends": "the probe ends here",
    "new": "the put lands here",
}

_FIXED = """
text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
.title { font-size: 18px; font-weight: 600; }
.heading { font-size: 14px; font-weight: 600; }
.cell-text { font: 12px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.cell-text, .number, .index { text-anchor: middle; }
.number { font-size: 11px; font-weight: 600; }
.index { font-size: 10px; }
.example { font-weight: 600; }
.start-label, .end-label { font-size: 10px; }
.end-label { text-anchor: end; }
.arrow, .move { fill: none; stroke-width: 1.5; }
.ends, .new { fill: none; stroke-width: 2.5; }
.empty { stroke-dasharray: 3 2; }
"""


def style_sheet() -> str:
    """Return the CSS of a drawn probe: light colours, and dark ones where the page is dark."""
    light = _rules(_LIGHT, {name: colours[:2] for name, colours in _CELLS.items()})
    dark = _rules(_DARK, {name: colours[2:] for name, colours in _CELLS.items()})
    return f"{_FIXED}{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"


def _rules(page: dict[str, str], cells: dict[str, tuple[str, ...]]) -> str:
    moves = cells["moves"][0]
    rules = [
        f".page {{ fill: {page['page']}; }}",
        f"text {{ fill: {page['ink']}; }}",
        f".mark {{ fill: {page['muted']}; }}",
        f".muted, .index, .start-label, .end-label {{ fill: {page['muted']}; }}",
        f".empty {{ fill: {page['page']}; stroke: {page['line']}; }}",
        f".head-cell {{ fill: {page['page']}; }}",
        f".unvisited {{ fill: {page['page']}; stroke: {page['faint']}; }}",
        f".strip {{ fill: {page['faint']}; }}",
        f".arrow, .head-cell {{ stroke: {page['line']}; }}",
        f".arrow.head {{ fill: {page['line']}; }}",
        f".move {{ stroke: {moves}; }}",
        f".move.head {{ fill: {moves}; }}",
        f".step {{ fill: {page['ink']}; }}",
        f".step-insertion {{ fill: {page['new']}; }}",
        f".number {{ fill: {page['page']}; }}",
        f".ends {{ stroke: {page['ink']}; }}",
        f".new {{ stroke: {page['new']}; }}",
        f".text-new {{ fill: {page['new']}; }}",
        f".text-empty, .text-unvisited {{ fill: {page['muted']}; }}",
    ]
    for name, (fill, ink) in cells.items():
        rules += [f".{name} {{ fill: {fill}; }}", f".text-{name} {{ fill: {ink}; }}"]
    return "\n".join(rules)
