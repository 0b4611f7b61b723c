"""Probe traces of maps: typed, faithful to the map, and without effect on it."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from map_samples import ENGINES, KEY_TYPES, nth

from adhash.errors import ConfigError, KeyTypeError
from adhash.maps import Map, ProbeTrace, colliding_keys

ENTRIES = 3_000


def filled(engine: str, key: str = "int64", size: int = ENTRIES) -> Map[Any, Any]:
    return Map({nth(key, i): i for i in range(size)}, engine=engine, key=key, value="int64", seed=5)


def collided(engine: str, count: int) -> tuple[Map[int, int], list[int]]:
    keys = np.asarray(colliding_keys(engine, "int64", 5, count + 1)).tolist()
    return Map(dict.fromkeys(keys[:count], 1), engine=engine, seed=5, capacity=count), keys


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("key", KEY_TYPES)
def test_a_trace_finds_what_the_map_holds(engine: str, key: str) -> None:
    held = filled(engine, key, 300)
    for number in range(0, 600, 7):
        trace = held.probe_trace(nth(key, number))
        assert trace.found == (nth(key, number) in held) == (number < 300)
        assert trace.landing is None
        assert [step.number for step in trace.steps] == list(range(1, trace.lookup_steps + 1))
        assert trace.steps[-1].outcome == ("found" if trace.found else "absent")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_trace_changes_nothing(engine: str) -> None:
    held = filled(engine)
    before, content = held.stats(), dict(held)
    for number in range(0, 2 * ENTRIES, 3):
        held.probe_trace(number, "put")
    assert held.stats() == before
    assert dict(held) == content


@pytest.mark.parametrize("engine", ENGINES)
def test_an_iterator_survives_a_trace(engine: str) -> None:
    held = filled(engine, size=100)
    seen = []
    for key in held:
        held.probe_trace(key, "put")
        seen.append(key)
    assert sorted(seen) == list(range(100))


@pytest.mark.parametrize("engine", ENGINES)
def test_traces_are_as_long_as_the_probes_that_the_statistics_count(engine: str) -> None:
    held = filled(engine)
    lengths = [0] * len(held.stats().probe_hist)
    for number in range(ENTRIES):
        trace = held.probe_trace(number)
        last = len(trace.tables) - 1
        lengths[sum(step.table == last for step in trace.steps) - 1] += 1
    assert tuple(lengths) == held.stats().probe_hist


@pytest.mark.parametrize("engine", ENGINES)
def test_a_put_lands_where_its_trace_says(engine: str) -> None:
    held = Map(engine=engine, seed=1)
    kinds = set()
    for number in range(ENTRIES):
        trace = held.probe_trace(number, "put")
        assert trace.landing is not None
        kinds.add(trace.landing.kind)
        held[number] = 0
        after = held.probe_trace(number, "put").landing
        assert after is not None
        assert after.kind == "existing"
        is_exact = trace.landing.kind in ("empty_slot", "deleted_slot", "displacing", "new_bucket")
        if is_exact and not trace.moves_first:
            assert (after.index, after.slot) == (trace.landing.index, trace.landing.slot)
    assert "after_growth" in kinds
    assert kinds & {"empty_slot", "new_node"}
    assert ("displacing" in kinds) == (engine == "robinhood")


def test_groups_of_swiss_are_told_with_tags_tombstones_and_keys() -> None:
    held, keys = collided("swiss", 20)
    trace = held.probe_trace(keys[-1], "put")
    assert [step.place for step in trace.steps][:2] == ["group", "group"]
    assert all(len(step.slots) == 16 for step in trace.steps)
    assert trace.steps[0].outcome == "next"
    assert {slot.state for slot in trace.steps[0].slots} == {"full"}
    own_tag = trace.tables[0].tag
    for slot in itertools.chain.from_iterable(step.slots for step in trace.steps[:2]):
        assert (slot.compared == "key") == (slot.tag == own_tag)
    del held[keys[2]]
    again = held.probe_trace(keys[-1], "put")
    assert again.steps[0].slots[2].state == "deleted"
    assert again.landing is not None
    assert again.landing.kind == "deleted_slot"
    assert (again.landing.index, again.landing.slot) == (again.tables[0].home, 2)


def test_robinhood_is_told_with_distances_and_the_entries_that_move() -> None:
    held, keys = collided("robinhood", 6)
    del held[keys[0]]  # the others shift back, and there is room at the end
    trace = held.probe_trace(keys[0], "put")
    assert [step.distance for step in trace.steps if step.phase == "lookup"] == [1, 2, 3, 4, 5, 6]
    assert trace.steps[0].slots[0].distance == 1
    assert trace.steps[-1].outcome == "lands"


def test_chaining_is_told_with_its_overflow_buckets() -> None:
    held, keys = collided("chaining", 14)
    trace = held.probe_trace(keys[13])
    assert [step.place for step in trace.steps] == ["bucket", "overflow"]
    assert trace.steps[1].outcome == "found"


def test_std_is_told_with_its_bucket_and_nodes() -> None:
    held, keys = collided("std", 30)
    trace = held.probe_trace(keys[3])
    assert {step.place for step in trace.steps} == {"node"}
    assert [step.index for step in trace.steps] == list(range(len(trace.steps)))
    empty = Map(engine="std").probe_trace(1)
    assert [(step.place, step.outcome) for step in empty.steps] == [("bucket", "absent")]


def test_both_tables_of_a_migration_are_asked() -> None:
    held = Map(engine="adaptive", seed=1)
    for number in itertools.count():
        held[number] = 0
        if number > 800 and held.stats(1).migrating:
            break
    traces = [held.probe_trace(key) for key in list(held)]
    assert {tuple(table.role for table in trace.tables) for trace in traces} == {
        ("current",),
        ("current", "old"),
    }
    assert all(trace.found and trace.moves_first > 0 for trace in traces)
    assert "A migration is under way" in traces[0].conclusion
    assert any("(old table)" in step.note for trace in traces for step in trace.steps)


def test_a_long_probe_is_counted_whole_and_kept_with_its_end() -> None:
    held, keys = collided("robinhood", 5_000)
    trace = held.probe_trace(keys[-1], "put")
    assert trace.lookup_steps == 5_001
    assert len(trace.steps) == 4_096 + 2
    assert trace.steps_left_out == 2 * 5_001 - len(trace.steps)
    assert [step.outcome for step in trace.steps[-2:]] == ["absent", "lands"]
    assert trace.steps[-1].number == 2 * 5_001


@pytest.mark.parametrize("engine", ENGINES)
def test_a_trace_explains_itself_line_by_line(engine: str) -> None:
    lines = filled(engine).probe_trace(7, "put").explain().splitlines()
    assert lines[0].startswith("1. ")
    assert lines[-1].startswith("The key is present, known after ")


def test_traces_are_frozen_and_compare_equal() -> None:
    held = filled("swiss")
    trace = held.probe_trace(1)
    assert trace == held.probe_trace(1)
    assert isinstance(trace, ProbeTrace)
    with pytest.raises(dataclasses.FrozenInstanceError):
        trace.found = False  # type: ignore[misc]


def test_a_key_of_another_type_or_an_unknown_operation_is_refused() -> None:
    with pytest.raises(KeyTypeError, match="key must be an int; got 'a'"):
        Map().probe_trace("a")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="operation must be one of get, put"):
        Map().probe_trace(1, "del")  # type: ignore[arg-type]


def test_a_key_of_a_megabyte_is_traced() -> None:
    key = b"k" * 1_000_000
    held = Map({key: 1}, key="bytes")
    assert held.probe_trace(key).found
    assert not held.probe_trace(key + b"k").found
