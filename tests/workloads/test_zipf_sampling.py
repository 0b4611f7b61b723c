"""Zipf samples follow the exact probabilities, whatever the exponent and the method."""

from __future__ import annotations

import numpy as np
import pytest
from goodness import deviation

from adhash.workloads.seeded import SeededStream
from adhash.workloads.zipf import ZipfSampler, zipf_pmf

DRAWS = 400_000
EXPONENTS = [0.0, 0.5, 0.99, 1.0, 1.0 + 1e-10, 1.2, 2.0, 3.5]


@pytest.mark.parametrize("keys", [2, 10, 1000, 50_000])
@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize("method", ["table", "rejection"])
def test_samples_have_the_exact_probabilities(method: str, exponent: float, keys: int) -> None:
    sampler = ZipfSampler(keys=keys, exponent=exponent, method=method)  # type: ignore[arg-type]
    ranks = sampler.draw(SeededStream(7, 0), DRAWS)
    assert ranks.min() >= 0
    assert ranks.max() < keys
    assert abs(deviation(ranks, zipf_pmf(keys, exponent))) < 4


def test_the_measure_of_deviation_sees_a_slightly_wrong_exponent() -> None:
    ranks = ZipfSampler(keys=1000, exponent=1.02).draw(SeededStream(7, 0), DRAWS)
    assert deviation(ranks, zipf_pmf(1000, 1.0)) > 10


def test_the_pmf_is_proportional_to_the_power_of_the_rank() -> None:
    np.testing.assert_allclose(zipf_pmf(4, 1.0), np.array([12, 6, 4, 3]) / 25)
    np.testing.assert_allclose(zipf_pmf(3, 0.0), np.full(3, 1 / 3))
    np.testing.assert_allclose(zipf_pmf(2, 2.0), [0.8, 0.2])


def test_one_key_is_always_drawn() -> None:
    for method in ("table", "rejection"):
        sampler = ZipfSampler(keys=1, exponent=1.0, method=method)  # type: ignore[arg-type]
        assert not sampler.draw(SeededStream(1, 0), 1000).any()


@pytest.mark.parametrize("exponent", [0.0, 0.6, 1.0, 1.5])
def test_huge_key_spaces_keep_their_bounds_and_halves(exponent: float) -> None:
    keys = 1 << 48
    ranks = ZipfSampler(keys=keys, exponent=exponent).draw(SeededStream(3, 0), DRAWS)
    assert ranks.min() >= 0
    assert ranks.max() < keys
    # H gives the share of the ranks below a million to many digits.
    x = np.array([1e6 + 0.5, keys + 0.5])
    area = np.log(x) if exponent == 1 else (x ** (1 - exponent) - 1) / (1 - exponent)
    first = (np.arange(1, 1001, dtype=float) ** -exponent).sum()
    head = np.log(1000.5) if exponent == 1 else (1000.5 ** (1 - exponent) - 1) / (1 - exponent)
    share = (first + area[0] - head) / (first + area[1] - head)
    sigma = (share * (1 - share) / DRAWS) ** 0.5
    assert abs((ranks < 1_000_000).mean() - share) < 4 * sigma + 1e-9


def test_more_than_nine_in_ten_draws_are_accepted() -> None:
    for exponent in (0.01, 0.5, 0.99, 1.0, 1.5, 3.0):
        sampler = ZipfSampler(keys=1 << 30, exponent=exponent)
        proposed = sampler._propose(SeededStream(1, 0), 100_000)
        assert (proposed >= 0).mean() > 0.9


def test_the_same_seed_gives_the_same_ranks() -> None:
    sampler = ZipfSampler(keys=1 << 20, exponent=0.8)
    first = sampler.draw(SeededStream(5, 0), 1000)
    assert (sampler.draw(SeededStream(5, 0), 1000) == first).all()
    assert (sampler.draw(SeededStream(6, 0), 1000) != first).any()


def test_raw_random_numbers_are_the_known_ones() -> None:
    """Pins the bytes of generated traces: a change here changes every trace of every seed."""
    assert SeededStream(1, 0).words(2).tolist() == KNOWN_WORDS


KNOWN_WORDS = [9441442522235856127, 17532960557476522086]
