"""Histograms in the form that ticks carry."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhash.errors import ConfigError
from adhash.metrics.histograms import cumulative_buckets, in_nanoseconds


def test_bounds_become_whole_nanoseconds() -> None:
    assert in_nanoseconds([0.0001, 0.25, 1000]) == [100, 250_000, 1_000_000_000]


@pytest.mark.parametrize("bounds", [[1e-9], [0.5, 0.5], [0.1, 0.1000001]])
def test_bounds_within_one_nanosecond_are_refused(bounds: list[float]) -> None:
    with pytest.raises(ConfigError, match="1 ns"):
        in_nanoseconds(bounds)


def test_buckets_hold_running_totals_and_end_with_infinity() -> None:
    buckets = cumulative_buckets([0.5, 1.0], [3, 0, 2])
    assert [(bucket.le, bucket.count) for bucket in buckets] == [(0.5, 3), (1.0, 3), ("+Inf", 5)]


def test_counts_must_be_one_more_than_bounds() -> None:
    with pytest.raises(ValueError, match="zip"):
        cumulative_buckets([0.5, 1.0], [1, 2])


@given(st.lists(st.integers(min_value=0, max_value=2**62), min_size=1, max_size=30))
def test_last_bucket_counts_everything(counts: list[int]) -> None:
    bounds = [float(bound) for bound in range(1, len(counts))]
    buckets = cumulative_buckets(bounds, counts)
    assert buckets[-1].count == sum(counts)
    assert all(low.count <= high.count for low, high in pairwise(buckets))
