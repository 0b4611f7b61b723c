"""The steps of a probe as places to draw: each once, with all that was seen of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adhash.analysis.probe_visualize import ProbeVisualizeResult
    from adhash.maps import Landing, ProbedTable, ProbeStep, SlotSeen

# How much a comparison tells: of several looks at a slot the most telling one is drawn.
_TELLING = {"nothing": 0, "distance": 1, "tag": 2, "key": 3}
_TOMBSTONE = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, kw_only=True)
class DrawnCell:
    """A slot: how it looks (a class of the style sheet), its text, and what happens there."""

    look: str
    text: str
    below: str = ""
    is_end: bool = False
    is_new: bool = False


@dataclass(frozen=True, kw_only=True)
class DrawnPlace:
    """A place of a table, the steps that visit it, and its cells."""

    name: str
    index: int
    steps: tuple[ProbeStep, ...]
    cells: tuple[DrawnCell, ...]


def places_of(result: ProbeVisualizeResult, table: int) -> list[DrawnPlace]:
    """Return the places of a table that are visited, in the order of their first visit.

    Parameters
    ----------
    result : ProbeVisualizeResult
        The trace.
    table : int
        Which of its tables.

    Returns
    -------
    list of DrawnPlace
        At the end also a new bucket or node that a put would make.
    """
    visits: dict[tuple[str, int], list[ProbeStep]] = {}
    for step in result.steps:
        if step.table == table:
            visits.setdefault((step.place, step.index), []).append(step)
    landing = result.landing if result.landing and result.landing.table == table else None
    probed = result.tables[table]
    drawn = [_place(steps, landing) for steps in visits.values()]
    return [*drawn, *_made(landing, probed, len(drawn))]


def _place(steps: Sequence[ProbeStep], landing: Landing | None) -> DrawnPlace:
    first = steps[0]
    lands_here = (
        landing is not None
        and landing.kind not in ("new_bucket", "new_node")
        and (landing.place, landing.index) == (first.place, first.index)
    )
    new_slot = landing.slot if landing is not None and lands_here else None
    ending = _ending_slot(steps)
    cells = tuple(
        _cell(steps, number, is_end=number == ending, is_new=number == new_slot)
        for number in range(len(first.slots))
    )
    return DrawnPlace(
        name=_name(first.place, first.index), index=first.index, steps=tuple(steps), cells=cells
    )


def _name(place: str, index: int) -> str:
    return f"{'overflow' if place == 'overflow' else place} {index:,}"


def _ending_slot(steps: Sequence[ProbeStep]) -> int | None:
    """Return the slot that tells that the key is absent, where one does."""
    for step in steps:
        if step.outcome == "absent" and step.place == "slot":
            return 0
        if step.outcome == "absent" and step.place == "group":
            return next(at for at, slot in enumerate(step.slots) if slot.state == "empty")
    return None


def _cell(steps: Sequence[ProbeStep], number: int, *, is_end: bool, is_new: bool) -> DrawnCell:
    slot = max((step.slots[number] for step in steps), key=lambda seen: _TELLING[seen.compared])
    moves = any(
        step.outcome == "shifts" or (step.outcome == "lands" and slot.distance)
        for step in steps
        if step.place == "slot"
    )
    return DrawnCell(
        look=_look(slot, moves=moves),
        text=_text(slot),
        below=f"d {slot.distance}" if slot.distance else "",
        is_end=is_end,
        is_new=is_new,
    )


def _look(slot: SlotSeen, *, moves: bool) -> str:
    if slot.compared == "key":
        return "found" if slot.equal else "differs"
    if moves:
        return "moves"
    if slot.compared == "tag" and slot.equal:
        return "match"
    return slot.state


def _text(slot: SlotSeen) -> str:
    if slot.state != "full":
        return _TOMBSTONE if slot.state == "deleted" else ""
    sign = ("=" if slot.equal else "≠") if slot.compared == "key" else ""
    tag = "" if slot.tag is None else f"{slot.tag:02X}"
    return f"{tag}{sign}" or "…"


def _made(landing: Landing | None, table: ProbedTable, places: int) -> Iterator[DrawnPlace]:
    """Yield the bucket or node that a put would make."""
    if landing is None or landing.kind not in ("new_bucket", "new_node"):
        return
    is_node = landing.kind == "new_node"
    slots = 1 if is_node else table.slots_per_place
    index = places if is_node else landing.index or 0
    yield DrawnPlace(
        name="new node" if is_node else f"{_name('overflow', index)}, new",
        index=index,
        steps=(),
        cells=tuple(DrawnCell(look="empty", text="", is_new=at == 0) for at in range(slots)),
    )
