"""Where not all keys can be followed, figures are estimates whose stated errors hold."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from dna_model import Row, analysed, zipf_rows

from adhash.analysis.dna.figures import figures_of
from adhash.analysis.dna.tally import GROUPS, Tally
from adhash.replay.table_types import TableTypes
from adhash.replay.trace_counts import KeyLimits, new_counter

# A normal estimate is off by more than this many standard errors once in 16,000 times; the errors
# themselves are estimates from 16 groups, which makes the tails a little longer.
_MOST_ERRORS = 4.5


@cache
def _rows(seed: int) -> tuple[Row, ...]:
    return tuple(zipf_rows(60_000, keys=20_000, exponent=0.8, seed=seed))


@cache
def _figures(seed: int, max_keys: int) -> dict[str, Any]:
    analysis = analysed(_rows(seed), block_rows=4_096, max_keys=max_keys, sketch_keys=1_000)
    return figures_of(analysis, count_of_hot_keys=20)


SEEDS = pytest.mark.parametrize("seed", [1, 2, 3])


@SEEDS
def test_estimates_are_within_their_errors(seed: int) -> None:
    exact, sampled = _figures(seed, 1_000_000), _figures(seed, 2_000)
    checked = 0
    for part in ("outcomes", "churn", "negative_lookups", "keys", "integer_keys"):
        assert exact[part].is_exact
        assert exact[part].standard_errors == {}
        assert not sampled[part].is_exact
        for name, error in sampled[part].standard_errors.items():
            truth, estimate = getattr(exact[part], name), getattr(sampled[part], name)
            assert abs(estimate - truth) <= _MOST_ERRORS * error + 1e-9, name
            checked += error > 0
    assert checked > 15


@SEEDS
def test_the_exponent_and_shares_are_within_their_errors(seed: int) -> None:
    exact, sampled = _figures(seed, 1_000_000)["skew"], _figures(seed, 2_000)["skew"]
    errors = sampled.standard_errors
    assert sampled.log_log is None
    difference = abs(sampled.zipf.exponent - exact.zipf.exponent)
    assert difference <= _MOST_ERRORS * errors["zipf"] < 0.5
    for name in ("top_1pct_share", "top_10pct_share", "keys_for_90pct", "top_key_share"):
        assert abs(getattr(sampled, name) - getattr(exact, name)) <= _MOST_ERRORS * errors[name]


@SEEDS
def test_miss_ratios_and_windows_are_within_their_errors(seed: int) -> None:
    exact, sampled = _figures(seed, 1_000_000), _figures(seed, 2_000)
    truth = {point.entries: point.of_rows for point in exact["miss_ratio_curve"].points}
    # Distances of a sample come in steps of its weight; sizes of a few steps tell nothing.
    coarse = 64 / sampled["sampling"].key_share
    compared = [
        p for p in sampled["miss_ratio_curve"].points if coarse < p.entries and p.entries in truth
    ]
    assert len(compared) > 5
    for point in compared:
        # 0.01 for the distances themselves, which are estimates as well.
        most = _MOST_ERRORS * point.standard_error + 0.01
        assert abs(point.of_rows - truth[point.entries]) <= most
    windows = zip(exact["working_set"].windows, sampled["working_set"].windows, strict=True)
    for true, estimate in windows:
        assert true.get == estimate.get
        assert abs(true.distinct - estimate.distinct) <= 6 * estimate.standard_error + 1e-9


def test_a_sample_says_what_it_is() -> None:
    sampling = _figures(1, 2_000)["sampling"]
    assert not sampling.is_exact
    assert sampling.tracked_keys <= 2_000 < 2.5 * sampling.tracked_keys / sampling.key_share
    assert 0 < sampling.exact_rows < 60_000
    assert math.log2(1 / sampling.key_share).is_integer()
    assert _figures(1, 1_000_000)["sampling"].model_dump() == {
        "is_exact": True, "key_share": 1.0, "tracked_keys": _figures(1, 1_000_000)["keys"].unique,
        "exact_rows": 60_000,
    }  # fmt: skip


def test_hot_keys_of_a_sketch_are_within_its_bound() -> None:
    exact = {key.key: key.count for key in _figures(1, 1_000_000)["hot_keys"].keys}
    sampled = _figures(1, 2_000)["hot_keys"]
    assert (sampled.is_exact, sampled.method) == (False, "misra-gries")
    found = {key.key: key for key in sampled.keys}
    for key, count in list(exact.items())[:10]:
        assert found[key].count <= count <= found[key].count + found[key].count_error


def test_the_curve_of_a_sample_states_its_error() -> None:
    exact = _figures(1, 1_000_000)["miss_ratio_curve"]
    sampled = _figures(1, 2_000)["miss_ratio_curve"]
    assert (exact.method, exact.mean_standard_error, exact.max_standard_error) == ("counted", 0, 0)
    assert sampled.method == "shards"
    assert 0 < sampled.mean_standard_error <= sampled.max_standard_error < 0.1


def test_memory_does_not_grow_with_the_keys_of_a_trace() -> None:
    chance = np.random.default_rng(6)
    bytes_after = []
    for rows in (50_000, 1_000_000):
        counter = new_counter(
            TableTypes(key="int64", value="int64"),
            KeyLimits(max_keys=1_000, max_key_bytes=1 << 30, sketch_keys=1_000),
        )
        keys = chance.integers(0, 2**62, rows)
        counter.feed_columns(np.ones(rows, np.uint8), keys, keys)
        assert counter.advance(60_000_000_000)
        bytes_after.append(counter.memory_bytes())
    assert bytes_after[1] <= 2 * bytes_after[0] < 1_000_000


def test_a_tally_of_a_sample_knows_its_error() -> None:
    chance = np.random.default_rng(5)
    misses = 0
    for _ in range(100):
        # 4,000 keys of a row each, half of them drawn; the true total is 4,000.
        drawn = chance.random(4_000) < 0.5
        groups = chance.integers(0, GROUPS, 4_000)[drawn]
        of_groups = 2 * np.bincount(groups, minlength=GROUPS)
        tally = Tally(counts=np.concatenate([[0], of_groups])[:, np.newaxis], weight=2)
        error = float(tally.error_of(lambda totals: totals[0]))
        misses += abs(int(tally.totals()[0]) - 4_000) > 2 * error
    assert misses <= 15  # 5 are expected of a normal distribution, some more of an estimated error
