"""The result of a self-test: the ``adhash.ab-self-test.v1`` model."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from adhash.ab_presenters import self_test_notes, self_test_table
from adhash.analysis.ab_result import ComparedSide, ComparisonNoise
from adhash.options.ab_compare import Metric
from adhash.presenters import Table
from adhash.results import Result, ResultPart

SCHEMA = "adhash.ab-self-test.v1"


class Outcomes(ResultPart):
    """How some comparisons ended."""

    comparisons: int = Field(description="How many there were.")
    better: int = Field(description="How many said better.")
    worse: int = Field(description="How many said worse.")
    same: int = Field(description="How many said same.")
    inconclusive: int = Field(description="How many said inconclusive.")
    median_pairs: float | None = Field(
        description="The median number of pairs that they took; null where there were none."
    )


class SidesTested(ResultPart):
    """What was measured of two sides, and how comparisons made of it ended."""

    sides: Literal["equal", "slowed"] = Field(
        description="equal: a against itself; slowed: a against a slowed copy of itself."
    )
    pairs: int = Field(description="How many pairs were run.")
    ratio: float = Field(description="The median over the pairs of the leading metric's ratio.")
    spread: float = Field(
        description="The standard deviation of the logarithm of a pair's ratio, as a fraction, by "
        "the median deviation, so that few wild pairs do not make it."
    )
    correlation: float = Field(
        description="The correlation of a pair's ratio with that of the pair before."
    )
    ratios: list[float] = Field(description="The ratio of every pair, in order.")
    in_a_row: Outcomes = Field(
        description="Comparisons as they would have run one after the other: each begins with the "
        "pair after the last of the one before. Measured."
    )
    resampled: Outcomes = Field(
        description="Comparisons of pairs drawn from those that were run, in blocks of neighbours, "
        "so that what depends on each other stays together. Computed from what was measured."
    )


class AbSelfTestResult(Result):
    """How often comparisons are right on this machine, with this trace and this configuration."""

    schema_: Literal["adhash.ab-self-test.v1"] = Field(
        default="adhash.ab-self-test.v1", alias="schema", description="The version of this format."
    )
    verdict: Literal["passed", "noisy", "failed"] = Field(
        description="passed: the bars were held; noisy: hardly a verdict was wrong, but too few "
        "comparisons found the slowdown; failed: more verdicts were wrong than may be."
    )
    reason: str = Field(description="The verdict in words.")
    false_positive_rate: float = Field(
        description="The share of resampled comparisons of equal sides that said better or worse."
    )
    miss_rate: float = Field(
        description="The share of resampled comparisons with the slowed side that said same or "
        "better."
    )
    power: float = Field(
        description="The share of resampled comparisons with the slowed side that said worse."
    )
    slowdown: float = Field(description="The fraction of its time that the slowed side spun.")
    smallest_found: float | None = Field(
        description="The smallest slowdown, as a fraction, that nine of ten resampled comparisons "
        "of equal sides would have found, had it been there; null if none up to 1 was."
    )
    equal: SidesTested = Field(description="a against itself.")
    slowed: SidesTested = Field(description="a against a slowed copy of itself.")
    metrics: list[Metric] = Field(description="The metrics that decided.")
    looks: list[int] = Field(description="After how many pairs a comparison looked.")
    block: int = Field(description="How many neighbours were drawn together.")
    ended_by: Literal["pairs", "budget"] = Field(description="Why no further pair ran.")
    replays: int = Field(description="How many replays of each process counted.")
    noise: ComparisonNoise = Field(description="How much the machine disturbed the runs.")
    a: ComparedSide = Field(description="The configuration.")
    csv: str = Field(description="The trace.")
    trace_sha256: str | None = Field(description="SHA-256 of the trace's file.")
    seed: int = Field(description="The seed of orders, hashes and resampling.")
    confidence: float = Field(description="The confidence of a comparison.")
    min_effect: float = Field(description="The difference that counts as none, as a fraction.")
    core: int | None = Field(description="The core that every run was bound to; null: none.")
    cpu: str = Field(description="The model of the CPU.")
    elapsed_s: float = Field(description="How long it took, in seconds.")

    def _highlights(self) -> dict[str, str]:
        *facts, verdict = self_test_notes(self.to_dict())
        return {"verdict": verdict, "trace": self.csv, "runs": "; ".join(facts)}

    def _tables(self) -> tuple[Table, ...]:
        return (self_test_table(self.to_dict()),)

    def _records(self) -> list[dict[str, Any]]:
        """Return a row for every pair."""
        return [
            {"sides": tested.sides, "ratio": ratio}
            for tested in (self.equal, self.slowed)
            for ratio in tested.ratios
        ]
