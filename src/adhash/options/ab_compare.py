"""The options of ``adhash ab-compare``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from adhash.config_values import HashSeed, Real, Whole
from adhash.options.base import InputFile, OutputFile, option
from adhash.options.traces import TraceOptions


def _read_pairs(value: object) -> object:
    """Take ``["mode=swiss", "replay.rate=5"]`` for a table: the command line has only text."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list | tuple):
        return value
    pairs = [str(each).partition("=") for each in value]
    if any(not name or not sign for name, sign, _ in pairs):
        raise ValueError("settings are written NAME=VALUE")
    settings = {name.strip(): text.strip() for name, _, text in pairs}
    if len(settings) != len(pairs):
        raise ValueError("give each setting once")
    return settings


# Dotted names of settings, and "mode" for "replay.mode".
Variant = Annotated[
    dict[str, str | bool | int | float],
    BeforeValidator(_read_pairs),
    Field(min_length=1, max_length=64),
]


class AbCompareOptions(TraceOptions):
    """Two configurations on one trace, and how sure the verdict shall be."""

    a: Variant = option(
        "The baseline: settings as NAME=VALUE, such as mode=swiss; repeat it.", default=...
    )
    b: Variant = option("The candidate, likewise.", default=...)
    metric: Literal["ops_per_second", "p50_ns", "p99_ns", "p999_ns", "memory_bytes"] = option(
        "What is compared: ops_per_second, p50_ns, p99_ns, p999_ns or memory_bytes.",
        default="ops_per_second",
    )
    min_pairs: Whole = option("How many pairs run at least.", default=5, ge=3, le=10_000)
    max_pairs: Whole = option("How many pairs run at most.", default=20, ge=3, le=10_000)
    budget_s: Real = option(
        "Begin no further pair after this long; 0 for no limit.", default=0.0, ge=0, le=86_400
    )
    confidence: Real = option(
        "How sure an interval or a verdict shall be.", default=0.95, gt=0.5, lt=1
    )
    min_effect: Real = option(
        "A difference smaller than this fraction counts as none.", default=0.02, ge=0, le=1
    )
    seed: HashSeed = option("The seed of the hash and of the order of runs, or random.")
    fail_if_worse: bool = option("Fail with exit code 3 if the candidate is worse.", default=False)
    json_out: OutputFile | None = option("Write the result as JSON to this file.")
    config: InputFile | None = option("A TOML file of settings that both sides start from.")
    preset: str | None = option("The name of a preset of settings that both sides start from.")

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        # A maximum alone may lie below the default minimum: it then is both.
        given = {"min_pairs", "max_pairs"} <= self.model_fields_set
        if given and self.max_pairs < self.min_pairs:
            raise ValueError(
                f"max_pairs ({self.max_pairs}) must be at least min_pairs ({self.min_pairs})"
            )
        return self
