"""From pairs of figures to a verdict: better, worse, same or inconclusive, with its reason.

A difference of less than ``min_effect`` counts as none, so it takes an interval to its full
length, not a point, to say something::

        1/(1+m)    1    1+m           ratio of candidate to baseline
    ------|--------+-----|-------
      [--]                            lower: better or worse, as the metric has it
                [----]                same
            [---------------]         inconclusive: it reaches from "none" into "some"

Better and worse need the rank test to agree as well. This is the two one-sided tests of
equivalence (Schuirmann 1987, Journal of Pharmacokinetics and Biopharmaceutics 15) read both ways.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from adhash.analysis.ab_result import (
    HIGHER_IS_BETTER,
    ComparisonNoise,
    Verdict,
)
from adhash.analysis.paired_statistics import (
    detectable,
    median_interval,
    pairs_needed,
    signed_rank_p_value,
)

# On a noisy machine pairs are disturbed together and less independent than the interval assumes.
NOISY_SHARE = 0.25
_NOISY_LEVEL = 0.1
# The usual one: a difference of the size named is found in four comparisons of five.
_POWER = 0.8
# What the machine does to time it does not do to the size of a table.
_UNTOUCHED_BY_NOISE = frozenset({"memory_bytes"})


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a verdict is judged by.

    `level` is the chance of error that one look may take, `min_effect` the fraction that counts as
    no difference.
    """

    metric: str
    min_effect: float
    level: float


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A verdict on some pairs, and what it rests on.

    `level` is the chance of error it was made at: a tenth of the rule's on a noisy machine.
    """

    verdict: Verdict
    ratio: float
    interval: tuple[float, float]
    p_value: float
    level: float
    smallest_effect: float
    reason: str


def judge(ratios: Sequence[float], rule: Rule, noise: ComparisonNoise) -> Judgement:
    """Return the verdict on some pairs.

    Parameters
    ----------
    ratios : sequence of float
        Candidate over baseline, one a pair, above 0.
    rule : Rule
        What to judge by.
    noise : ComparisonNoise
        How much the machine disturbed the runs.

    Returns
    -------
    Judgement
        The verdict and its reason.
    """
    level = rule.level * (_NOISY_LEVEL if _is_disturbed(rule, noise) else 1.0)
    logs = [math.log(each) for each in ratios]
    low, high = median_interval(logs, level=level)
    p_value = signed_rank_p_value(logs)
    margin = math.log1p(rule.min_effect)
    verdict = _verdict(low, high, margin, rule.metric)
    if len(logs) < pairs_needed(level) or (verdict in ("better", "worse") and p_value > level):
        verdict = "inconclusive"
    smallest = detectable(low, high, level=level, margin=margin, power=_POWER)
    judgement = Judgement(
        verdict=verdict,
        ratio=math.exp(median(logs)),
        interval=(math.exp(low), math.exp(high)),
        p_value=p_value,
        level=level,
        smallest_effect=math.expm1(smallest),
        reason="",
    )
    return _with_reason(judgement, rule, noise, pairs=len(logs))


def _is_disturbed(rule: Rule, noise: ComparisonNoise) -> bool:
    return noise.verdict == "noisy" and rule.metric not in _UNTOUCHED_BY_NOISE


def _verdict(low: float, high: float, margin: float, metric: str) -> Verdict:
    if -margin <= low and high <= margin:
        return "same"
    if low > margin:
        return "better" if metric in HIGHER_IS_BETTER else "worse"
    if high < -margin:
        return "worse" if metric in HIGHER_IS_BETTER else "better"
    return "inconclusive"


# --- in words ----------------------------------------------------------------------------------


def _with_reason(
    judgement: Judgement, rule: Rule, noise: ComparisonNoise, *, pairs: int
) -> Judgement:
    parts = [_finding(judgement, rule, pairs)]
    if judgement.verdict == "inconclusive" and pairs >= pairs_needed(judgement.level):
        parts.append(
            f"{pairs} pairs of this spread show a difference of "
            f"{_percent(judgement.smallest_effect)} or more"
        )
    if noise.verdict == "noisy":
        parts.append(_noise_in_words(noise, asks_more=_is_disturbed(rule, noise)))
    fields = {**judgement.__dict__, "reason": "; ".join(parts)}
    return Judgement(**fields)


def _finding(judgement: Judgement, rule: Rule, pairs: int) -> str:
    low, high = judgement.interval
    zone = f"plus or minus {_percent(rule.min_effect)}"
    facts = (
        f"{rule.metric} of b is {judgement.ratio:.3f} times that of a "
        f"[{low:.3f} to {high:.3f} at {_percent(1 - judgement.level)}]"
    )
    if judgement.verdict == "same":
        return f"{facts}, all within {zone}"
    if judgement.verdict != "inconclusive":
        return f"{facts}, all outside {zone}, and the rank test agrees (p = {_p(judgement)})"
    needed = pairs_needed(judgement.level)
    if pairs < needed:
        return f"{facts}, but at this confidence it takes {needed} pairs or more to decide"
    if high < 1 / (1 + rule.min_effect) or low > 1 + rule.min_effect:
        return f"{facts}, outside {zone}, but the rank test does not agree (p = {_p(judgement)})"
    return f"{facts}, which reaches both inside and outside {zone}"


def _noise_in_words(noise: ComparisonNoise, *, asks_more: bool) -> str:
    told = f"the machine disturbed {noise.noisy_runs} of {noise.runs} runs"
    return f"{told}, so a verdict takes ten times the certainty" if asks_more else told


def _p(judgement: Judgement) -> str:
    return f"{judgement.p_value:.2g}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.4g} %"


# --- noise -------------------------------------------------------------------------------------


def sum_up_noise(reasons: Sequence[str | None], *, examples: int = 3) -> ComparisonNoise:
    """Return how much the machine disturbed some runs.

    Parameters
    ----------
    reasons : sequence of str or None
        Of every run: why it is called noisy, None if it was quiet.
    examples : int
        How many reasons are kept.

    Returns
    -------
    ComparisonNoise
        The verdict and its figures.
    """
    noisy = [reason for reason in reasons if reason is not None]
    return ComparisonNoise(
        verdict="noisy" if len(noisy) > NOISY_SHARE * len(reasons) else "quiet",
        noisy_runs=len(noisy),
        runs=len(reasons),
        reasons=list(dict.fromkeys(noisy))[:examples],
    )
