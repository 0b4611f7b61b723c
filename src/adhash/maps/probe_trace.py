"""Probe traces: the places that one operation visits, what is seen there and what is compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from adhash.maps.probe_wording import conclude, landing_note, step_note

Operation = Literal["get", "put"]
Place = Literal["group", "slot", "bucket", "overflow", "node"]
Phase = Literal["lookup", "insertion"]
Outcome = Literal["next", "found", "absent", "lands", "shifts", "ends_shift"]
LandingKind = Literal[
    "existing",
    "empty_slot",
    "deleted_slot",
    "displacing",
    "new_bucket",
    "new_node",
    "after_growth",
]


@dataclass(frozen=True, kw_only=True)
class SlotSeen:
    """A slot of a visited place.

    Parameters
    ----------
    state : {"empty", "deleted", "full"}
        What it holds; a deleted one is a tombstone, or was emptied by a migration.
    tag : int or None
        The byte that is stored of the entry's hash; None where there is none.
    distance : int or None
        How far the entry lies from its home, 1 at home; None where the layout stores none.
    compared : {"nothing", "tag", "distance", "key"}
        The last thing compared. A key is read only where what stands before it was equal.
    equal : bool
        The outcome of that comparison.
    """

    state: Literal["empty", "deleted", "full"]
    tag: int | None
    distance: int | None
    compared: Literal["nothing", "tag", "distance", "key"]
    equal: bool


@dataclass(frozen=True, kw_only=True)
class ProbeStep:
    """A place that an operation visits.

    Parameters
    ----------
    number : int
        Its turn, from 1.
    table : int
        The table, as an index into `ProbeTrace.tables`.
    phase : {"lookup", "insertion"}
        A put that finds nothing visits places again to insert.
    place : {"group", "slot", "bucket", "overflow", "node"}
        What kind of place it is.
    index : int
        Its number in the table; of an overflow bucket that in the pool, from 1; of a node that in
        its bucket.
    distance : int or None
        How far from home the key would be here, 1 at home; None where the layout stores none.
    outcome : {"next", "found", "absent", "lands", "shifts", "ends_shift"}
        What follows: the probe goes on, ends with the key or without it, or leaves the new entry
        here; the entry here moves one place on, or this empty place takes the last that moves.
    slots : tuple of SlotSeen
        The slots of the place, in order.
    note : str
        The same in a sentence.
    """

    number: int
    table: int
    phase: Phase
    place: Place
    index: int
    distance: int | None
    outcome: Outcome
    slots: tuple[SlotSeen, ...]
    note: str


@dataclass(frozen=True, kw_only=True)
class ProbedTable:
    """A table that an operation asks.

    Parameters
    ----------
    layout : str
        How it arranges memory.
    role : {"only", "current", "old"}
        While the adaptive engine migrates there are two: new entries go to the current one.
    place : {"group", "slot", "bucket"}
        What it is divided into.
    places, slots_per_place : int
        How many there are, overflow buckets aside, and the slots of each.
    home : int
        The place where the probe of the key begins.
    size, capacity, tombstones : int
        Entries, slots, and slots that deleted entries hold.
    hash : str
        The hash of the key, 64 bits in hexadecimal; the tables may differ in their seeds.
    tag : int or None
        The byte of the hash that is compared; None where the layout stores none.
    """

    layout: str
    role: Literal["only", "current", "old"]
    place: Place
    places: int
    slots_per_place: int
    home: int
    size: int
    capacity: int
    tombstones: int
    hash: str
    tag: int | None


@dataclass(frozen=True, kw_only=True)
class Landing:
    """Where a put would leave its entry.

    Parameters
    ----------
    kind : str
        ``existing`` (the entry takes the new value), ``empty_slot``, ``deleted_slot`` (a
        tombstone), ``displacing`` (entries move on for it), ``new_bucket``, ``new_node``, or
        ``after_growth``: another table would be made first.
    table, index, slot : int or None
        The table, the place in it and the slot there; None before growth.
    place : {"group", "slot", "bucket", "overflow", "node"} or None
        The kind of the place.
    shifted : int
        How many entries move one slot on.
    cause : str
        Why another table is made: ``growth``, ``purge`` (of tombstones), ``gather`` (a migration
        is brought to its end); empty where none is.
    note : str
        The same in a sentence.
    """

    kind: LandingKind
    table: int | None
    place: Place | None
    index: int | None
    slot: int | None
    shifted: int
    cause: str
    note: str


@dataclass(frozen=True, kw_only=True)
class ProbeTrace:
    """What one operation of a key would visit, in a map as it is.

    Parameters
    ----------
    engine : str
        The engine of the map.
    operation : {"get", "put"}
        The operation.
    size : int
        Entries in the map.
    found : bool
        Whether the map holds the key.
    tables : tuple of ProbedTable
        The tables asked, in order.
    steps : tuple of ProbeStep
        The places visited, in order; of a probe of more than 4,096 the first, and behind them those
        that decide something.
    landing : Landing or None
        Where a put would leave its entry; None for a get.
    lookup_steps, insertion_steps : int
        How many places are visited, whether `steps` holds them or not.
    moves_first : int
        A migration is under way, and the real operation would first move up to so many entries;
        0 where nothing moves.
    """

    engine: str
    operation: Operation
    size: int
    found: bool
    tables: tuple[ProbedTable, ...]
    steps: tuple[ProbeStep, ...]
    landing: Landing | None
    lookup_steps: int
    insertion_steps: int
    moves_first: int

    @classmethod
    def from_native(
        cls, record: dict[str, Any], *, engine: str, operation: Operation, size: int
    ) -> ProbeTrace:
        """Return the trace that the native module tells of."""
        tables = tuple(_table(each) for each in record["tables"])
        return cls(
            engine=engine,
            operation=operation,
            size=size,
            found=record["found"],
            tables=tables,
            steps=tuple(_step(each, tables) for each in record["steps"]),
            landing=_landing(record["landing"]),
            lookup_steps=record["lookup_steps"],
            insertion_steps=record["insertion_steps"],
            moves_first=record["moves_first"],
        )

    @property
    def steps_left_out(self) -> int:
        """How many steps were counted and not kept."""
        return self.lookup_steps + self.insertion_steps - len(self.steps)

    @property
    def conclusion(self) -> str:
        """What it comes to: whether the key is there, and where a put would leave its entry."""
        return conclude(self)

    def explain(self) -> str:
        """Return the trace in words, a line a step."""
        lines = [f"{step.number}. {step.note}" for step in self.steps]
        if self.steps_left_out:
            lines.append(f"({self.steps_left_out:,} steps were counted and not kept)")
        return "\n".join([*lines, self.conclusion])


def _table(record: dict[str, Any]) -> ProbedTable:
    return ProbedTable(**{**record, "hash": f"0x{record['hash']:016x}"})


def _step(record: dict[str, Any], tables: tuple[ProbedTable, ...]) -> ProbeStep:
    slots = tuple(SlotSeen(**slot) for slot in record["slots"])
    step = ProbeStep(**{**record, "slots": slots, "note": ""})
    return replace(step, note=step_note(step, tables[step.table]))


def _landing(record: dict[str, Any] | None) -> Landing | None:
    if record is None:
        return None
    landing = Landing(**record, note="")
    return replace(landing, note=landing_note(landing))
