"""The result of an analysis: what was counted, as the figures of ``adhash.workload-dna.v1``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from numpy.typing import NDArray

from adhash.analysis.dna import outcomes as o
from adhash.analysis.dna.collision_risk import collision_risk
from adhash.analysis.dna.decay import popularity_decay
from adhash.analysis.dna.entry_figures import churn, negative_lookups
from adhash.analysis.dna.hot_keys import hot_keys
from adhash.analysis.dna.lengths import LengthDistribution
from adhash.analysis.dna.phase_figures import phases
from adhash.analysis.dna.popularity import Popularity
from adhash.analysis.dna.result import (
    IntegerKeys,
    Keys,
    Lengths,
    OperationMix,
    OperationShare,
    Outcomes,
    Sampling,
)
from adhash.analysis.dna.result_base import Bucket
from adhash.analysis.dna.reuse_figures import miss_ratio_curve, reuse_distribution
from adhash.analysis.dna.scale import lower_bounds
from adhash.analysis.dna.skew_figures import skew
from adhash.analysis.dna.tally import Tally
from adhash.analysis.dna.trace_analysis import TraceAnalysis
from adhash.analysis.dna.window_figures import working_set

Statistic = Callable[[NDArray[Any]], float]
# Steps by plus 1 in a row that are more than chance.
_LONG_RUN = 8


def figures_of(
    analysis: TraceAnalysis,
    *,
    count_of_hot_keys: int,
    before_each: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Return the parts of a result that come from the analysis.

    Parameters
    ----------
    analysis : TraceAnalysis
        Of a whole trace.
    count_of_hot_keys : int
        How many of the hottest keys to list.
    before_each : callable
        Called before each part; what it raises ends the work.

    Returns
    -------
    dict
        By the names of the fields of `WorkloadDnaResult`.
    """
    popularity = analysis.popularity()
    outcomes = _outcomes(analysis)
    parts: dict[str, Callable[[], Any]] = {
        "sampling": lambda: _sampling(analysis),
        "operations": lambda: _operations(analysis),
        "outcomes": lambda: outcomes,
        "churn": lambda: churn(analysis),
        "negative_lookups": lambda: negative_lookups(
            analysis, never_put=outcomes.misses_never_put, deleted=outcomes.misses_deleted
        ),
        "keys": lambda: _keys(analysis, popularity),
        "skew": lambda: skew(analysis, popularity),
        "hot_keys": lambda: hot_keys(analysis, count=count_of_hot_keys),
        "working_set": lambda: working_set(analysis),
        "popularity_decay": lambda: popularity_decay(analysis),
        "phases": lambda: phases(analysis),
        "reuse_distance": lambda: reuse_distribution(
            analysis, analysis.get_distances.totals() + analysis.other_distances.totals()
        ),
        "reuse_gap": lambda: reuse_distribution(analysis, analysis.gaps.totals()),
        "miss_ratio_curve": lambda: miss_ratio_curve(analysis),
        "key_lengths": lambda: _lengths(analysis.key_lengths),
        "value_lengths": lambda: _lengths(analysis.value_lengths),
        "integer_keys": lambda: _integer_keys(analysis, popularity),
        "collision_risk": lambda: collision_risk(analysis),
    }
    figures: dict[str, Any] = {"rows": analysis.rows}
    for name, figure in parts.items():
        before_each()
        figures[name] = figure()
    return figures


def _sampling(analysis: TraceAnalysis) -> Sampling:
    return Sampling(
        is_exact=analysis.is_exact,
        key_share=1 / analysis.weight,
        tracked_keys=analysis.tracked_keys,
        exact_rows=analysis.exact_rows,
    )


def _operations(analysis: TraceAnalysis) -> OperationMix:
    get, put, del_ = (
        OperationShare(count=int(count), share=float(count / analysis.rows))
        for count in analysis.ops
    )
    return OperationMix(get=get, put=put, del_=del_)


def _errors(tally: Tally, statistics: Mapping[str, Statistic]) -> dict[str, float | None]:
    if len(tally.counts) == 1:
        return {}
    return {name: float(tally.error_of(statistic)) for name, statistic in statistics.items()}


