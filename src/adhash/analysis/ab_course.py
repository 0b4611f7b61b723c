"""The course of a comparison: pair after pair, until a look decides or there are enough."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from adhash.analysis.ab_plan import SEED_BITS, Comparison
from adhash.analysis.ab_result import (
    METRICS,
    AbCompareResult,
    ComparisonNoise,
    Figures,
    Label,
    Pair,
)
from adhash.analysis.ab_runs import Run, RunSide
from adhash.analysis.ab_verdict import Judgement, compare_metric, judge, sum_up_noise
from adhash.cancellation import CancelToken
from adhash.clock import NS_PER_S, Clock
from adhash.errors import BadInputError, InterruptedRunError, InvariantError
from adhash.progress import WorkCallback, WorkProgress
from adhash.replay import host

# What both sides must have in common, whatever holds the entries.
_ANSWERS = ("hits", "misses", "inserts", "updates", "deletes_found", "final_size")


@dataclass
class _Course:
    """The pairs so far, and the runs they are made of."""

    pairs: list[Pair] = field(default_factory=list)
    noise: list[str | None] = field(default_factory=list)
    judgement: Judgement | None = None
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
    run_side : callable
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
    course = _Course()

    def tell(note: str) -> None:
        if cancel.is_cancelled:
            raise InterruptedRunError(f"interrupted after {len(course.pairs)} pairs")
        progress(
            WorkProgress(
                done=len(course.pairs), total=plan.options.max_pairs, unit="pairs", note=note
            )
        )

    _run_pair(plan, run_side, _orders(chance), chance, _Course(), tell)  # a warm-up, not counted
    orders = _orders(chance)
    while True:
        _run_pair(plan, run_side, orders, chance, course, tell)
        elapsed_s = (clock.monotonic_ns() - began_ns) / NS_PER_S
        ended_by = _end(plan, course, elapsed_s)
        if ended_by is not None:
            break
    return _result(plan, course, ended_by=ended_by, core=core, elapsed_s=elapsed_s)


def _orders(chance: random.Random) -> Iterator[str]:
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
) -> None:
    order = next(orders)
    drawn = chance.getrandbits(SEED_BITS)
    sides = {"a": plan.a, "b": plan.b}
    seeds = {
        label: drawn if side.fixed_seed is None else side.fixed_seed
        for label, side in sides.items()
    }
    runs: dict[str, Run] = {}
    for label in order:
        tell(f"{label} ({sides[label].mode.name})")
        runs[label] = run_side(sides[label], seeds[label])
    _require_like(course, plan, runs)
    figures = {label: Figures.of(run.summary) for label, run in runs.items()}
    noisy: list[Label] = [label for label in ("a", "b") if runs[label].noise is not None]
    course.noise += [run.noise for run in runs.values()]
    course.pairs.append(
        Pair(
            order="ab" if order == "ab" else "ba",
            seed_a=seeds["a"],
            seed_b=seeds["b"],
            a=figures["a"],
            b=figures["b"],
            ratio=_ratio(plan.rule.metric, figures["a"], figures["b"]),
            noisy=noisy,
        )
    )


def _ratio(metric: str, a: Figures, b: Figures) -> float:
    before, after = float(getattr(a, metric)), float(getattr(b, metric))
    if before <= 0 or after <= 0:
        raise BadInputError(
            f"{metric} cannot be compared: it was {before:g} for a and {after:g} for b",
            hint="latencies need replay.latency_sample_every above 0 and a trace with operations",
        )
    return after / before


def _require_like(course: _Course, plan: Comparison, runs: Mapping[str, Run]) -> None:
    """Refuse a trace that changed, and sides that answered differently."""
    a, b = runs["a"].summary, runs["b"].summary
    known = course.trace_sha256 or a.manifest.trace_sha256
    if any(each.manifest.trace_sha256 != known for each in (a, b)):
        raise BadInputError(f"{plan.csv} changed while it was compared", hint="compare a copy")
    course.trace_sha256 = known
    if (a.key_type, a.value_type) != (b.key_type, b.value_type):
        return  # what counts as one key may then differ
    for name in _ANSWERS:
        if getattr(a, name) != getattr(b, name):
            raise InvariantError(
                f"the sides gave different answers: {name} is {getattr(a, name)} in a "
                f"and {getattr(b, name)} in b",
                hint="adhash run-csv --verify says which is wrong; please report it",
            )


def _end(plan: Comparison, course: _Course, elapsed_s: float) -> str | None:
    """Return why no further pair shall run; None to go on. Looks at the figures where it is due."""
    pairs, budget_s = len(course.pairs), plan.options.budget_s
    is_late = budget_s > 0 and elapsed_s >= budget_s
    if pairs in plan.looks or is_late:
        ratios = [pair.ratio for pair in course.pairs]
        course.judgement = judge(ratios, plan.rule, course.noise_so_far())
        if course.judgement.verdict != "inconclusive":
            return "verdict"
    if pairs >= plan.options.max_pairs:
        return "max_pairs"
    return "budget" if is_late else None


def _result(
    plan: Comparison, course: _Course, *, ended_by: str, core: int | None, elapsed_s: float
) -> AbCompareResult:
    judgement = course.judgement
    assert judgement is not None  # noqa: S101 - every end comes with a look
    figures = [(pair.a, pair.b) for pair in course.pairs]
    verdict = judgement.verdict
    return AbCompareResult.model_validate(
        {
            "verdict": verdict,
            "metric": plan.rule.metric,
            "ratio": judgement.ratio,
            "interval": judgement.interval,
            "interval_confidence": 1.0 - judgement.level,
            "p_value": judgement.p_value,
            "smallest_effect": judgement.smallest_effect,
            "reason": judgement.reason,
            "decided_after": None if verdict == "inconclusive" else len(course.pairs),
            "ended_by": ended_by,
            "looks": [
                *(each for each in plan.looks if each < len(course.pairs)),
                len(course.pairs),
            ],
            "metrics": [
                compare_metric(name, figures, level=judgement.level, seed=plan.seed)
                for name in METRICS
            ],
            "pairs": course.pairs,
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
