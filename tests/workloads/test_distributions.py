"""Distributions of keys are exactly those of their definitions, also while keys are added."""

from __future__ import annotations

import math

import numpy as np
import pytest
from goodness import deviation
from hypothesis import given, settings
from hypothesis import strategies as st

from adhash.workloads.distributions import (
    Distribution,
    Exponential,
    Hotspot,
    Latest,
    OfTheFirst,
    Uniform,
    Zipf,
)
from adhash.workloads.seeded import SeededStream
from adhash.workloads.zipf import GrowingZipfSampler, zipf_pmf

DRAWS = 300_000
KEYS = 500


def drawn(distribution: Distribution, records: int, *, seed: int = 11) -> np.ndarray:
    return distribution.draw(SeededStream(seed, 0), np.full(DRAWS, records))


def exponential_pmf(records: int, *, keys: int, percentile: float, frac: float) -> np.ndarray:
    rate = -math.log(1 - percentile / 100) / (keys * frac)
    weights = np.exp(-rate * np.arange(records)[::-1])
    return weights / weights.sum()


def hotspot_pmf(records: int, *, hot: int, share: float) -> np.ndarray:
    return np.concatenate(
        [np.full(hot, share / hot), np.full(records - hot, (1 - share) / (records - hot))]
    )


@pytest.mark.parametrize("records", [KEYS, KEYS + 100])
def test_every_distribution_is_exact_at_its_beginning_and_later(records: int) -> None:
    cases: list[tuple[Distribution, np.ndarray]] = [
        (Uniform(), np.full(records, 1 / records)),
        (Zipf(keys=KEYS, exponent=0.99), zipf_pmf(records, 0.99)),
        (Latest(keys=KEYS, exponent=1.3), zipf_pmf(records, 1.3)[::-1]),
        (Hotspot(hot_set=0.2, hot_ops=0.8), hotspot_pmf(records, hot=records // 5, share=0.8)),
        (
            Exponential(keys=KEYS, percentile=95, frac=0.2),
            exponential_pmf(records, keys=KEYS, percentile=95, frac=0.2),
        ),
        (
            Exponential(keys=KEYS, percentile=95, frac=0.8571428571),
            exponential_pmf(records, keys=KEYS, percentile=95, frac=0.8571428571),
        ),
    ]
    for distribution, pmf in cases:
        assert abs(deviation(drawn(distribution, records), pmf)) < 4, distribution


def test_the_measure_sees_slightly_wrong_parameters() -> None:
    hot = drawn(Hotspot(hot_set=0.2, hot_ops=0.79), KEYS)
    assert deviation(hot, hotspot_pmf(KEYS, hot=100, share=0.8)) > 4
    old = drawn(Exponential(keys=KEYS, percentile=94, frac=0.2), KEYS)
    assert deviation(old, exponential_pmf(KEYS, keys=KEYS, percentile=95, frac=0.2)) > 10


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 1.7])
def test_a_growing_number_of_ranks_is_drawn_from_exactly(exponent: float) -> None:
    sizes = np.repeat([1, 2, 7, 40], DRAWS // 4)
    ranks = GrowingZipfSampler(exponent).draw(SeededStream(5, 0), sizes)
    for size in (2, 7, 40):
        assert abs(deviation(ranks[sizes == size], zipf_pmf(size, exponent))) < 4
    assert not ranks[sizes == 1].any()


@settings(max_examples=60, deadline=None)
@given(
    keys=st.integers(1, 50),
    added=st.lists(st.integers(0, 3), min_size=1, max_size=40),
    seed=st.integers(0, 2**32),
    hot_set=st.floats(0, 1),
    frac=st.floats(1e-3, 1e3),
)
def test_no_key_is_drawn_before_it_is_there(
    keys: int, added: list[int], seed: int, hot_set: float, frac: float
) -> None:
    records = keys + np.cumsum(added)
    for distribution in (
        Uniform(),
        Zipf(keys=keys, exponent=0.7),
        Latest(keys=keys, exponent=0.7),
        Hotspot(hot_set=hot_set, hot_ops=0.5),
        Exponential(keys=keys, percentile=95, frac=frac),
    ):
        ranks = distribution.draw(SeededStream(seed, 0), records)
        assert (ranks >= 0).all()
        assert (ranks < records).all()
    first = OfTheFirst(keys, Uniform()).draw(SeededStream(seed, 0), records)
    assert (first < keys).all()


def test_a_hot_spot_of_everything_is_uniform() -> None:
    ranks = drawn(Hotspot(hot_set=1.0, hot_ops=0.3), 50)
    assert abs(deviation(ranks, np.full(50, 1 / 50))) < 4
