"""Probe traces as rows and lines of text, from their JSON; no framework."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adhash.presenters import Table, columns

_FIRST_SHOWN, _LAST_SHOWN = 40, 8


def probe_table(result: Mapping[str, Any]) -> Table:
    """Return a row for every step of a probe; of a long one the first and the last.

    Parameters
    ----------
    result : mapping
        A probe trace as JSON, schema ``adhash.probe_visualize.v1``.

    Returns
    -------
    Table
        The turn, what was seen in the slots, and what happened.
    """
    steps = result["steps"]
    rows = [_row(step) for step in steps]
    if len(rows) > _FIRST_SHOWN + _LAST_SHOWN:
        left_out = len(rows) - _FIRST_SHOWN - _LAST_SHOWN
        gap = ("", "", f"... {left_out:,} steps more, which --json shows")
        rows = [*rows[:_FIRST_SHOWN], gap, *rows[-_LAST_SHOWN:]]
    return Table(columns=columns("step>", "slots", "what happens"), rows=tuple(rows))


def _row(step: Mapping[str, Any]) -> tuple[str, ...]:
    turn = f"{step['number']}{'+' if step['phase'] == 'insertion' else ''}"
    return turn, " ".join(slot_text(slot) for slot in step["slots"]), step["note"]


def slot_text(slot: Mapping[str, Any]) -> str:
    """Return a slot in a few characters: ``..`` empty, ``xx`` a tombstone, else its tag.

    Behind the tag of an entry stands its distance, and ``=`` or ``!`` where its key was compared
    and was equal or not.

    Parameters
    ----------
    slot : mapping
        A slot of a step.

    Returns
    -------
    str
        Two characters or more.
    """
    if slot["state"] != "full":
        return ".." if slot["state"] == "empty" else "xx"
    tag = "##" if slot["tag"] is None else f"{slot['tag']:02X}"
    distance = "" if slot["distance"] is None else f"@{slot['distance']}"
    sign = ("=" if slot["equal"] else "!") if slot["compared"] == "key" else ""
    return f"{tag}{distance}{sign}"


def probe_heading(result: Mapping[str, Any]) -> list[str]:
    """Return what stands above the steps: the operation, and each table in a line."""
    size = result["size"]
    entries = f"{size:,} {'entry' if size == 1 else 'entries'}"
    asked = f"{result['operation']} of {result['key_type']} key {result['key']}"
    return [
        f"{asked} in {result['engine']}, {entries}, hash seed {result['hash_seed']}",
        *map(_table_line, result["tables"]),
    ]


def _table_line(table: Mapping[str, Any]) -> str:
    role = "" if table["role"] == "only" else f"{table['role']} "
    tag = "" if table["tag"] is None else f", tag {table['tag']:02X}"
    dead = f", {table['tombstones']:,} tombstones" if table["tombstones"] else ""
    return (
        f"{role}table: {table['layout']}, {table['size']:,} of {table['capacity']:,}"
        f" {'buckets' if table['layout'] == 'std' else 'slots'}{dead}; hash {table['hash']}{tag},"
        f" home {table['place']} {table['home']:,} of {table['places']:,}"
    )


def probe_notes(result: Mapping[str, Any]) -> list[str]:
    """Return what stands below the steps: signs, what it comes to, and the files."""
    notes = [result["conclusion"]]
    left_out = result["lookup_steps"] + result["insertion_steps"] - len(result["steps"])
    if left_out:
        notes.append(f"{left_out:,} further steps were counted and not kept.")
    signs = list(_signs(result["steps"]))
    if signs:
        notes.append(f"slots: {', '.join(signs)}")
    return [*notes, *(f"{kind}: {path}" for kind, path in result["artifacts"].items())]


def _signs(steps: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    slots = [slot for step in steps for slot in step["slots"]]
    if any(slot["tag"] is not None for slot in slots):
        yield "A7 the tag of an entry"
    if any(slot["distance"] is not None for slot in slots):
        yield "@n its distance, 1 at home"
    if any(slot["state"] == "full" and slot["tag"] is None for slot in slots):
        yield "## an entry, which has no tag"
    compared = {slot["equal"] for slot in slots if slot["compared"] == "key"}
    if True in compared:
        yield "= its key is equal"
    if False in compared:
        yield "! its key differs"
    if any(slot["state"] == "empty" for slot in slots):
        yield ".. empty"
    if any(slot["state"] == "deleted" for slot in slots):
        yield "xx tombstone"
    if any(step["phase"] == "insertion" for step in steps):
        yield "n+ a step of the insertion"
