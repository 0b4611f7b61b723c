"""The scale of distances and lengths is one in native code and in Python."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from adhash.analysis.dna.scale import BUCKETS, lower_bounds
from adhash.replay.table_types import TableTypes
from adhash.replay.trace_counts import KeyLimits, new_counter


@given(st.integers(1024, 5_000_000))
@settings(deadline=None, max_examples=30)
def test_a_bucket_holds_its_number_and_little_else(length: int) -> None:
    counter = new_counter(
        TableTypes(key="bytes", value="bytes"), KeyLimits(max_keys=10, max_key_bytes=1 << 30)
    )
    key = np.zeros(length, dtype=np.uint8), np.array([0, length])
    nothing = np.zeros(0, dtype=np.uint8), np.array([0, 0])
    counter.feed_columns(np.zeros(1, dtype=np.uint8), key[::-1], nothing[::-1])
    assert counter.advance(1_000_000_000)
    bounds = lower_bounds()
    (at,) = np.flatnonzero(counter.counts()["key_lengths"]["bins"][1024:]).tolist()
    assert 0 <= at < BUCKETS
    assert bounds[at] <= length < bounds[at + 1]
    assert bounds[at + 1] - bounds[at] <= max(1, length // 4)
