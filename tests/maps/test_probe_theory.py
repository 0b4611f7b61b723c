"""The expected probe lengths are those of real maps that hold random keys."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhash import Map
from adhash.maps.probe_theory import MAX_LENGTH, uniform_probe_shares

LAYOUTS = ("chaining", "robinhood", "swiss", "std")
RESERVED = 50_000
# The greatest difference of cumulated shares: chance makes 1.6 / sqrt(n) of it one time in a
# hundred; swiss is modelled with groups that are visited independently.
MOST = 0.012


@pytest.mark.parametrize("value", ["int64", "str"])
@pytest.mark.parametrize("key", ["int64", "str"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_map_of_random_keys_has_the_expected_probes(layout: str, key: str, value: str) -> None:
    for entries in (20_000, RESERVED):
        filled = Map(key=key, value=value, engine=layout, seed=7, capacity=RESERVED)  # type: ignore[call-overload]
        numbers = np.random.default_rng(5).integers(1, 2**62, entries).tolist()
        filled.update(
            {(n if key == "int64" else str(n)): (n if value == "int64" else "v") for n in numbers}
        )
        stats = filled.stats()
        expected = uniform_probe_shares(layout, size=stats.size, capacity=stats.capacity)
        assert expected is not None
        assert _greatest_difference(list(stats.probe_hist), expected) < MOST


def _greatest_difference(hist: list[int], expected: list[float]) -> float:
    length = max(len(hist), len(expected))
    found = np.cumsum(np.pad(np.array(hist) / sum(hist), (0, length - len(hist))))
    wanted = np.cumsum(np.pad(np.array(expected), (0, length - len(expected))))
    return float(np.abs(found - wanted).max())


@settings(deadline=None)
@given(
    layout=st.sampled_from(LAYOUTS),
    load=st.floats(0.001, 0.94),
    slots=st.sampled_from([7, 4, 3]),
    power=st.integers(4, 40),
)
def test_shares_fall_and_add_up(layout: str, load: float, slots: int, power: int) -> None:
    capacity = (slots if layout == "chaining" else 1) << power
    size = max(1, round(load * capacity))
    shares = uniform_probe_shares(layout, size=size, capacity=capacity)
    if shares is None:
        assert size >= capacity
        return
    assert 1 <= len(shares) <= MAX_LENGTH
    assert all(share > 0 for share in shares)
    # Robin Hood evens out distances: in a table fuller than ours ever are, few entries are at home.
    if layout != "robinhood" or load < 0.85:
        assert all(a >= b for a, b in itertools.pairwise(shares))
    assert sum(shares) == pytest.approx(1, abs=0.001 if load < 0.85 else 0.1)


@pytest.mark.parametrize("load", [0.2, 0.5, 0.8])
def test_robin_hood_has_the_mean_that_knuth_gives_linear_probing(load: float) -> None:
    shares = uniform_probe_shares("robinhood", size=int(load * 2**20), capacity=2**20)
    assert shares is not None
    mean = sum(length * share for length, share in enumerate(shares, start=1))
    assert mean == pytest.approx((1 + 1 / (1 - load)) / 2, rel=1e-3)


@pytest.mark.parametrize(
    ("layout", "size", "capacity"),
    [
        ("swiss", 0, 16),
        ("swiss", 16, 16),
        ("robinhood", 16, 16),
        ("std", 5, 0),
        ("chaining", 5, 50),
        ("cuckoo", 5, 16),
    ],
)
def test_what_is_not_known_has_no_line(layout: str, size: int, capacity: int) -> None:
    assert uniform_probe_shares(layout, size=size, capacity=capacity) is None
