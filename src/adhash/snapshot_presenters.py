"""What was found out about snapshots, as rows and lines of text, from its JSON; no framework."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_RANGES_SHOWN = 20


def repair_notes(result: Mapping[str, Any]) -> list[str]:
    """Return what a repair kept and lost, a line each; nothing where none was asked for.

    Parameters
    ----------
    result : mapping
        A check as JSON, schema ``adhash.verify-snapshot.v1``.

    Returns
    -------
    list of str
        First the sums, then the ranges.
    """
    repair = result["repair"]
    return [] if repair is None else list(_repair_lines(repair))


def _repair_lines(repair: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"repaired: {repair['rows_kept']:,} of {repair['rows_expected']:,} rows kept in"
        f" {repair['out']} ({repair['bytes']:,} bytes), {repair['rows_lost']:,} lost"
    )
    if repair["duplicates_dropped"]:
        yield f"{repair['duplicates_dropped']:,} rows had a key that stood before them"
    for each in repair["replaced"]:
        yield f"replaced {each}"
    ranges = repair["lost"]
    for lost in ranges[:_RANGES_SHOWN]:
        yield f"lost {_span(lost)}: {lost['reason']}"
    if repair["lost_ranges"] > _RANGES_SHOWN:
        yield f"... {repair['lost_ranges'] - _RANGES_SHOWN:,} ranges more; see --json"


def _span(lost: Mapping[str, Any]) -> str:
    batch = "" if lost["batch"] is None else f" of batch {lost['batch']:,}"
    if lost["rows"] is None:
        return f"rows{batch}, nothing tells how many"
    if lost["first_row"] is None:
        return f"{lost['rows']:,} rows{batch}"
    first, last = lost["first_row"], lost["first_row"] + lost["rows"] - 1
    return f"rows {first:,} to {last:,}{batch}" if last > first else f"row {first:,}{batch}"
