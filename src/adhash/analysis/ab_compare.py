"""Comparing two configurations on one trace: the functions behind ``adhash ab-compare``.

Runs come in pairs, one of each side, right after the other and in random order, so that whatever
changes slowly (temperature, neighbours, caches of the disk) hits both alike. Each run is a process
of its own, so that no memory, no page fault and no table is inherited from the one before. Both
runs of a pair take the same seed of the hash, each pair another: a verdict on one lucky hash
function would not be one on the configuration.
"""

from __future__ import annotations

import os
import random
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adhash.analysis.ab_result import (
    METRICS,
    AbCompareResult,
    ComparisonNoise,
    Figures,
    Label,
    Pair,
)
from adhash.analysis.ab_sides import Side, resolve_sides
from adhash.analysis.ab_verdict import Judgement, Rule, compare_metric, judge, sum_up_noise
from adhash.analysis.child_run import (
    Finished,
    run_child,
    run_csv_command,
    usable_core,
    without_settings,
)
from adhash.analysis.paired_statistics import plan_looks
from adhash.atomic_files import replace_text
from adhash.cancellation import CancelToken
from adhash.clock import NS_PER_S, Clock, SystemClock
from adhash.config_file import render
from adhash.errors import BadInputError, InterruptedRunError, InvariantError
from adhash.options.ab_compare import AbCompareOptions
from adhash.options.base import read_options
from adhash.progress import WorkCallback, WorkProgress, ignore_work
from adhash.replay import host
from adhash.replay.folders import prepared_folders
from adhash.replay.machinery import NativeMachinery
from adhash.replay.noise import MAX_STEAL, MAX_WALL_OVER_CPU
from adhash.replay.summary import Summary

if TYPE_CHECKING:
    from adhash.analysis.ab_result import Verdict

_SEED_BITS = 53  # these survive readers of JSON that know only floating-point numbers
_STDIN = "-"
# What both sides must have in common, whatever holds the entries.
_ANSWERS = ("hits", "misses", "inserts", "updates", "deletes_found", "final_size")


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: its summary, and why it is called noisy, None if it was quiet."""

    summary: Summary
    noise: str | None


RunSide = Callable[[Side, int], Run]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Everything a comparison was asked for, checked."""

    options: AbCompareOptions
    csv: str
    a: Side
    b: Side
    seed: int
    looks: list[int]
    rule: Rule


@dataclass
class _Course:
    """The pairs so far, and the runs they are made of."""

    pairs: list[Pair] = field(default_factory=list)
    noise: list[str | None] = field(default_factory=list)
    judgement: Judgement | None = None
    trace_sha256: str | None = None

    def noise_so_far(self) -> ComparisonNoise:
        return sum_up_noise(self.noise)


# --- the functions that are called -------------------------------------------------------------


def ab_compare(
    csv: str | os.PathLike[str] | None = None,
    *,
    a: Mapping[str, object] | str,
    b: Mapping[str, object] | str,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
    **options: Any,
) -> AbCompareResult:
    """Compare two configurations on a trace.

    Parameters
    ----------
    csv : path-like or None
        The trace; None with the option ``sample``.
    a : mapping or str
        The baseline: settings by dotted name, ``mode`` for ``replay.mode``; or ``"mode=swiss"``.
    b : mapping or str
        The candidate, likewise.
    progress : callable or None
        Told before every run how many pairs there are.
    cancel : CancelToken or None
        Ends the comparison early, with the process that runs.
    **options
        The fields of `adhash.options.ab_compare.AbCompareOptions`: ``metric``, ``min_pairs``,
        ``max_pairs``, ``budget_s``, ``confidence``, ``min_effect``, ``seed``, ``json_out``, ...

    Returns
    -------
    AbCompareResult
        The verdict and what it rests on.

    Raises
    ------
    AdhashError
        As `run_ab_compare`.
    """
    given = {**options, "csv": None if csv is None else os.fspath(csv), "a": a, "b": b}
    return run_ab_compare(read_options(AbCompareOptions, given), progress=progress, cancel=cancel)


def run_ab_compare(
    options: AbCompareOptions,
    *,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
) -> AbCompareResult:
    """Compare two configurations on a trace.

    Parameters
    ----------
    options : AbCompareOptions
        What to compare, and how sure the verdict shall be. `fail_if_worse` is for the caller: see
        `require_not_worse`.
    progress : callable or None
        Told before every run how many pairs there are.
    cancel : CancelToken or None
        Ends the comparison early, with the process that runs.

    Returns
    -------
    AbCompareResult
        The verdict and what it rests on; written to ``json_out`` as well.

    Raises
    ------
    BadInputError
        If a configuration or the trace is wrong, or the metric is not there to be compared.
    InvariantError
        If the two sides gave different answers.
    InterruptedRunError
        If `cancel` was set.
    StorageError
        If something cannot be read, written or started, or a run was killed.
    """
    plan = plan_comparison(options, environ=os.environ, engines=NativeMachinery().engines())
    token, clock = cancel or CancelToken(), SystemClock()
    out = None if options.json_out is None else Path(options.json_out)
    with prepared_folders([] if out is None else [out.absolute().parent]):
        core = usable_core()
        with _processes(plan, core=core, clock=clock, cancel=token) as run_side:
            result = compare(
                plan,
                run_side,
                core=core,
                clock=clock,
                cancel=token,
                progress=progress or ignore_work,
            )
        if out is not None:
            replace_text(out, result.to_json(indent=2) + "\n")
    return result


