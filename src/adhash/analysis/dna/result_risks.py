"""The part of a result that is about collisions in each engine."""

from __future__ import annotations

from pydantic import Field

from adhash.results import ResultPart


class EngineCollisions(ResultPart):
    """How the keys lie in the table of one engine, under its own hash."""

    engine: str = Field(description="The engine.")
    layout: str = Field(description="The layout that it ended in.")
    keys: int = Field(description="Entries that were put into it.")
    capacity: int = Field(description="Slots of its table then (of std, buckets).")
    load_factor: float = Field(description="keys divided by capacity.")
    mean_probe: float = Field(
        description="Slots, groups or buckets that a look-up of a present key visits on average."
    )
    longest_probe: int = Field(description="The longest of those that were looked at.")
    probe_shares: list[float] = Field(
        description="The share of entries at each length of a probe, from 1."
    )
    expected_mean_probe: float | None = Field(
        description="mean_probe under a perfectly uniform hash; null where no theory is known."
    )
    expected_probe_shares: list[float] | None = Field(
        description="probe_shares under a perfectly uniform hash; null in the same case."
    )
    excess: float | None = Field(
        description="mean_probe divided by expected_mean_probe: 1 is as good as chance."
    )
    is_as_chance: bool = Field(
        description="Whether excess is no more than 1.05 and what chance makes in so few keys."
    )
    verdict: str = Field(description="The same in words.")


class CollisionRisk(ResultPart):
    """Whether the keys of the trace collide more than chance would have it."""

    is_exact: bool = Field(
        description="Whether the tables hold all entries that the map has at the end; else a part "
        "of them, as many as give the same load factor."
    )
    entries: int = Field(
        description="Entries of the map at the end; of a trace that leaves none, its keys."
    )
    engines: list[EngineCollisions] = Field(description="One an engine of this build.")
    verdict: str = Field(description="All of them in a sentence.")
