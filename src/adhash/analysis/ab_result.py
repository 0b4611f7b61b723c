"""The result of a comparison: the ``adhash.ab-compare.v1`` model."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from adhash.ab_presenters import ab_compare_notes, ab_compare_table
from adhash.options.ab_compare import Metric
from adhash.presenters import Table
from adhash.results import Result, ResultPart

SCHEMA = "adhash.ab-compare.v1"
Label = Literal["a", "b"]
Verdict = Literal["better", "worse", "same", "inconclusive"]


class Figures(ResultPart):
    """What one run measured: the medians of its replays."""

    ops_per_second: float = Field(description="Operations divided by the wall time of the replay.")
    p50_ns: float = Field(description="Median latency, in ns.")
    p99_ns: float = Field(description="99th percentile of the latency, in ns.")
    p999_ns: float = Field(description="99.9th percentile of the latency, in ns.")
    memory_bytes: float = Field(description="Bytes that the map held at the end.")
    execute_s: float = Field(description="Time spent in operations, without reading, in seconds.")
    cpu_s: float = Field(description="CPU time of the whole replay, of all threads, in seconds.")


HIGHER_IS_BETTER = frozenset({"ops_per_second"})


class Pair(ResultPart):
    """Two runs, one of each side, one right after the other."""

    order: Literal["ab", "ba"] = Field(description="Which side ran first.")
    seed_a: int = Field(description="The seed of the hash of a.")
    seed_b: int = Field(description="The seed of the hash of b: that of a unless a side fixes it.")
    a: Figures = Field(description="What the baseline measured.")
    b: Figures = Field(description="What the candidate measured.")
    ratio: float = Field(description="The leading metric of b divided by that of a.")
    noisy: list[Label] = Field(description="The sides whose run the machine disturbed.")


class MetricComparison(ResultPart):
    """One metric over all pairs. Those that were chosen decide; the others inform."""

    metric: str = Field(description="Its name.")
    higher_is_better: bool = Field(description="Whether more of it is better.")
    a: float = Field(description="The median of the baseline.")
    b: float = Field(description="The median of the candidate.")
    ratio: float | None = Field(
        description="The median of b divided by a, pair by pair; null where a figure is 0."
    )
    interval: tuple[float, float] | None = Field(description="The interval of the ratio.")
    p_value: float | None = Field(description="The rank test of no difference, not corrected.")
    decides: bool = Field(default=False, description="Whether it was chosen to decide.")
    verdict: Verdict | None = Field(default=None, description="What b is by it, if it decides.")
    interval_confidence: float | None = Field(
        default=None, description="The confidence of the interval, if it decides."
    )
    corrected_p_value: float | None = Field(
        default=None,
        description="The rank test corrected for the number of metrics that decide, by Holm.",
    )
    smallest_effect: float | None = Field(
        default=None, description="The smallest difference it would have shown, if it decides."
    )


class Build(ResultPart):
    """An installation of adhash."""

    version: str = Field(description="The version of adhash.")
    python: str = Field(description="The version of Python.")
    location: str = Field(description="The folder that its modules are in.")


class ComparedSide(ResultPart):
    """One configuration as it ran."""

    given: dict[str, str | bool | int | float] = Field(description="The settings that were given.")
    mode: str = Field(description="The mode.")
    engine: str = Field(description="The engine it stands for.")
    settings: dict[str, Any] = Field(
        description="Every setting, by table; those that were not given are defaults of this "
        "build, and a run of another build takes its own."
    )
    python_program: str | None = Field(
        default=None, description="The Python that was named to run it; null: this one."
    )
    build: Build | None = Field(default=None, description="The adhash that ran it.")


class ComparisonNoise(ResultPart):
    """How much the machine disturbed the runs."""

    verdict: Literal["quiet", "noisy"] = Field(
        description="noisy if more than a quarter of the runs were."
    )
    noisy_runs: int = Field(description="How many runs were disturbed.")
    runs: int = Field(description="How many runs counted.")
    reasons: list[str] = Field(description="What disturbed them: a few examples.")


class AbCompareResult(Result):
    """Which of two configurations is better on a trace, and how sure that is."""

    schema_: Literal["adhash.ab-compare.v1"] = Field(
        default="adhash.ab-compare.v1", alias="schema", description="The version of this format."
    )
    verdict: Verdict = Field(description="What b is, compared with a.")
    metric: Metric = Field(
        description="The metric that the verdict rests on; with several that decide, the first "
        "that has it."
    )
    ratio: float = Field(description="The median over the pairs of b divided by a.")
    interval: tuple[float, float] = Field(description="The confidence interval of the ratio.")
    interval_confidence: float = Field(
        description="The confidence of that interval: higher than the one asked for, because the "
        "looks share the chance of error."
    )
    p_value: float = Field(
        description="Wilcoxon's signed-rank test of no difference, two-sided; to be compared with "
        "1 - interval_confidence."
    )
    smallest_effect: float = Field(
        description="The smallest difference, as a fraction, that so many pairs of this spread "
        "would have told from none in four cases of five."
    )
    reason: str = Field(description="The verdict in words.")
    decided_after: int | None = Field(description="Pairs until the verdict; null: inconclusive.")
    ended_by: Literal["verdict", "max_pairs", "budget"] = Field(
        description="Why no further pair ran."
    )
    replays: int = Field(
        default=1, description="How many replays of each process counted, after a first one."
    )
    looks: list[int] = Field(description="After how many pairs the figures were looked at.")
    metrics: list[MetricComparison] = Field(description="Every metric.")
    pairs: list[Pair] = Field(description="Every pair that counted, in order.")
    noise: ComparisonNoise = Field(description="How much the machine disturbed the runs.")
    a: ComparedSide = Field(description="The baseline.")
    b: ComparedSide = Field(description="The candidate.")
    csv: str = Field(description="The trace.")
    trace_sha256: str | None = Field(description="SHA-256 of the trace's file.")
    seed: int = Field(description="The seed of orders and hashes.")
    confidence: float = Field(description="The confidence asked for.")
    min_effect: float = Field(description="The difference that counts as none, as a fraction.")
    core: int | None = Field(description="The core that every run was bound to; null: none.")
    cpu: str = Field(description="The model of the CPU.")
    elapsed_s: float = Field(description="How long it took, in seconds.")

    def _highlights(self) -> dict[str, str]:
        *facts, verdict = ab_compare_notes(self.to_dict())
        low, high = self.interval
        return {
            "verdict": verdict,
            "ratio": f"{self.ratio:.3f}x ({low:.3f} to {high:.3f}) of {self.metric}",
            "trace": self.csv,
            "runs": "; ".join(facts),
        }

    def _tables(self) -> tuple[Table, ...]:
        return (ab_compare_table(self.to_dict()),)

    def _records(self) -> list[dict[str, Any]]:
        """Return a row for every pair."""
        return [pair.model_dump(mode="json", by_alias=True) for pair in self.pairs]
