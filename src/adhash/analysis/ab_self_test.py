"""Whether comparisons can be believed on this machine: ``adhash ab-compare --self-test``.

A configuration is compared with itself, and with a copy of itself that spins for a twentieth of its
time. What the verdicts should be is known, so how often they are right can be counted. See
`adhash.analysis.ab_repetition` for how a few minutes of pairs give more than a few verdicts.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from adhash.analysis.ab_course import orders_at_random, ratio_of, replays_for
from adhash.analysis.ab_observation import Observation
from adhash.analysis.ab_plan import SEED_BITS, Comparison
from adhash.analysis.ab_repetition import BLOCK, PairRatios, Procedure, describe_sides
from adhash.analysis.ab_repetition import smallest_found as smallest_slowdown_found
from adhash.analysis.ab_runs import RunSide
from adhash.analysis.ab_self_test_result import AbSelfTestResult, SidesTested
from adhash.analysis.ab_verdict import sum_up_noise
from adhash.cancellation import CancelToken
from adhash.clock import NS_PER_S, Clock
from adhash.errors import BadInputError, InterruptedRunError
from adhash.progress import WorkCallback, WorkProgress
from adhash.replay import host

SLOWDOWN = 0.05
MAX_FALSE_POSITIVES = 0.01
MIN_POWER = 0.9
# A slowed run with every second pair: of fewer, the share that is found is known too badly.
_SLOWED_EVERY = 2
_RESAMPLED = 2_000
_RESAMPLED_A_STEP = 300
# What a slowed replay takes longer. Operations themselves are not slowed, nor are tables larger.
_SLOWED_METRICS = frozenset({"ops_per_second", "cpu_s"})


@dataclass
class _Runs:
    """What was run so far."""

    equal: list[PairRatios] = field(default_factory=list)
    slowed: list[PairRatios] = field(default_factory=list)
    noise: list[str | None] = field(default_factory=list)
    trace_sha256: str | None = None


def self_test(
    plan: Comparison,
    run_side: RunSide,
    *,
    core: int | None,
    clock: Clock,
    cancel: CancelToken,
    progress: WorkCallback,
) -> AbSelfTestResult:
    """Compare a configuration with itself and with a slowed copy, and count right verdicts.

    Parameters
    ----------
    plan : Comparison
        From `plan_comparison`; its baseline is tested.
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
    AbSelfTestResult
        How often the verdicts were right.

    Raises
    ------
    BadInputError
        If a metric is none that a slowdown changes.
    AdhashError
        As `adhash.analysis.ab_compare.run_ab_compare`.
    """
    _require_slowed_metrics(plan.rule.metrics)
    began_ns = clock.monotonic_ns()
    total, runs = plan.options.self_test_pairs, _Runs()

    def tell(note: str) -> None:
        if cancel.is_cancelled:
            raise InterruptedRunError(f"interrupted after {len(runs.equal)} pairs")
        progress(WorkProgress(done=len(runs.equal), total=total, unit="pairs", note=note))

    def elapsed_s() -> float:
        return (clock.monotonic_ns() - began_ns) / NS_PER_S

    replays = _replays(plan, run_side, tell)
    chance = random.Random(plan.seed)  # noqa: S311 - repeatable, and no secret
    # Whether the slowed run comes first is balanced as the order of a pair is.
    slowed_orders = orders_at_random(chance)
    while len(runs.equal) < total and not _is_spent(plan, elapsed_s()):
        is_slowed_due = len(runs.equal) % _SLOWED_EVERY == 0
        order = next(slowed_orders) if is_slowed_due else ""
        _run_group(plan, run_side, runs, replays, chance, order, tell)
    tell("counting")
    return _result(plan, runs, replays=replays, core=core, elapsed_s=elapsed_s)


def _require_slowed_metrics(metrics: Sequence[str]) -> None:
    wrong = [metric for metric in metrics if metric not in _SLOWED_METRICS]
    if wrong:
        raise BadInputError(
            f"a self-test cannot decide by {wrong[0]}: nothing slows it on purpose",
            hint=f"choose among {', '.join(sorted(_SLOWED_METRICS))}",
        )


def _replays(plan: Comparison, run_side: RunSide, tell: Callable[[str], None]) -> int:
    """Return how many replays of a process count, after a warm-up."""
    tell("warm-up")
    warm_up = run_side(plan.a, plan.seed, replays=1)
    return plan.options.replays or replays_for([warm_up])


def _is_spent(plan: Comparison, elapsed_s: float) -> bool:
    return plan.options.budget_s > 0 and elapsed_s >= plan.options.budget_s


def _run_group(
    plan: Comparison,
    run_side: RunSide,
    runs: _Runs,
    replays: int,
    chance: random.Random,
    slowed_order: str,
    tell: Callable[[str], None],
) -> None:
    """Run a pair of equal sides, and a slowed run before its first or after its last.

    The slowed run makes a pair with the one next to it.
    """
    seed = chance.getrandbits(SEED_BITS)

    def run(note: str, slowdown: float) -> Observation:
        tell(note)
        asked = replays + 1 if replays > 1 else 1
        observed = run_side(plan.a, seed, replays=asked, slowdown=slowdown)
        _require_same_trace(plan, runs, observed)
        runs.noise.append(observed.noise)
        return observed

    before = run("slowed", SLOWDOWN) if slowed_order == "ba" else None
    first, second = run("equal", 0.0), run("equal", 0.0)
    after = run("slowed", SLOWDOWN) if slowed_order == "ab" else None
    # Which of the two is called a is drawn, as the order of a pair is.
    a, b = (first, second) if chance.random() < 0.5 else (second, first)
    runs.equal.append(_pair(plan, a, b))
    if before is not None:
        runs.slowed.append(_pair(plan, first, before))
    if after is not None:
        runs.slowed.append(_pair(plan, second, after))


def _pair(plan: Comparison, a: Observation, b: Observation) -> PairRatios:
    ratios = {name: ratio_of(name, a.figures, b.figures) for name in plan.rule.metrics}
    return PairRatios(ratios=ratios, noise=(a.noise, b.noise))


def _require_same_trace(plan: Comparison, runs: _Runs, observed: Observation) -> None:
    runs.trace_sha256 = runs.trace_sha256 or observed.trace_sha256
    if observed.trace_sha256 != runs.trace_sha256:
        raise BadInputError(f"{plan.csv} changed while it was compared", hint="compare a copy")


def _result(
    plan: Comparison,
    runs: _Runs,
    *,
    replays: int,
    core: int | None,
    elapsed_s: Callable[[], float],
) -> AbSelfTestResult:
    most = plan.looks[-1].pairs
    if len(runs.equal) < most or not runs.slowed:
        raise BadInputError(
            f"the budget was spent after {len(runs.equal)} pairs, and one comparison takes {most}",
            hint="give a larger --budget-s, or a shorter trace",
        )
    procedure = Procedure(rule=plan.rule, looks=plan.looks)
    equal, slowed = (
        describe_sides(name, pairs, procedure, times=_RESAMPLED, seed=plan.seed)
        for name, pairs in (("equal", runs.equal), ("slowed", runs.slowed))
    )
    false_positives = (equal.resampled.better + equal.resampled.worse) / _RESAMPLED
    misses = (slowed.resampled.better + slowed.resampled.same) / _RESAMPLED
    power = slowed.resampled.worse / _RESAMPLED
    found = smallest_slowdown_found(
        runs.equal, procedure, times=_RESAMPLED_A_STEP, seed=plan.seed, power=MIN_POWER
    )
    verdict = _verdict(false_positives, misses, power)
    return AbSelfTestResult.model_validate(
        {
            "verdict": verdict,
            "reason": _reason(equal, slowed, false_positives, misses, power, found, most),
            "false_positive_rate": false_positives,
            "miss_rate": misses,
            "power": power,
            "slowdown": SLOWDOWN,
            "smallest_found": found,
            "equal": equal,
            "slowed": slowed,
            "metrics": list(plan.rule.metrics),
            "looks": [look.pairs for look in plan.looks],
            "block": BLOCK,
            "ended_by": "pairs" if len(runs.equal) == plan.options.self_test_pairs else "budget",
            "replays": replays,
            "noise": sum_up_noise(runs.noise),
            "a": plan.a.described(),
            "csv": plan.csv,
            "trace_sha256": runs.trace_sha256,
            "seed": plan.seed,
            "confidence": plan.options.confidence,
            "min_effect": plan.options.min_effect,
            "core": core,
            "cpu": host.cpu_model(),
            "elapsed_s": elapsed_s(),
        }
    )


def _verdict(false_positives: float, misses: float, power: float) -> str:
    if false_positives > MAX_FALSE_POSITIVES or misses > MAX_FALSE_POSITIVES:
        return "failed"
    return "passed" if power >= MIN_POWER else "noisy"


def _reason(
    equal: SidesTested,
    slowed: SidesTested,
    false_positives: float,
    misses: float,
    power: float,
    found: float | None,
    most: int,
) -> str:
    told = [
        f"{100 * false_positives:.2g} % of comparisons of equal sides found a difference "
        f"(at most {100 * MAX_FALSE_POSITIVES:g} %; in a row "
        f"{equal.in_a_row.better + equal.in_a_row.worse} of {equal.in_a_row.comparisons})",
        f"{100 * power:.3g} % found a slowdown of {100 * SLOWDOWN:g} % within {most} pairs "
        f"(at least {100 * MIN_POWER:g} % on a quiet machine; in a row "
        f"{slowed.in_a_row.worse} of {slowed.in_a_row.comparisons})",
    ]
    if misses > 0:
        told.append(f"{100 * misses:.2g} % took the slowed side for the same or a better one")
    if found is None:
        told.append("not even twice the time would be found in nine cases of ten")
    else:
        told.append(f"nine of ten find {100 * found:.2g} %")
    return "; ".join(told)
