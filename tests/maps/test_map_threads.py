"""Threads may share a map: single operations and batches are atomic."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from map_samples import ENGINES, nth, require_consistent

from adhash.config_models import AdaptiveSettings
from adhash.maps import Map

THREADS = 8
OWN_KEYS = 2000


@pytest.fixture(autouse=True)
def _switch_threads_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def run_together(work: Callable[[int], None]) -> None:
    """Run work in many threads that start at once, and raise what any of them raised."""
    gate = threading.Barrier(THREADS)
    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            gate.wait()
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def new_map(engine: str, **types: Any) -> Map[Any, Any]:
    restless = AdaptiveSettings(decision_window=64, migration_step=1, hysteresis=0.0)
    return Map(engine=engine, settings=restless if engine == "adaptive" else None, **types)


@pytest.mark.parametrize("key_type", ["int64", "str"])
@pytest.mark.parametrize("engine", ENGINES)
def test_threads_with_keys_of_their_own_never_disturb_each_other(
    engine: str, key_type: str
) -> None:
    shared = new_map(engine, key=key_type)

    def work(number: int) -> None:
        first = number * OWN_KEYS
        own = [nth(key_type, first + step) for step in range(OWN_KEYS)]
        for start in range(0, OWN_KEYS, 250):
            part = own[start : start + 250]
            assert shared.put_many(part, range(250)) == 250
            for key in part[::10]:
                shared[key] = -1
            assert shared.delete_many(part[::5]) == 50
            assert shared.contains_many(part).sum() == 200
            values, found = shared.get_many(part)
            assert values[found].tolist() == [step for step in range(250) if step % 5]
            for key in part[1:20:5]:
                assert shared.get(key) == 1 + 5 * part[1:20:5].index(key)

    run_together(work)
    expected = {
        nth(key_type, number * OWN_KEYS + step): step % 250
        for number in range(THREADS)
        for step in range(OWN_KEYS)
        if step % 5
    }
    require_consistent(shared, expected)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_batch_of_a_thread_is_seen_whole_or_not_at_all(engine: str) -> None:
    shared = new_map(engine)
    keys = np.arange(512)
    shared.put_many(keys, np.zeros(512, dtype=np.int64))

    def work(number: int) -> None:
        for step in range(60):
            if number % 2:
                shared.put_many(keys, np.full(512, number * 1000 + step))
            else:
                assert len(set(shared.get_many(keys).values.tolist())) == 1

    run_together(work)
    assert len(shared) == 512


@pytest.mark.parametrize("engine", ENGINES)
def test_growing_clearing_and_reading_at_once_leaves_a_sound_map(engine: str) -> None:
    shared = new_map(engine, value="bytes")

    def work(number: int) -> None:
        random = np.random.default_rng(number)
        for _ in range(40):
            keys = random.integers(0, 5000, 200)
            shared.put_many(keys, [b"%d" % key for key in keys])
            for key, value in zip(keys, shared.get_many(keys).values.to_pylist(), strict=True):
                assert value in (None, b"%d" % key)
            shared.delete_many(keys[:100])
            if number == 0:
                shared.clear()
                shared.reserve(1000)
            elif number == 1:
                shared.compact()
                shared.stats()

    run_together(work)
    require_consistent(shared, {key: b"%d" % key for key in list(shared)})


def test_iterating_while_another_thread_inserts_ends_or_raises() -> None:
    shared = new_map("adaptive")
    shared.put_many(np.arange(1000), np.arange(1000))

    def work(number: int) -> None:
        for step in range(200):
            if number:
                shared[10_000 * number + step] = step
            else:
                with suppress(RuntimeError):
                    assert len(set(shared)) >= 1000

    run_together(work)
    assert len(shared) == 1000 + 200 * (THREADS - 1)
