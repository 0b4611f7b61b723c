"""Ticks to test with."""

from __future__ import annotations

from typing import Any, Protocol

import pytest

from adhash.metrics.ticks import SERIES, Tick


class MakeTick(Protocol):
    """Makes a valid tick, with some fields of the caller's choice."""

    def __call__(self, **changes: Any) -> Tick: ...


def tick_fields() -> dict[str, Any]:
    """Return the fields of a small valid tick, as its JSON has them."""
    quantiles = {"p50": 0.0001, "p90": 0.0002, "p99": 0.5, "samples": 3}
    buckets = [{"le": 0.001, "count": 2}, {"le": 1.0, "count": 3}, {"le": "+Inf", "count": 3}]
    return {
        "schema": "metrics.v1",
        "t": 0.2,
        "backend": "swiss",
        "ops": 6,
        "ops_by_type": {"get": 3, "put": 2, "del": 1},
        "migrations": 1,
        "compactions": 0,
        "load_factor": 0.5,
        "max_group_len": 2,
        "avg_probe_estimate": 1.1,
        "tombstone_ratio": 0.0,
        "probe_hist": [3, 1],
        "latency_ms": dict.fromkeys(SERIES, quantiles),
        "latency_hist_ms": dict.fromkeys(SERIES, buckets),
        "memory_bytes": 4096,
        "alerts": [],
        "events": [],
    }


@pytest.fixture
def fields() -> dict[str, Any]:
    """The fields of a small valid tick, as its JSON has them."""
    return tick_fields()


@pytest.fixture
def make_tick() -> MakeTick:
    """Return a maker of ticks."""

    def make(**changes: Any) -> Tick:
        return Tick.model_validate(tick_fields() | changes)

    return make
