"""A calibration as rows and labels. Pure functions, as in `adhash.presenters`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adhash.presenters import Table, columns
from adhash.units import format_bytes, format_count, format_seconds

_OPERATIONS = ("hit", "miss", "insert", "update", "delete")
# Larger than the nearest caches and smaller than any table that took too long to fill.
_SHOWN_ENTRIES = 65_536
_SHOWN_VALUE = "word"


def calibration_table(result: Mapping[str, Any]) -> Table:
    """Return a row for every engine and kind of keys.

    Parameters
    ----------
    result : mapping
        What ``adhash calibrate`` gives, as JSON.

    Returns
    -------
    Table
        What operations cost in a table of a medium size with words as values.
    """
    calibration = result["calibration"]
    shown = _place(calibration["probed_sizes"])
    entries = calibration["probed_sizes"][shown]
    headings = ("keys", "engine", "fill>", *(f"{name}>" for name in _OPERATIONS), "memory>")
    return Table(
        columns=columns(*headings),
        rows=tuple(_rows(calibration, shown, entries)),
        title=f"ns an operation, {format_count(entries)} entries, {_SHOWN_VALUE} values",
    )


def _place(sizes: Sequence[int]) -> int:
    """Return which of the sizes that were measured is shown."""
    return max(i for i, size in enumerate(sizes) if size <= max(_SHOWN_ENTRIES, sizes[0]))


def _rows(calibration: Mapping[str, Any], shown: int, entries: int) -> Iterator[tuple[str, ...]]:
    at = calibration["sizes"].index(entries) if entries in calibration["sizes"] else None
    for curve in calibration["curves"]:
        if curve["value"] != _SHOWN_VALUE or len(curve["hit_ns"]) <= shown:
            continue
        is_filled = at is not None and at < len(curve["fill_ns"])
        yield (
            curve["key"],
            curve["engine"],
            f"{curve['fill_ns'][at] / entries:.1f}" if is_filled else "-",
            *(f"{curve[f'{name}_ns'][shown]:.1f}" for name in _OPERATIONS),
            format_bytes(curve["memory_bytes"][at]) if is_filled else "-",
        )


def calibration_notes(result: Mapping[str, Any]) -> list[str]:
    """Return where a calibration lies, whether it is new, and how noisy its measurement was.

    Parameters
    ----------
    result : mapping
        What ``adhash calibrate`` gives, as JSON.

    Returns
    -------
    list of str
        A line each.
    """
    calibration = result["calibration"]
    took = format_seconds(calibration["elapsed_s"])
    notes = [f"{result['status']}: {result['reason']}"]
    if result["status"] == "measured":
        notes = [f"measured in {took}: {result['reason']}"]
    noisy = calibration["noise"]["reasons"]
    return [
        *notes,
        f"{calibration['place']['cpu']}, {calibration['rounds']} rounds, in {result['file']}",
        *(f"noisy: {reason}" for reason in noisy),
    ]
