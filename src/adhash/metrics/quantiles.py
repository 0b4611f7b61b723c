"""The latency quantiles that ticks and summaries name alike, each in a unit of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

from pydantic import BaseModel, Field

_Latency = TypeVar("_Latency")

#: Which part of the operations took at most as long as the quantile of a name.
FRACTIONS: Mapping[str, float] = {
    "p50": 0.5,
    "p90": 0.9,
    "p99": 0.99,
    "p999": 0.999,
    "p9999": 0.9999,
}


class Quantiles(BaseModel, Generic[_Latency]):
    """What every report of latencies has; a model that is made of it adds the unit, and more."""

    p50: _Latency = Field(description="Median latency.")
    p90: _Latency = Field(description="90th percentile; at least p50.")
    p99: _Latency = Field(description="99th percentile; at least p90.")


def fractions_of(model: type[BaseModel]) -> dict[str, float]:
    """Return the names of the quantiles that a model has, each with its fraction, ascending."""
    return {name: part for name, part in FRACTIONS.items() if name in model.model_fields}
