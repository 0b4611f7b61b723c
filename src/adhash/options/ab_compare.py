"""The options of ``adhash ab-compare``."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticKnownError

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

Metric = Literal[
    "ops_per_second", "p50_ns", "p99_ns", "p999_ns", "memory_bytes", "execute_s", "cpu_s"
]
Replays = Annotated[Whole, Field(ge=1, le=1_000)] | None
METRICS: tuple[Metric, ...] = get_args(Metric)
ALL_METRICS = "all"


def _read_metrics(value: object) -> object:
    """Take ``"p50_ns,p99_ns"`` and ``"all"`` for lists: the command line has only text."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        return value
    names = [name.strip() for each in value for name in each.split(",")]
    if len(set(names)) != len(names):
        raise ValueError("give each metric once")
    if names == [ALL_METRICS]:
        return METRICS
    if ALL_METRICS in names:
        raise ValueError(f"{ALL_METRICS} names every metric, so it is given alone")
    return names


def _refuse_unknown(name: object) -> object:
    # The type of the field knows no "all", which stands for all of them.
    if name not in METRICS:
        known = ", ".join(map(repr, METRICS))
        raise PydanticKnownError("literal_error", {"expected": f"{known} or {ALL_METRICS!r}"})
    return name


Metrics = Annotated[
    tuple[Annotated[Metric, BeforeValidator(_refuse_unknown)], ...],
    BeforeValidator(_read_metrics),
    Field(min_length=1),
]


class AbCompareOptions(TraceOptions):
    """Two configurations on one trace, and how sure the verdict shall be.

    These are the options of requests and suites too; see `LocalAbCompareOptions` for what only a
    person at the machine may ask.
    """

    self_test: bool = option(
        "Compare a with itself and with a slowed copy of itself, and tell how often the verdicts "
        "are right on this machine.",
        default=False,
    )
    self_test_pairs: Whole = option(
        "How many pairs of equal sides a self-test runs.", default=200, ge=4, le=10_000
    )
    a: Variant | None = option(
        "The baseline: settings as NAME=VALUE, such as mode=swiss; repeat it."
    )
    b: Variant | None = option("The candidate, likewise.")
    metric: Metrics = option(
        "What decides: ops_per_second, p50_ns, p99_ns, p999_ns, memory_bytes, execute_s, cpu_s or "
        "all; repeat it, and the verdict is corrected for their number.",
        default=("ops_per_second",),
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
    replays: Replays = option(
        "How often a process replays the trace, of which the median counts; by default as often "
        "as fits into half a second, at most 15 times."
    )
    seed: HashSeed = option("The seed of the hash and of the order of runs, or random.")
    fail_if_worse: bool = option("Fail with exit code 3 if the candidate is worse.", default=False)
    json_out: OutputFile | None = option("Write the result as JSON to this file.")
    config: InputFile | None = option("A TOML file of settings that both sides start from.")
    preset: str | None = option("The name of a preset of settings that both sides start from.")

    @field_validator("a", "b")
    @classmethod
    def _sides_are_given(cls, value: Variant | None, info: ValidationInfo) -> Variant | None:
        is_alone = info.data.get("self_test", False)
        if info.field_name == "b" and is_alone and value is not None:
            raise ValueError("a self-test has one side, which is compared with itself")
        if value is None and not is_alone:
            raise ValueError("settings are needed, such as mode=swiss")
        return value

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        # A maximum alone may lie below the default minimum: it then is both.
        given = {"min_pairs", "max_pairs"} <= self.model_fields_set
        if given and self.max_pairs < self.min_pairs:
            raise ValueError(
                f"max_pairs ({self.max_pairs}) must be at least min_pairs ({self.min_pairs})"
            )
        return self


class LocalAbCompareOptions(AbCompareOptions):
    """The same for a person at the machine, who may also name programs to start.

    Kinds of jobs and commands of suites are made from `AbCompareOptions`, which does not have these
    fields: no interpreter can come out of a request or a specification.
    """

    a_python: InputFile | None = option(
        "The Python that runs a: one that has another build of adhash installed."
    )
    b_python: InputFile | None = option("The Python that runs b, likewise.")
