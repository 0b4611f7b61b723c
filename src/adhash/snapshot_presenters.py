"""What was found out about snapshots, as rows and lines of text, from its JSON; no framework."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from adhash.presenters import Table, columns
from adhash.units import format_bytes

_RANGES_SHOWN = 20
_BAR_CHARACTERS = 40
_LEAST_DENSITY = 0.0001


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


# --- inspect -------------------------------------------------------------------------------------


def inspect_notes(result: Mapping[str, Any]) -> list[str]:
    """Return what is in a snapshot, a line each.

    Parameters
    ----------
    result : mapping
        As JSON, schema ``adhash.inspect-snapshot.v1``.

    Returns
    -------
    list of str
        Header, layout on disk, columns, the loaded map, and the key that was looked for.
    """
    return [
        *_header_lines(result),
        _stored_line(result["stored"]),
        *(_column_line(name, result[name]) for name in ("keys", "values")),
        *([_loaded_line(result["loaded"])] if result["loaded"] else []),
        *([_key_line(result["key"])] if result["key"] else []),
    ]


def _header_lines(result: Mapping[str, Any]) -> Iterator[str]:
    header = result["header"]
    layout = "" if header["layout"] == header["engine"] else f" in layout {header['layout']}"
    yield (
        f"{result['snapshot']}: {_entries(header['size'])} of {header['engine']}{layout},"
        f" {header['key_type']} to {header['value_type']}, seed {header['seed']}"
    )
    versions = ", ".join(f"{name} {version}" for name, version in header["versions"].items())
    yield f"written {header['created_at']} by {versions}"
    if header["settings"]:
        yield "settings: " + ", ".join(f"{k}={v}" for k, v in header["settings"].items())


def _entries(count: int) -> str:
    return f"{count:,} {'entry' if count == 1 else 'entries'}"


def _stored_line(stored: Mapping[str, Any]) -> str:
    packed = {"none": "not compressed", "some": "some compressed", "all": "compressed"}
    rows = (
        f"{stored['rows_greatest']:,} rows"
        if stored["rows_least"] == stored["rows_greatest"]
        else f"{stored['rows_least']:,} to {stored['rows_greatest']:,} rows"
    )
    return (
        f"stored: {format_bytes(stored['bytes'])} in {_batches(stored['batches'])} of {rows},"
        f" {packed[stored['compression']]}: columns {format_bytes(stored['column_bytes'])}"
        f" ({format_bytes(stored['unpacked_bytes'])} unpacked), metadata"
        f" {format_bytes(stored['metadata_bytes'])}; a wrong byte costs a"
        f" {'512th of its batch' if stored['salvage'] == 'stripes' else 'batch'}"
    )


def _column_line(name: str, shape: Mapping[str, Any]) -> str:
    order = ", sorted" if shape["is_sorted"] else ""
    if shape["longest"] is not None:
        return (
            f"{name}: {shape['type']}, {shape['shortest']:,} to {shape['longest']:,} bytes,"
            f" {shape['mean_length']:.1f} on average{order}"
        )
    if shape["least"] is None:
        return f"{name}: {shape['type']}{order}"
    is_dense = shape["density"] is not None and shape["density"] >= _LEAST_DENSITY
    density = f", {shape['density']:.2%} of that range" if is_dense else ""
    return f"{name}: {shape['type']}, {shape['least']} to {shape['greatest']}{density}{order}"


def _loaded_line(loaded: Mapping[str, Any]) -> str:
    layout = "" if loaded["layout"] == loaded["engine"] else f" in layout {loaded['layout']}"
    return (
        f"loaded into {loaded['engine']}{layout}: load factor {loaded['load_factor']:.2f},"
        f" {format_bytes(loaded['memory_bytes'])}, {loaded['bytes_per_entry']:.1f} bytes an entry;"
        f" probes {loaded['mean_probe']:.2f} on average, {loaded['longest_probe']:,} at most"
    )


def _key_line(found: Mapping[str, Any]) -> str:
    if not found["found"]:
        return f"key {found['key']}: absent"
    value = found["value"]
    return (
        f"key {found['key']}: {value['text']} ({value['bytes']:,} bytes), row {found['row']:,},"
        f" batch {found['batch']:,}"
    )


def inspect_tables(result: Mapping[str, Any]) -> list[Table]:
    """Return the histograms and the entries of a snapshot as tables.

    Parameters
    ----------
    result : mapping
        As JSON, schema ``adhash.inspect-snapshot.v1``.

    Returns
    -------
    list of Table
        Those that have rows.
    """
    tables = []
    for name in ("keys", "values"):
        for what, unit in (("lengths", "bytes"), ("magnitudes", "magnitude")):
            bins = [(f"{each['at_most']:,}", each["count"]) for each in result[name][what]]
            tables.append(_histogram(f"{name}, {unit} at most", bins))
    if result["loaded"]:
        hist = enumerate(result["loaded"]["probe_hist"], start=1)
        tables.append(_histogram("probe length", [(str(n), count) for n, count in hist]))
    tables.append(_entries_table(result["entries"]))
    return [table for table in tables if table.rows]


def _histogram(heading: str, bins: list[tuple[str, int]]) -> Table:
    most = max((count for _, count in bins), default=0)
    rows = tuple(
        (name, f"{count:,}", "#" * -(-count * _BAR_CHARACTERS // most))
        for name, count in bins
        if count
    )
    return Table(columns=columns(f"{heading}>", "count>", ""), rows=rows)


def _entries_table(entries: list[Mapping[str, Any]]) -> Table:
    rows = tuple(
        (f"{each['row']:,}", each["key"]["text"], each["value"]["text"]) for each in entries
    )
    return Table(columns=columns("row>", "key", "value"), rows=rows)


# --- compact and diff ----------------------------------------------------------------------------


def compact_notes(result: Mapping[str, Any]) -> list[str]:
    """Return what became of a snapshot, a line each.

    Parameters
    ----------
    result : mapping
        As JSON, schema ``adhash.compact-snapshot.v1``.

    Returns
    -------
    list of str
        Bytes and rows before and after.
    """
    before, after = result["bytes_before"], result["bytes_after"]
    order = "sorted by key" if result["is_sorted"] else "in the order in which they stood"
    return [
        f"{result['out']}: {after:,} bytes where {result['snapshot']} has {before:,}"
        f" ({result['ratio']:.1%})",
        f"{result['rows_after']:,} of {result['rows_before']:,} rows, {order},"
        f" compression {result['compress']}, in {_batches(result['batches_after'])}",
        *(f"replaced {each}" for each in result["replaced"]),
    ]


def _batches(count: int) -> str:
    return f"{count:,} {'batch' if count == 1 else 'batches'}"


def diff_notes(result: Mapping[str, Any]) -> list[str]:
    """Return in what two snapshots differ, a line each.

    Parameters
    ----------
    result : mapping
        As JSON, schema ``adhash.diff-snapshot.v1``.

    Returns
    -------
    list of str
        The counts, and whether everything is listed.
    """
    notes = [
        f"a: {result['a']}, {result['size_a']:,} entries",
        f"b: {result['b']}, {result['size_b']:,} entries",
        f"{result['status']}: {result['added']:,} added, {result['removed']:,} removed,"
        f" {result['changed']:,} changed, {result['unchanged']:,} unchanged",
    ]
    if not result["is_complete"]:
        notes.append("not all are listed; --limit lists more")
    return notes


def diff_table(result: Mapping[str, Any]) -> Table:
    """Return a row for everything in which two snapshots differ.

    Parameters
    ----------
    result : mapping
        As JSON, schema ``adhash.diff-snapshot.v1``.

    Returns
    -------
    Table
        The fields of the header, then the entries that are listed.
    """
    header = [
        ("header", each["name"], _said(each["a"]), _said(each["b"])) for each in result["header"]
    ]
    entries = [
        (each["kind"], each["key"]["text"], _text(each["a"]), _text(each["b"]))
        for each in result["changes"]
    ]
    return Table(columns=columns("", "what", "a", "b"), rows=(*header, *entries))


def _said(text: str | None) -> str:
    return "-" if text is None else text


def _text(shown: Mapping[str, Any] | None) -> str:
    return "-" if shown is None else str(shown["text"])
