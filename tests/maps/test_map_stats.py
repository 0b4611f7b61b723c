"""What a map says of itself adds up."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest
from map_samples import ENGINES

from adhash.errors import ConfigError
from adhash.maps import Decision, Map, MapStats, colliding_keys, engines


@pytest.mark.parametrize("engine", ENGINES)
def test_statistics_add_up(engine: str) -> None:
    found = Map(engine=engine)
    keys = np.random.default_rng(3).permutation(20_000)
    found.put_many(keys, keys)
    found.delete_many(keys[:5000])
    stats = found.stats()
    assert isinstance(stats, MapStats)
    assert stats.engine == engine
    assert stats.size == 15_000 == sum(stats.probe_hist)
    assert stats.memory_bytes >= 16 * 15_000
    assert stats.bytes_per_entry == pytest.approx(stats.memory_bytes / 15_000)
    assert stats.avg_probe_estimate >= 1
    assert 0 < stats.load_factor <= 1
    assert found.memory_bytes == stats.memory_bytes
    assert sys.getsizeof(found) >= stats.memory_bytes


def test_an_empty_map_has_statistics() -> None:
    stats = Map().stats()
    assert (stats.size, sum(stats.probe_hist), stats.tombstones) == (0, 0, 0)


def test_probe_lengths_can_be_sampled() -> None:
    found = Map()
    found.put_many(np.arange(50_000), np.arange(50_000))
    assert found.stats().probe_samples == 50_000
    assert 0 < found.stats(1000).probe_samples < 10_000
    assert found.stats(0).size == 50_000


def test_statistics_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Map().stats().size = 1  # type: ignore[misc]


@pytest.mark.parametrize("engine", ENGINES)
def test_reserving_makes_room_once(engine: str) -> None:
    found = Map(engine=engine)
    found.reserve(10_000)
    before = found.stats().capacity
    assert before >= 10_000
    found.put_many(np.arange(10_000), np.arange(10_000))
    assert found.stats().capacity == before


@pytest.mark.parametrize("engine", ENGINES)
def test_compacting_gives_memory_back_and_loses_nothing(engine: str) -> None:
    found = Map(engine=engine)
    found.put_many(np.arange(100_000), np.arange(100_000))
    found.delete_many(np.arange(1000, 100_000))
    before = found.memory_bytes
    found.compact()
    stats = found.stats()
    assert stats.memory_bytes < before
    assert stats.tombstones == 0
    assert found == {number: number for number in range(1000)}


@pytest.mark.parametrize("engine", [name for name in ENGINES if name != "adaptive"])
def test_a_fixed_engine_explains_that_it_stays(engine: str) -> None:
    assert f"{engine} has one layout" in Map(engine=engine).explain()


def test_the_adaptive_engine_explains_its_state() -> None:
    explained = Map({1: 1}).explain()
    assert "adaptive map of 1 entries in layout" in explained


def test_an_explanation_tells_each_decision() -> None:
    decision = Decision.from_native(
        {
            "at_ops": 65536,
            "signal": "misses",
            "from": "chaining",
            "to": "swiss",
            "expected_gain": 0.3,
            "measured_gain": None,
        }
    )
    stats = dataclasses.replace(Map().stats(), decisions=(decision,), migrating=True)
    assert "after 65,536 operations: chaining -> swiss (misses)" in stats.explain()
    assert "expected to save 30% of the time, not measured yet" in stats.explain()
    measured = dataclasses.replace(decision, measured_gain=0.25)
    assert str(measured).endswith("expected to save 30% of the time, saved 25%")
    forced = dataclasses.replace(decision, expected_gain=None)
    assert str(forced).endswith("made to keep probes short, not to save time")
    assert "A move is under way." in stats.explain()


def test_the_engines_are_named() -> None:
    assert {"adaptive", "chaining", "robinhood", "swiss", "std"} <= set(engines())


@pytest.mark.parametrize("engine", [name for name in ENGINES if name != "adaptive"])
def test_colliding_keys_collide_in_their_engine_and_seed(engine: str) -> None:
    keys = colliding_keys(engine, "int64", 12345, 300)
    assert isinstance(keys, np.ndarray)
    assert len(set(keys.tolist())) == 300
    aimed = Map(engine=engine, seed=12345)
    aimed.put_many(keys, keys)
    harmless = Map(engine=engine, seed=12345)
    harmless.put_many(np.arange(300), np.arange(300))
    assert aimed.stats().avg_probe_estimate > 3 * harmless.stats().avg_probe_estimate
    assert len(aimed) == 300


def test_keys_that_collide_in_an_unknown_engine_are_refused() -> None:
    with pytest.raises(ConfigError, match="hashbrown"):
        colliding_keys("hashbrown", "int64", 0, 1)
