"""The course of a comparison: pair after pair, until a look decides or there are enough."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from adhash.analysis.ab_family import FamilyJudgement, compare_metrics, judge_family
from adhash.analysis.ab_observation import ANSWERS, Observation
from adhash.analysis.ab_plan import SEED_BITS, Comparison
from adhash.analysis.ab_result import (
    AbCompareResult,
    ComparisonNoise,
    Figures,
    Label,
    Pair,
)
from adhash.analysis.ab_runs import RunSide
from adhash.analysis.ab_verdict import sum_up_noise
from adhash.cancellation import CancelToken
from adhash.clock import NS_PER_S, Clock
from adhash.errors import BadInputError, InterruptedRunError, InvariantError
from adhash.progress import WorkCallback, WorkProgress
from adhash.replay import host

# So long a process shall measure: twice as long as it takes to start one.
_MEASURED_S = 0.5
_MOST_REPLAYS = 15


@dataclass
class _Course:
    """The pairs so far, and the runs they are made of."""

    replays: int
    figures: list[tuple[Figures, Figures]] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    noise: list[str | None] = field(default_factory=list)
    judgement: FamilyJudgement | None = None
    trace_sha256: str | None = None

    def noise_so_far(self) -> ComparisonNoise:
        return sum_up_noise(self.noise)


def compare(
    plan: Comparison,
    run_side: RunSide,
    *,
    core: int | None,
    clock: Clock,
    cancel: CancelToken,
    progress: WorkCallback,
) -> AbCompareResult:
    """Run pairs until they decide, or there are enough of them.

    Parameters
    ----------
    plan : Comparison
        From `plan_comparison`.
    run_side : RunSide
        Runs a side with a seed of the hash.
    core : int or None
        The core that runs are bound to, for the result.
    clock : Clock
        For the budget.
    cancel : CancelToken
        Looked at between runs.
    progress : callable
        Told before every run.

    Returns
    -------
    AbCompareResult
        The verdict.

    Raises
    ------
    AdhashError
        As `adhash.analysis.ab_compare.run_ab_compare`.
    """
    began_ns = clock.monotonic_ns()
    chance = random.Random(plan.seed)  # noqa: S311 - repeatable, and no secret
    course = _Course(replays=1)

    def tell(note: str) -> None:
        if cancel.is_cancelled:
            raise InterruptedRunError(f"interrupted after {len(course.pairs)} pairs")
        progress(
            WorkProgress(
                done=len(course.pairs), total=plan.options.max_pairs, unit="pairs", note=note
            )
        )

    # A warm-up, not counted: it fills the cache of files, and tells how long a replay takes.
    warm_up = _run_pair(plan, run_side, orders_at_random(chance), chance, _Course(replays=1), tell)
    course.replays = plan.options.replays or replays_for(list(warm_up.values()))
    orders = orders_at_random(chance)
    while True:
        _run_pair(plan, run_side, orders, chance, course, tell)
        elapsed_s = (clock.monotonic_ns() - began_ns) / NS_PER_S
        ended_by = _end(plan, course, elapsed_s)
        if ended_by is not None:
            break
    return _result(plan, course, ended_by=ended_by, core=core, elapsed_s=elapsed_s)


def replays_for(warm_up: Sequence[Observation]) -> int:
    """Return how many replays a process measures, going by runs of one replay each.

    By CPU time: a neighbour that makes a replay take longer shall not make there be fewer.
    """
    longest_s = max(each.figures.cpu_s for each in warm_up)
    return max(1, min(_MOST_REPLAYS, round(_MEASURED_S / max(longest_s, 1e-6))))


def orders_at_random(chance: random.Random) -> Iterator[str]:
    """Yield orders at random, two pairs balancing each other: neither side is first more often."""
    while True:
        yield from chance.sample(["ab", "ba"], 2)


def _run_pair(
    plan: Comparison,
    run_side: RunSide,
    orders: Iterator[str],
    chance: random.Random,
    course: _Course,
    tell: Callable[[str], None],
) -> dict[str, Observation]:
    order = next(orders)
    drawn = chance.getrandbits(SEED_BITS)
    sides = {"a": plan.a, "b": plan.b}
    seeds = {
        label: drawn if side.fixed_seed is None else side.fixed_seed
        for label, side in sides.items()
    }
    runs: dict[str, Observation] = {}
    for label in order:
        tell(f"{label} ({sides[label].mode.name})")
        # The first of several replays warms the process up and does not count.
        replays = course.replays + 1 if course.replays > 1 else 1
        runs[label] = run_side(sides[label], seeds[label], replays=replays)
    _require_like(course, plan, runs)
    a, b = runs["a"].figures, runs["b"].figures
    noisy: list[Label] = [label for label in ("a", "b") if runs[label].noise is not None]
    course.noise += [run.noise for run in runs.values()]
    course.figures.append((a, b))
    ratios = [ratio_of(metric, a, b) for metric in plan.rule.metrics]
    course.pairs.append(
        Pair(
            order="ab" if order == "ab" else "ba",
            seed_a=seeds["a"],
            seed_b=seeds["b"],
            a=a,
            b=b,
            ratio=ratios[0],
            noisy=noisy,
        )
    )
    return runs


def ratio_of(metric: str, a: Figures, b: Figures) -> float:
    """Return what a metric of b is, divided by that of a.

    Parameters
    ----------
    metric : str
        A field of `Figures`.
    a : Figures
        The baseline.
    b : Figures
        The candidate.

    Returns
    -------
    float
        Above 0.

    Raises
    ------
    BadInputError
        If one of them is not above 0.
    """
    before, after = float(getattr(a, metric)), float(getattr(b, metric))
    if before <= 0 or after <= 0:
        raise BadInputError(
            f"{metric} cannot be compared: it was {before:g} for a and {after:g} for b",
            hint="latencies need replay.latency_sample_every above 0 and a trace with operations",
        )
    return after / before


def _require_like(course: _Course, plan: Comparison, runs: Mapping[str, Observation]) -> None:
    """Refuse a trace that changed, and sides that answered differently."""
    a, b = runs["a"], runs["b"]
    known = course.trace_sha256 or a.trace_sha256
    if any(each.trace_sha256 != known for each in (a, b)):
        raise BadInputError(f"{plan.csv} changed while it was compared", hint="compare a copy")
    course.trace_sha256 = known
    if a.types != b.types:
        return  # what counts as one key may then differ
    for name in ANSWERS:
        if a.answers[name] != b.answers[name]:
            raise InvariantError(
                f"the sides gave different answers: {name} is {a.answers[name]} in a "
                f"and {b.answers[name]} in b",
                hint="adhash run-csv --verify says which is wrong; please report it",
            )


def _end(plan: Comparison, course: _Course, elapsed_s: float) -> str | None:
    """Return why no further pair shall run; None to go on. Looks at the figures where it is due."""
    pairs, budget_s = len(course.pairs), plan.options.budget_s
    is_late = budget_s > 0 and elapsed_s >= budget_s
    # A late look takes the place of all that were to come, and with them of the last one's share.
    due = {look.pairs: look.level for look in plan.looks}
    if pairs in due or is_late:
        ratios = {
            metric: [ratio_of(metric, a, b) for a, b in course.figures]
            for metric in plan.rule.metrics
        }
        course.judgement = judge_family(
            ratios,
            plan.rule,
            course.noise_so_far(),
            level=due.get(pairs, plan.looks[-1].level),
        )
        if course.judgement.is_settled:
            return "verdict"
    if pairs >= plan.options.max_pairs:
        return "max_pairs"
    return "budget" if is_late else None


def _result(
    plan: Comparison, course: _Course, *, ended_by: str, core: int | None, elapsed_s: float
) -> AbCompareResult:
    family = course.judgement
    assert family is not None  # noqa: S101 - every end comes with a look
    lead, verdict, count = family.lead, family.verdict, len(course.pairs)
    return AbCompareResult.model_validate(
        {
            "verdict": verdict,
            "metric": family.leading,
            "ratio": lead.ratio,
            "interval": lead.interval,
            "interval_confidence": 1.0 - lead.level,
            "p_value": lead.p_value,
            "smallest_effect": lead.smallest_effect,
            "reason": family.reason,
            "decided_after": None if verdict == "inconclusive" else count,
            "ended_by": ended_by,
            "replays": course.replays,
            "looks": [*(look.pairs for look in plan.looks if look.pairs < count), count],
            "metrics": compare_metrics(course.figures, family),
            "pairs": [_with_ratio_of(family.leading, pair) for pair in course.pairs],
            "noise": course.noise_so_far(),
            "a": plan.a.described(),
            "b": plan.b.described(),
            "csv": plan.csv,
            "trace_sha256": course.trace_sha256,
            "seed": plan.seed,
            "confidence": plan.options.confidence,
            "min_effect": plan.options.min_effect,
            "core": core,
            "cpu": host.cpu_model(),
            "elapsed_s": elapsed_s,
        }
    )


def _with_ratio_of(metric: str, pair: Pair) -> Pair:
    return pair.model_copy(update={"ratio": ratio_of(metric, pair.a, pair.b)})
