"""The exponent that is fitted is the one that a trace was drawn with."""

from __future__ import annotations

import numpy as np
import pytest

from adhash.analysis.dna.zipf_fit import fit_log_log, fit_zipf


def drawn(keys: int, rows: int, exponent: float, *, seed: int) -> np.ndarray:
    weights = np.arange(1, keys + 1, dtype=float) ** -exponent
    counts = np.random.default_rng(seed).multinomial(rows, weights / weights.sum())
    return np.sort(counts[counts > 0])[::-1]


@pytest.mark.parametrize("exponent", [0.4, 0.6, 0.8, 0.99, 1.2, 1.5])
@pytest.mark.parametrize(("keys", "rows"), [(1_000, 300_000), (100_000, 1_000_000)])
def test_the_exponent_is_found_within_two_hundredths(keys: int, rows: int, exponent: float) -> None:
    fit = fit_zipf(drawn(keys, rows, exponent, seed=11))
    assert fit is not None
    assert fit.exponent == pytest.approx(exponent, abs=0.02)
    assert fit.ks_distance < 0.02
    assert fit.ranks >= 50


def test_uniform_keys_have_an_exponent_near_zero() -> None:
    fit = fit_zipf(drawn(1_000, 1_000_000, 0.0, seed=12))
    assert fit is not None
    # Not zero: ranks are given by count, and counts of 1,000 differ by 32 by chance.
    assert fit.exponent == pytest.approx(0.03, abs=0.02)


def test_keys_of_another_form_fit_badly() -> None:
    counts = np.array([1000] * 500 + [31] * 500)
    fit = fit_zipf(counts)
    assert fit is not None
    assert fit.ks_distance > 0.1


def test_exact_powers_lie_on_a_line() -> None:
    counts = np.round(1e12 * np.arange(1, 5001, dtype=float) ** -1.3).astype(np.int64)
    line = fit_log_log(counts)
    assert line is not None
    assert line.exponent == pytest.approx(1.3, abs=1e-4)
    assert line.r_squared == pytest.approx(1.0)


def test_a_single_key_has_no_exponent() -> None:
    assert fit_zipf(np.array([7])) is None
    assert fit_log_log(np.array([7])) is None


def test_equal_counts_are_a_flat_line() -> None:
    line = fit_log_log(np.array([1, 1, 1, 1]))
    fit = fit_zipf(np.array([1, 1, 1, 1]))
    assert line is not None
    assert fit is not None
    assert (line.exponent, line.r_squared) == (0.0, 1.0)
    assert fit.exponent == pytest.approx(0.0, abs=1e-6)