def _outcomes(analysis: TraceAnalysis) -> Outcomes:
    tally = analysis.outcomes
    counts = tally.totals()
    gets, puts, dels = (int(count) for count in analysis.ops)
    # What happens once a key or so is estimated; the rest is what the exact sum leaves. The hits
    # of the hottest keys would make the error of the hits many times as large.
    never_put, deleted = _at_most(gets, counts[o.MISS_NEVER_PUT], counts[o.MISS_DELETED])
    first, again = _at_most(puts, counts[o.INSERT_FIRST], counts[o.INSERT_AGAIN])
    (found,) = _at_most(dels, counts[o.DELETE_FOUND])
    misses, inserts = never_put + deleted, first + again
    return Outcomes(
        is_exact=analysis.is_exact,
        standard_errors=_errors(tally, _outcome_statistics(gets)),
        hits=gets - misses,
        misses=misses,
        hit_share=(gets - misses) / gets if gets else None,
        misses_never_put=never_put,
        misses_deleted=deleted,
        inserts=inserts,
        updates=puts - inserts,
        deletes_found=found,
        deletes_missed=dels - found,
        peak_entries=analysis.peak_entries,
        final_entries=analysis.entries,
    )


def _at_most(limit: int, *estimates: Any) -> Iterator[int]:
    """Yield estimates, cut where together they are more than can be."""
    for estimate in estimates:
        kept = min(int(estimate), limit)
        limit -= kept
        yield kept


def _outcome_statistics(gets: int) -> dict[str, Statistic]:
    def misses(counts: NDArray[Any]) -> float:
        return float(counts[o.MISS_NEVER_PUT] + counts[o.MISS_DELETED])

    def inserts(counts: NDArray[Any]) -> float:
        return float(counts[o.INSERT_FIRST] + counts[o.INSERT_AGAIN])

    def entries(counts: NDArray[Any]) -> float:
        return inserts(counts) - float(counts[o.DELETE_FOUND])

    return {
        "hits": misses,
        "misses": misses,
        "hit_share": lambda counts: misses(counts) / max(gets, 1),
        "misses_never_put": lambda counts: float(counts[o.MISS_NEVER_PUT]),
        "misses_deleted": lambda counts: float(counts[o.MISS_DELETED]),
        "inserts": inserts,
        "updates": inserts,
        "deletes_found": lambda counts: float(counts[o.DELETE_FOUND]),
        "deletes_missed": lambda counts: float(counts[o.DELETE_FOUND]),
        "peak_entries": entries,
        "final_entries": entries,
    }


def _keys(analysis: TraceAnalysis, popularity: Popularity) -> Keys:
    absent = int((analysis.histories["states"] == o.ABSENT).sum()) * popularity.weight
    entropy = popularity.entropy_bits
    errors: dict[str, float | None] = {}
    if not analysis.is_exact:
        errors = {
            "unique": popularity.unique_error,
            "never_put": math.sqrt(absent * (popularity.weight - 1)),
            **popularity.errors_of(
                {
                    "once_only_share": Popularity.once_only_share,
                    "entropy_bits": lambda each: each.entropy_bits,
                    "evenness": lambda each: each.entropy_bits / math.log2(each.unique),
                    "effective_keys": lambda each: 2.0**each.entropy_bits,
                }
            ),
        }
    return Keys(
        is_exact=analysis.is_exact,
        standard_errors=errors,
        unique=popularity.unique,
        never_put=absent,
        once_only_share=popularity.once_only_share(),
        entropy_bits=entropy,
        evenness=entropy / math.log2(popularity.unique) if popularity.unique > 1 else None,
        effective_keys=2.0**entropy,
    )


def _lengths(counter: LengthDistribution) -> Lengths:
    buckets = counter.buckets()
    return Lengths(
        count=counter.count,
        mean=counter.total_bytes / counter.count if counter.count else 0.0,
        min=counter.least,
        p50=counter.quantile(0.5),
        p90=counter.quantile(0.9),
        p99=counter.quantile(0.99),
        max=counter.greatest,
        buckets=[
            Bucket(from_=start, below=below, count=count, share=count / counter.count)
            for start, below, count in buckets
        ],
    )


def _integer_keys(analysis: TraceAnalysis, popularity: Popularity) -> IntegerKeys | None:
    order = analysis.integers
    if order is None:
        return None
    span = order["greatest"] - order["least"] + 1
    error = popularity.unique_error / span
    steps = (span - 1) // max(order["common_step"], 1) + 1
    return IntegerKeys(
        is_exact=analysis.is_exact,
        standard_errors={}
        if analysis.is_exact
        else {"density": error, "step_density": popularity.unique_error / steps},
        min=order["least"],
        max=order["greatest"],
        density=min(1.0, popularity.unique / span),
        sequential_share=order["next_up"] / analysis.rows,
        same_key_share=order["same"] / analysis.rows,
        descending_share=order["next_down"] / analysis.rows,
        ascending_share=order["up"] / analysis.rows,
        common_step=order["common_step"],
        step_density=min(1.0, popularity.unique / steps),
        longest_run=order["longest_run"],
        run_share=float(order["run_steps"][lower_bounds()[:-1] >= _LONG_RUN].sum()) / analysis.rows,
    )
