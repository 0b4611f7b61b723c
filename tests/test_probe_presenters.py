"""Probe traces as text: a row a step, the signs explained, long ones cut in the middle."""

from __future__ import annotations

from typing import Any

import pytest

from adhash.presenters import plain_text
from adhash.probe_presenters import probe_heading, probe_notes, probe_table, slot_text


def slot(state: str = "full", **changes: Any) -> dict[str, Any]:
    seen = {"state": state, "tag": None, "distance": None, "compared": "nothing", "equal": False}
    return {**seen, **changes}


def step(number: int, **changes: Any) -> dict[str, Any]:
    own = {"number": number, "phase": "lookup", "slots": [slot(tag=0xA7)], "note": "group 1: ..."}
    return {**own, **changes}


def result(steps: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    table = {
        "layout": "swiss",
        "role": "only",
        "place": "group",
        "places": 4,
        "home": 1,
        "size": 9,
        "capacity": 64,
        "tombstones": 2,
        "hash": "0x1",
        "tag": 0xA7,
    }
    own = {
        "operation": "get",
        "key": "k",
        "key_type": "str",
        "engine": "swiss",
        "size": 9,
        "hash_seed": 0,
        "tables": [table],
        "steps": steps,
        "lookup_steps": len(steps),
        "insertion_steps": 0,
        "conclusion": "The key is absent.",
        "artifacts": {},
    }
    return {**own, **changes}


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        (slot("empty"), ".."),
        (slot("deleted"), "xx"),
        (slot(tag=0xA7), "A7"),
        (slot(tag=0x05, distance=3), "05@3"),
        (slot(tag=0xA7, compared="key", equal=True), "A7="),
        (slot(tag=0xA7, compared="key"), "A7!"),
        (slot(compared="key"), "##!"),
    ],
)
def test_a_slot_is_a_few_characters(seen: dict[str, Any], text: str) -> None:
    assert slot_text(seen) == text


def test_steps_are_rows_and_those_of_an_insertion_are_marked() -> None:
    rows = probe_table(result([step(1), step(2, phase="insertion")])).rows
    assert [row[0] for row in rows] == ["1", "2+"]
    assert "n+ a step of the insertion" in probe_notes(result([step(1, phase="insertion")]))[-1]


def test_a_long_probe_is_cut_in_the_middle() -> None:
    rows = probe_table(result([step(number) for number in range(1, 101)])).rows
    assert len(rows) == 40 + 1 + 8
    assert rows[40][-1] == "... 52 steps more, which --json shows"
    assert rows[-1][0] == "100"


def test_steps_that_were_not_kept_are_counted() -> None:
    notes = probe_notes(result([step(1)], lookup_steps=5_000))
    assert "4,999 further steps were counted and not kept." in notes


def test_the_heading_names_operation_map_and_tables() -> None:
    heading = probe_heading(result([step(1)], size=1))
    assert heading == [
        "get of str key k in swiss, 1 entry, hash seed 0",
        "table: swiss, 9 of 64 slots, 2 tombstones; hash 0x1, tag A7, home group 1 of 4",
    ]


def test_files_are_named_last() -> None:
    assert probe_notes(result([step(1)], artifacts={"svg": "p.svg"}))[-1] == "svg: p.svg"


def test_the_whole_is_plain_text() -> None:
    assert plain_text(probe_table(result([step(1)]))).splitlines()[0].split() == [
        "step",
        "slots",
        "what",
        "happens",
    ]


def test_only_the_signs_that_stand_there_are_explained() -> None:
    equal = slot(tag=0xA7, compared="key", equal=True)
    (last,) = probe_notes(result([step(1, slots=[equal])]))[1:]
    assert last == "slots: A7 the tag of an entry, = its key is equal"
    (last,) = probe_notes(result([step(1, slots=[slot(compared="key")])]))[1:]
    assert last == "slots: ## an entry, which has no tag, ! its key differs"
