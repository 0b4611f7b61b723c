"""The verdict over several metrics, corrected for how many they are, and what the others say.

Whoever looks at seven metrics finds one that differs by chance seven times as often. So the metrics
that decide share the level of a look by Holm's steps: all are judged at a share each, those that
decide leave, and the rest share the whole level anew, until no further one decides. That is as safe
as giving each a fixed share (Bonferroni), and decides at least as much.

One that is worse makes the candidate worse, whatever the others are: who lets a metric decide means
to hold it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from adhash.analysis.ab_result import (
    HIGHER_IS_BETTER,
    ComparisonNoise,
    Figures,
    MetricComparison,
    Verdict,
)
from adhash.analysis.ab_verdict import Judgement, Rule, judge
from adhash.analysis.paired_statistics import holm, median_interval, signed_rank_p_value


@dataclass(frozen=True, kw_only=True)
class FamilyRule:
    """What the metrics that decide are judged by together, see `Rule`."""

    metrics: tuple[str, ...]
    min_effect: float

    def one(self, metric: str, level: float) -> Rule:
        """Return the rule of one of the metrics."""
        return Rule(metric=metric, min_effect=self.min_effect, level=level)


@dataclass(frozen=True, kw_only=True)
class FamilyJudgement:
    """The verdict over all metrics that decide.

    `leading` is the metric that it rests on: the first of those with that verdict.
    """

    verdict: Verdict
    leading: str
    reason: str
    judgements: Mapping[str, Judgement]

    @property
    def is_settled(self) -> bool:
        """Whether no further pair could change it: every metric is decided, or one is worse."""
        verdicts = [each.verdict for each in self.judgements.values()]
        return self.verdict == "worse" or "inconclusive" not in verdicts

    @property
    def lead(self) -> Judgement:
        """Return the judgement on the metric that it rests on."""
        return self.judgements[self.leading]


def judge_family(
    ratios: Mapping[str, Sequence[float]],
    rule: FamilyRule,
    noise: ComparisonNoise,
    *,
    level: float,
) -> FamilyJudgement:
    """Return the verdict on some pairs.

    Parameters
    ----------
    ratios : mapping of str to sequence of float
        For every metric of the rule: candidate over baseline, one a pair, above 0.
    rule : FamilyRule
        What to judge by.
    noise : ComparisonNoise
        How much the machine disturbed the runs.
    level : float
        The chance of error that all metrics share at this look.

    Returns
    -------
    FamilyJudgement
        The verdict and its reason.
    """
    judged: dict[str, Judgement] = {}
    left = list(rule.metrics)
    while left:
        share = level / len(left)
        judged |= {name: judge(ratios[name], rule.one(name, share), noise) for name in left}
        open_ones = [name for name in left if judged[name].verdict == "inconclusive"]
        if len(open_ones) == len(left):
            break
        left = open_ones
    verdict = _overall([judged[name].verdict for name in rule.metrics])
    leading = next(name for name in rule.metrics if judged[name].verdict == verdict)
    return FamilyJudgement(
        verdict=verdict,
        leading=leading,
        reason="; ".join([judged[leading].reason, *_others(judged, rule.metrics, leading)]),
        judgements=judged,
    )


def _overall(verdicts: Sequence[Verdict]) -> Verdict:
    order: tuple[Verdict, ...] = ("worse", "better", "inconclusive")
    return next((each for each in order if each in verdicts), "same")


def _others(judged: Mapping[str, Judgement], metrics: Sequence[str], leading: str) -> Sequence[str]:
    """Return what the other metrics that decide say, in words."""
    others = [name for name in metrics if name != leading]
    told = [f"{name} is {judged[name].verdict}" for name in others]
    return [f"corrected for {len(metrics)} metrics: {', '.join(told)}"] if told else []


def compare_metrics(
    pairs: Sequence[tuple[Figures, Figures]], family: FamilyJudgement
) -> list[MetricComparison]:
    """Return what all pairs say of every metric, of those that decide and of the others.

    Parameters
    ----------
    pairs : sequence of tuple of Figures
        Baseline and candidate of every pair.
    family : FamilyJudgement
        The verdict. Metrics that do not decide are told at the level of the leading one.

    Returns
    -------
    list of MetricComparison
        In the order of `Figures`; without ratio where a figure is 0.
    """
    deciding = list(family.judgements)
    corrected = dict(
        zip(deciding, holm([family.judgements[name].p_value for name in deciding]), strict=True)
    )
    return [
        _compared(
            name,
            pairs,
            family.judgements.get(name),
            level=family.lead.level,
            corrected=corrected.get(name),
        )
        for name in Figures.model_fields
    ]


def _compared(
    name: str,
    pairs: Sequence[tuple[Figures, Figures]],
    judgement: Judgement | None,
    *,
    level: float,
    corrected: float | None,
) -> MetricComparison:
    a, b = (
        [float(getattr(figures, name)) for figures in side] for side in zip(*pairs, strict=True)
    )
    known: dict[str, object] = {"ratio": None, "interval": None, "p_value": None}
    if all(each > 0 for each in (*a, *b)):
        logs = [math.log(after / before) for before, after in zip(a, b, strict=True)]
        low, high = median_interval(logs, level=judgement.level if judgement else level)
        known = {
            "ratio": math.exp(median(logs)),
            "interval": (math.exp(low), math.exp(high)),
            "p_value": signed_rank_p_value(logs),
        }
    if judgement is not None:
        known |= {
            "verdict": judgement.verdict,
            "interval_confidence": 1.0 - judgement.level,
            "corrected_p_value": corrected,
            "smallest_effect": judgement.smallest_effect,
        }
    return MetricComparison.model_validate(
        {
            "metric": name,
            "higher_is_better": name in HIGHER_IS_BETTER,
            "decides": judgement is not None,
            "a": median(a),
            "b": median(b),
            **known,
        }
    )
