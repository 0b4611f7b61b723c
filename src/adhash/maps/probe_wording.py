"""What happens in a step of a probe, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adhash.maps.probe_trace import Landing, ProbedTable, ProbeStep, ProbeTrace, SlotSeen

_OUTCOMES = {"next": "; the probe goes on", "found": "; found", "absent": ", so the key is absent"}
_CAUSES = {
    "growth": "the table is full: a larger one would be made first",
    "purge": "the table is full, mostly of tombstones: it would be rebuilt without them first",
    "gather": "the current table is full: both tables would be gathered into a larger one first",
}


def place_name(step: ProbeStep, table: ProbedTable) -> str:
    """Return how a place is called: ``group 5``, ``overflow bucket 2``, ``node 0 of bucket 7``."""
    if step.place == "node":
        return f"node {step.index} of bucket {table.home:,}"
    return f"{'overflow bucket' if step.place == 'overflow' else step.place} {step.index:,}"


def step_note(step: ProbeStep, table: ProbedTable) -> str:
    """Return a sentence about a step.

    Parameters
    ----------
    step : ProbeStep
        The step; its own note is not read.
    table : ProbedTable
        The table it is in.

    Returns
    -------
    str
        Where it is, what was seen and compared, and what followed.
    """
    where = place_name(step, table)
    old = " (old table)" if table.role == "old" else ""
    return f"{where}{old}: {_happening(step, table)}"


def _happening(step: ProbeStep, table: ProbedTable) -> str:
    if table.layout == "robinhood":
        return _distances(step) if step.phase == "lookup" else _displacement(step)
    if step.phase == "insertion":
        return _free_slot(step)
    if table.tag is None:
        return _chained(step)
    return f"{_tags(step, table.tag)}; {_ending(step)}"


# --- places with tags: swiss and chaining ------------------------------------------------------


def _tags(step: ProbeStep, tag: int) -> str:
    matches = [
        _matched(number, slot)
        for number, slot in enumerate(step.slots)
        if slot.compared == "key" or (slot.compared == "tag" and slot.equal)
    ]
    return f"tag {tag:02X} matches {', '.join(matches) or 'no slot'}"


def _matched(number: int, slot: SlotSeen) -> str:
    if slot.compared != "key":
        return f"slot {number} (its key is not read)"
    return f"slot {number} ({'its key is equal' if slot.equal else 'its key differs'})"


def _ending(step: ProbeStep) -> str:
    if step.outcome == "next":
        return (
            "no slot is empty, the probe goes on" if step.place == "group" else "the chain goes on"
        )
    if step.outcome == "found":
        return "found"
    if step.place != "group":
        return "the chain ends, so the key is absent"
    empty = next(number for number, slot in enumerate(step.slots) if slot.state == "empty")
    return f"slot {empty} is empty, so the key is absent"


def _free_slot(step: ProbeStep) -> str:
    if step.outcome == "next":
        return "no slot is free, the insertion goes on"
    number, slot = next(
        (number, slot) for number, slot in enumerate(step.slots) if slot.state != "full"
    )
    kind = "empty" if slot.state == "empty" else "a tombstone"
    return f"slot {number} is {kind} and takes the entry"


# --- robinhood ---------------------------------------------------------------------------------


def _distances(step: ProbeStep) -> str:
    (slot,) = step.slots
    if slot.state == "empty":
        return "empty, so the key is absent"
    whose = "its entry" if slot.state == "full" else "the entry moved from it"
    where = f"{whose} is at distance {slot.distance}"
    if slot.compared == "distance":
        side = "nearer to home" if step.outcome == "absent" else "farther from home"
        return f"{where}, {side} than the key would be ({step.distance}){_OUTCOMES[step.outcome]}"
    if slot.compared == "tag":
        return f"{where} as the key would be, its tag differs; the probe goes on"
    equal = "is equal" if slot.equal else "differs"
    outcome = _OUTCOMES[step.outcome]
    return f"distance {slot.distance} and tag match, its key {equal}{outcome}"


def _displacement(step: ProbeStep) -> str:
    (slot,) = step.slots
    if step.outcome == "next":
        return f"its entry is at distance {slot.distance}, not below {step.distance}; goes on"
    if step.outcome == "lands":
        if slot.state == "empty":
            return f"empty, takes the entry at distance {step.distance}"
        return (
            f"its entry is at distance {slot.distance}, below {step.distance}: the new entry takes"
            " the slot, and it moves on"
        )
    if step.outcome == "shifts":
        return "takes the entry of the slot before, its own moves on"
    return "empty, takes the entry of the slot before; nothing moves farther"


# --- std ---------------------------------------------------------------------------------------


def _chained(step: ProbeStep) -> str:
    (slot,) = step.slots
    if slot.state == "empty":
        return "no node, so the key is absent"
    if step.outcome == "absent":
        return "its key differs; the chain ends, so the key is absent"
    equal = "is equal; found" if slot.equal else "differs; the chain goes on"
    return f"its key {equal}"


# --- the whole ---------------------------------------------------------------------------------


def landing_note(landing: Landing) -> str:
    """Return a sentence about where a put would leave its entry.

    Parameters
    ----------
    landing : Landing
        The place; its own note is not read.

    Returns
    -------
    str
        What the put would do.
    """
    if landing.kind == "after_growth":
        return _CAUSES[landing.cause]
    where = _landing_place(landing)
    return {
        "existing": f"the entry in {where} would take the new value",
        "empty_slot": f"the entry would go to {where}, which is empty",
        "deleted_slot": f"the entry would go to {where}, a tombstone",
        "displacing": f"the entry would go to {where}, and {_moved(landing.shifted)} on",
        "new_bucket": f"a new {where} would be linked to the chain and take the entry",
        "new_node": f"a new node of {where} would take the entry",
    }[landing.kind]


def _moved(entries: int) -> str:
    return (
        "1 entry would move one slot"
        if entries == 1
        else f"{entries:,} entries would move one slot"
    )


def _landing_place(landing: Landing) -> str:
    name = "overflow bucket" if landing.place == "overflow" else landing.place
    place = f"{name} {landing.index:,}"
    has_slots = landing.place in ("group", "bucket", "overflow") and landing.kind in (
        "existing",
        "empty_slot",
        "deleted_slot",
    )
    return f"slot {landing.slot} of {place}" if has_slots else place


def conclude(trace: ProbeTrace) -> str:
    """Return what a trace ends with, in a sentence or two.

    Parameters
    ----------
    trace : ProbeTrace
        The trace.

    Returns
    -------
    str
        Whether the key is there, after how many steps, and where a put would leave its entry.
    """
    state = "present" if trace.found else "absent"
    steps = f"{trace.lookup_steps:,} step{'s' if trace.lookup_steps != 1 else ''}"
    sentences = [f"The key is {state}, known after {steps}."]
    if trace.landing is not None:
        note = trace.landing.note
        sentences.append(f"{note[0].upper()}{note[1:]}.")
    if trace.moves_first:
        sentences.append(
            f"A migration is under way: the operation would first move up to {trace.moves_first:,}"
            " entries; this is the map before that."
        )
    return " ".join(sentences)
