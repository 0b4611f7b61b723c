"""How figures of workload DNA are laid out as text."""

from __future__ import annotations

from collections.abc import Sequence

from adhash.presenters import NOTHING, Table, columns, plain_text

_BAR_WIDTH = 40


def percent(share: float | None) -> str:
    """Return a share in percent, with more digits where it is small."""
    if share is None:
        return NOTHING
    return f"{100 * share:.1f} %" if share >= 0.001 or share == 0 else f"{100 * share:.2g} %"


def table_lines(headings: Sequence[str], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return a table as lines of aligned text; a heading that ends in ``>`` aligns right."""
    return plain_text(Table(columns=columns(*headings), rows=tuple(rows))).splitlines()


def bar(part: float, whole: float) -> str:
    """Return a bar for a part of a whole; what is more than the whole is as long as it."""
    return "#" * round(_BAR_WIDTH * min(part / whole, 1.0)) if whole else ""
