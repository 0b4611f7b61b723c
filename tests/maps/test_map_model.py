"""Every engine with every type of key and value, driven at random beside a dict."""

from __future__ import annotations

import tempfile
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from map_samples import (
    ENGINES,
    KEY_TYPES,
    VALUE_TYPES,
    exact,
    items_of,
    listed,
    nth,
    require_consistent,
)

from adhash.config_models import AdaptiveSettings
from adhash.maps import Map

STARTS = st.integers(0, 4000)
COUNTS = st.integers(1, 1500)
STRIDES = st.sampled_from([1, 2, 3, 64])

# Decides often and moves little at a time, so that most steps meet a migration under way.
RESTLESS = AdaptiveSettings(decision_window=64, migration_step=1, hysteresis=0.0)


class MapMachine(RuleBasedStateMachine):
    """Does to a map what is done to a dict; the ranges are large enough to grow and migrate."""

    engine: ClassVar[str]
    key_type: ClassVar[str]
    value_type: ClassVar[str]

    @initialize(seed=st.integers(0, 2**64 - 1))
    def start(self, seed: int) -> None:
        self.model: dict[Any, Any] = {}
        self.map: Map[Any, Any] = Map(
            engine=self.engine,
            key=self.key_type,
            value=self.value_type,
            seed=seed,
            settings=RESTLESS if self.engine == "adaptive" else None,
        )

    def key(self, data: st.DataObject) -> Any:
        return data.draw(items_of(self.key_type), label="key")

    def value(self, data: st.DataObject) -> Any:
        return data.draw(items_of(self.value_type), label="value")

    def key_range(self, start: int, count: int, stride: int) -> list[Any]:
        return [nth(self.key_type, start + step * stride) for step in range(count)]

    @rule(data=st.data())
    def put(self, data: st.DataObject) -> None:
        key, value = self.key(data), self.value(data)
        self.map[key] = self.model[key] = value

    @rule(data=st.data())
    def get(self, data: st.DataObject) -> None:
        key, absent = self.key(data), object()
        assert exact(self.map.get(key, absent)) == exact(self.model.get(key, absent)) or (
            key not in self.model
        )
        assert (key in self.map) == (key in self.model)

    @rule(data=st.data())
    def subscript(self, data: st.DataObject) -> None:
        key = self.key(data)
        if key in self.model:
            assert exact(self.map[key]) == exact(self.model[key])
        else:
            with pytest.raises(KeyError):
                self.map[key]

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        key = self.key(data)
        if key in self.model:
            del self.map[key], self.model[key]
        else:
            with pytest.raises(KeyError):
                del self.map[key]

    @rule(data=st.data())
    def pop(self, data: st.DataObject) -> None:
        key = self.key(data)
        assert exact(self.map.pop(key, None)) == exact(self.model.pop(key, None))

    @rule(data=st.data())
    def setdefault(self, data: st.DataObject) -> None:
        key, value = self.key(data), self.value(data)
        assert exact(self.map.setdefault(key, value)) == exact(self.model.setdefault(key, value))

    @rule(times=st.integers(1, 20))
    def popitem(self, times: int) -> None:
        for _ in range(min(times, len(self.model))):
            key, value = self.map.popitem()
            assert exact(self.model.pop(key)) == exact(value)

    @rule(start=STARTS, count=COUNTS, stride=STRIDES, offset=st.integers(0, 9))
    def put_range(self, start: int, count: int, stride: int, offset: int) -> None:
        keys = self.key_range(start, count, stride)
        values = [nth(self.value_type, offset + step) for step in range(count)]
        new = len(set(keys) - self.model.keys())
        assert self.map.put_many(keys, values) == new
        self.model.update(zip(keys, values, strict=True))

    @rule(start=STARTS, count=st.integers(1, 300), offset=st.integers(0, 9))
    def put_with_repeats(self, start: int, count: int, offset: int) -> None:
        keys = self.key_range(start, count, 1) + self.key_range(start, count, 2)
        values = [nth(self.value_type, offset + step) for step in range(len(keys))]
        self.map.put_many(keys, values)
        self.model.update(zip(keys, values, strict=True))

    @rule(start=STARTS, count=st.integers(1, 400), stride=STRIDES)
    def update(self, start: int, count: int, stride: int) -> None:
        entries = {key: nth(self.value_type, 7) for key in self.key_range(start, count, stride)}
        self.map.update(entries)
        self.model.update(entries)

    @rule(start=STARTS, count=COUNTS, stride=STRIDES)
    def get_range(self, start: int, count: int, stride: int) -> None:
        keys = self.key_range(start, count, stride)
        values, found = self.map.get_many(keys)
        assert found.tolist() == [key in self.model for key in keys]
        for key, value, was_found in zip(keys, listed(values), found, strict=True):
            assert not was_found or exact(value) == exact(self.model[key])

    @rule(start=STARTS, count=COUNTS, stride=STRIDES)
    def contains_range(self, start: int, count: int, stride: int) -> None:
        keys = self.key_range(start, count, stride)
        assert self.map.contains_many(keys).tolist() == [key in self.model for key in keys]

    @rule(start=STARTS, count=COUNTS, stride=STRIDES)
    def delete_range(self, start: int, count: int, stride: int) -> None:
        keys = self.key_range(start, count, stride)
        doomed = self.model.keys() & set(keys)
        assert self.map.delete_many(keys) == len(doomed)
        for key in doomed:
            del self.model[key]

    @rule()
    def clear(self) -> None:
        self.map.clear()
        self.model.clear()

    @rule(count=st.integers(0, 5000))
    def reserve(self, count: int) -> None:
        self.map.reserve(count)

    @rule()
    def compact(self) -> None:
        self.map.compact()

    @rule(data=st.data())
    def copy(self, data: st.DataObject) -> None:
        original, self.map = self.map, self.map.copy()
        assert self.map == original or self.value_type == "float64"
        original[self.key(data)] = self.value(data)
        original.clear()

    @rule(count=st.integers(1, 1500))
    def iterate_while_a_migration_is_under_way(self, count: int) -> None:
        keys = self.key_range(10_000, count, 1)
        self.map.put_many(keys, [nth(self.value_type, 1)] * count)
        self.model.update(dict.fromkeys(keys, nth(self.value_type, 1)))
        seen = []
        for key in self.map:
            seen.append(key)
            assert exact(self.map[key]) == exact(self.model[key])
        assert len(seen) == len(self.model)
        assert set(seen) == set(self.model)

    @rule(compress=st.sampled_from([None, "lz4", "zstd"]))
    def save_and_load(self, compress: Any) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "map.arrow"
            self.map.save(path, compress)
            self.map = Map.load(path)
        assert self.map.engine == self.engine

    @invariant()
    def has_the_size_of_the_model(self) -> None:
        assert len(self.map) == len(self.model)

    def teardown(self) -> None:
        if hasattr(self, "map"):
            require_consistent(self.map, self.model)


@pytest.mark.parametrize(
    ("engine", "key_type", "value_type"), list(product(ENGINES, KEY_TYPES, VALUE_TYPES))
)
def test_a_map_does_what_a_dict_does(engine: str, key_type: str, value_type: str) -> None:
    types = {"engine": engine, "key_type": key_type, "value_type": value_type}
    run_state_machine_as_test(
        type("Machine", (MapMachine,), types),
        settings=settings(
            max_examples=6,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_growing_map_keeps_every_entry_through_each_of_its_moves(engine: str) -> None:
    settings_ = RESTLESS if engine == "adaptive" else None
    found = Map(engine=engine, settings=settings_)
    for start in range(0, 60_000, 1000):
        keys = np.arange(start, start + 1000)
        assert found.put_many(keys, keys * 2) == 1000
        assert found.delete_many(keys[::5]) == 200
        everything = np.arange(start + 1000)
        values, present = found.get_many(everything)
        assert np.array_equal(present, everything % 5 != 0)
        assert np.array_equal(values[present], 2 * everything[present])
    require_consistent(found, {key: 2 * key for key in range(60_000) if key % 5})
