"""The ``metrics.v1`` tick: the model from which its JSON schema and its validator are made.

Every count in a tick is cumulative since the run of its mode began, as Prometheus expects, so that
a reader who missed ticks still knows the totals. Fields may be added to a tick, at every level;
whatever else changes is ``metrics.v2``.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from adhash.metrics.quantiles import Quantiles

SCHEMA = "metrics.v1"
SCHEMA_FILE = "metrics.v1.schema.json"

Operation = Literal["get", "put", "del"]
Series = Literal["overall", "get", "put", "del"]
OPERATIONS: tuple[Operation, ...] = ("get", "put", "del")
SERIES: tuple[Series, ...] = ("overall", "get", "put", "del")

Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Part(BaseModel):
    """What every part of a tick obeys: known fields are strict, additions are kept."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, populate_by_name=True)


class LatencyQuantiles(Quantiles[Amount], _Part):
    """Latencies of one operation type since the run began, in milliseconds; 0 before a sample."""

    samples: Count = Field(default=0, description="Operations timed so far.")

    @model_validator(mode="after")
    def _ascend(self) -> Self:
        if not self.p50 <= self.p90 <= self.p99:
            raise ValueError(
                f"quantiles must ascend: p50={self.p50}, p90={self.p90}, p99={self.p99}"
            )
        return self


class Bucket(_Part):
    """One bucket of a cumulative histogram."""

    le: Amount | Literal["+Inf"] = Field(
        description='Upper bound of the bucket, inclusive, in milliseconds; "+Inf" in the last.'
    )
    count: Count = Field(description="Operations at or below the bound since the run began.")


class Alert(_Part):
    """A watchdog alert that is raised at the time of the tick."""

    name: str = Field(
        description="Which alert: load_factor, avg_probe, max_group_len or tombstone_ratio."
    )
    value: float = Field(description="The signal at this tick.")
    threshold: float = Field(description="The limit that the signal reached.")
    since_t: Amount = Field(description="When the alert was raised, in seconds of the run.")
    message: str = Field(description="The alert in a sentence.")


class Event(_Part):
    """Something that happened since the tick before."""

    t: Amount = Field(description="When, in seconds since the run began.")
    kind: str = Field(description="What happened, such as alert_raised or layout_changed.")
    message: str = Field(description="The event in a sentence.")


class Tick(_Part):
    """The state of a run at one moment."""

    schema_: Literal["metrics.v1"] = Field(
        alias="schema", description='The version of this format: "metrics.v1".'
    )
    t: Amount = Field(description="Seconds since the run of this mode began; never goes back.")
    backend: str = Field(min_length=1, description="The engine that the operations ran on.")
    ops: Count = Field(description="Operations executed so far.")
    ops_by_type: dict[Operation, Count] = Field(
        description="Operations executed so far, for each of get, put and del; they sum to ops."
    )
    migrations: Count = Field(description="Moves from one layout or size to another so far.")
    compactions: Count = Field(description="Compactions so far.")
    load_factor: Amount = Field(description="Entries divided by slots.")
    max_group_len: Count = Field(
        description="The longest probe, bucket or chain among sampled entries."
    )
    avg_probe_estimate: Amount = Field(
        description="Estimated mean number of slots or groups that a look-up visits."
    )
    tombstone_ratio: Amount = Field(description="Deleted but unreclaimed slots divided by slots.")
    probe_hist: list[Count] = Field(
        description="A sample of entries by probe length: the first number counts entries found "
        "at once."
    )
    latency_ms: dict[Series, LatencyQuantiles] = Field(
        description="Latency quantiles so far, overall and for each operation type."
    )
    latency_hist_ms: dict[Series, list[Bucket]] = Field(
        description="Cumulative latency histogram so far, overall and for each operation type."
    )
    memory_bytes: Count = Field(description="Bytes that the map holds, exactly.")
    alerts: list[Alert] = Field(description="Alerts that are raised now.")
    events: list[Event] = Field(description="What happened since the tick before.")

    mode: str | None = Field(default=None, description="The mode as it was asked for.")
    at: str | None = Field(default=None, description="The moment as a date, RFC 3339, UTC.")
    layout: str | None = Field(default=None, description="The layout of the entries now.")
    size: Count | None = Field(default=None, description="Entries in the map.")
    ops_per_second: Amount | None = Field(
        default=None, description="Operations a second since the tick before."
    )
    hits: Count | None = Field(default=None, description="Gets that found their key so far.")
    misses: Count | None = Field(default=None, description="Gets that found no key so far.")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if set(self.ops_by_type) != set(OPERATIONS):
            raise ValueError("ops_by_type must name get, put and del")
        if sum(self.ops_by_type.values()) != self.ops:
            raise ValueError(
                f"ops_by_type sums to {sum(self.ops_by_type.values())}, but ops is {self.ops}"
            )
        for name, buckets in self.latency_hist_ms.items():
            _require_histogram(name, buckets)
        return self

    def to_json(self) -> str:
        """Return the tick as one line of JSON, without the line's end."""
        return self.model_dump_json(by_alias=True, exclude_none=True)


def _require_histogram(name: str, buckets: list[Bucket]) -> None:
    if not buckets or buckets[-1].le != "+Inf":
        raise ValueError(f'latency_hist_ms.{name}: the last bucket must have le "+Inf"')
    bounds = [bucket.le for bucket in buckets[:-1]]
    finite = [bound for bound in bounds if not isinstance(bound, str)]
    if len(finite) != len(bounds):
        raise ValueError(f'latency_hist_ms.{name}: only the last bucket may have le "+Inf"')
    if any(low >= high for low, high in pairwise(finite)):
        raise ValueError(f"latency_hist_ms.{name}: bounds must ascend; got {finite}")
    if any(low.count > high.count for low, high in pairwise(buckets)):
        raise ValueError(f"latency_hist_ms.{name}: counts are cumulative and must not fall")


def generate_schema() -> dict[str, Any]:
    """Return the JSON schema of a tick as the model defines it now."""
    schema = Tick.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = SCHEMA
    return schema


@cache
def json_schema_text() -> str:
    """Return the JSON schema of a tick as the package publishes it, as text."""
    return files("adhash.metrics").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a tick as the package publishes it."""
    schema: dict[str, Any] = json.loads(json_schema_text())
    return schema