def require_not_worse(result: AbCompareResult) -> None:
    """Refuse a candidate that is worse.

    Parameters
    ----------
    result : AbCompareResult
        Of any comparison.

    Raises
    ------
    InvariantError
        If its verdict is ``worse``.
    """
    if result.verdict == "worse":
        raise InvariantError(f"b is worse than a: {result.reason}")


# --- the plan ----------------------------------------------------------------------------------


def plan_comparison(
    options: AbCompareOptions, *, environ: Mapping[str, str], engines: list[str]
) -> Comparison:
    """Return the plan of a comparison.

    Parameters
    ----------
    options : AbCompareOptions
        What was asked for.
    environ : mapping
        The environment, for settings.
    engines : list of str
        The engines of this build.

    Returns
    -------
    Comparison
        Checked as far as it can be without running.

    Raises
    ------
    BadInputError
        If a setting, a mode or the trace is wrong.
    """
    a, b = resolve_sides(options, environ=environ, engines=engines)
    seed = secrets.randbits(_SEED_BITS) if options.seed is None else options.seed
    looks, level = plan_looks(
        min_pairs=options.min_pairs,
        max_pairs=options.max_pairs,
        chance=1.0 - options.confidence,
    )
    rule = Rule(metric=options.metric, min_effect=options.min_effect, level=level, seed=seed)
    return Comparison(
        options=options, csv=_trace(options), a=a, b=b, seed=seed, looks=looks, rule=rule
    )


def _trace(options: AbCompareOptions) -> str:
    if options.sample is not None:
        from adhash.workloads.samples import sample_path

        return str(sample_path(options.sample))
    if options.csv is None or options.csv == _STDIN:
        raise BadInputError(
            "standard input can be read once, and a comparison reads its trace many times",
            hint="save the trace to a file",
        )
    return options.csv


# --- the course of a comparison ----------------------------------------------------------------


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
        As `run_ab_compare`.
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
    drawn = chance.getrandbits(_SEED_BITS)
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
    verdict: Verdict = judgement.verdict
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


# --- runs in processes -------------------------------------------------------------------------


@contextmanager
def _processes(
    plan: Comparison, *, core: int | None, clock: Clock, cancel: CancelToken
) -> Iterator[RunSide]:
    environ = without_settings(os.environ)
    with tempfile.TemporaryDirectory(prefix="adhash-ab-") as name:
        folder = Path(name)
        configs = {side.label: folder / f"{side.label}.toml" for side in (plan.a, plan.b)}
        for side in (plan.a, plan.b):
            configs[side.label].write_text(render(side.settings), encoding="utf-8")

        def run_side(side: Side, seed: int) -> Run:
            finished = run_child(
                run_csv_command(plan.csv, config=configs[side.label], seed=seed),
                who=f"the run of {side.name}",
                folder=folder,
                environ=environ,
                core=core,
                clock=clock,
                cancel=cancel,
            )
            summary = Summary.model_validate(finished.answer["summaries"][0])
            return Run(summary=summary, noise=disturbance(summary, finished, core=core))

        yield run_side


def disturbance(summary: Summary, finished: Finished, *, core: int | None) -> str | None:
    """Return why a run is called noisy; None if it was quiet.

    By the verdict of its manifest. A run that was bound to one core shares it with the thread that
    reads the trace for it, which the manifest takes for a disturbance: there the process as a whole
    is judged, by the same limits.

    Parameters
    ----------
    summary : Summary
        Of the run.
    finished : Finished
        What the process cost.
    core : int or None
        The core that it was bound to.

    Returns
    -------
    str or None
        The reason.
    """
    noise = summary.manifest.noise
    if core is None:
        return "; ".join(noise.reasons) if noise.verdict == "noisy" else None
    if noise.steal is not None and noise.steal > MAX_STEAL:
        return f"{noise.steal:.1%} of the CPU time was stolen; limit {MAX_STEAL:.0%}"
    paced = bool(summary.manifest.settings["replay"]["rate"])
    over = finished.wall_s / finished.cpu_s if finished.cpu_s > 0 else 1.0
    if over > MAX_WALL_OVER_CPU and not paced:
        return f"the process took {over:.2f} times its CPU time; limit {MAX_WALL_OVER_CPU}"
    return None
