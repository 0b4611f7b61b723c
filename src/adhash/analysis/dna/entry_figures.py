"""What happens to entries: how they go and come back, and look-ups that find none."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adhash.analysis.dna import outcomes as o
from adhash.analysis.dna.result_base import Bucket
from adhash.analysis.dna.result_entries import Churn, Lifetimes, NegativeLookups
from adhash.analysis.dna.scale import lower_bounds, octaves, quantile_buckets
from adhash.analysis.dna.tally import Tally
from adhash.analysis.dna.trace_analysis import TraceAnalysis

Statistic = Callable[[NDArray[Any]], float]
_QUANTILES = (0.5, 0.9, 0.99)
# Fewer negative look-ups than this share of the gets decide nothing.
_FEW = 0.05
_SOME_A_KEY = 4


def churn(analysis: TraceAnalysis) -> Churn:
    """Return how entries go and come back.

    Parameters
    ----------
    analysis : TraceAnalysis
        Of the trace.

    Returns
    -------
    Churn
        With the lifetimes of entries.
    """
    counts = analysis.outcomes.totals()
    peak = analysis.peak_entries
    deleted = float(counts[o.DELETE_FOUND])
    unread = float(analysis.unread_deletions.totals()[0])
    return Churn(
        is_exact=analysis.is_exact,
        standard_errors=_churn_errors(analysis),
        reinserts=int(counts[o.INSERT_AGAIN]),
        reinsert_share=_reinsert_share(counts),
        turnover=deleted / peak if peak else None,
        lifetimes=_lifetimes(analysis.lifetimes),
        unread_share=min(1.0, unread / deleted) if deleted else None,
    )


def _churn_errors(analysis: TraceAnalysis) -> dict[str, float | None]:
    if analysis.is_exact:
        return {}
    both = Tally(
        counts=np.hstack([analysis.outcomes.counts, analysis.unread_deletions.counts]),
        weight=analysis.weight,
    )
    peak = max(analysis.peak_entries, 1)
    statistics: dict[str, Statistic] = {
        "reinserts": lambda counts: float(counts[o.INSERT_AGAIN]),
        "reinsert_share": lambda counts: _reinsert_share(counts) or 0.0,
        "turnover": lambda counts: float(counts[o.DELETE_FOUND]) / peak,
        "unread_share": lambda counts: float(counts[-1]) / max(float(counts[o.DELETE_FOUND]), 1.0),
    }
    return {name: float(both.error_of(statistic)) for name, statistic in statistics.items()}


def _reinsert_share(counts: NDArray[Any]) -> float | None:
    inserts = float(counts[o.INSERT_FIRST] + counts[o.INSERT_AGAIN])
    return float(counts[o.INSERT_AGAIN]) / inserts if inserts else None


def _lifetimes(tally: Tally) -> Lifetimes:
    bounds, counts = lower_bounds()[:-1], tally.totals()
    total = int(counts.sum())
    p50, p90, p99 = (
        None if at is None else int(bounds[at]) for at in quantile_buckets(counts, _QUANTILES)
    )
    return Lifetimes(
        count=total,
        p50=p50,
        p90=p90,
        p99=p99,
        buckets=[
            Bucket(from_=start, below=below, count=count, share=count / total)
            for start, below, count in octaves(bounds, counts)
        ],
    )


def negative_lookups(analysis: TraceAnalysis, *, never_put: int, deleted: int) -> NegativeLookups:
    """Return the gets that find nothing, by why they do.

    Parameters
    ----------
    analysis : TraceAnalysis
        Of the trace.
    never_put : int
        Misses on keys that had not been put before them.
    deleted : int
        Misses on keys that had been deleted.

    Returns
    -------
    NegativeLookups
        Misses on keys that were not put before are divided into those on keys that never are, and
        on keys that are later, in the proportion that the followed keys have.
    """
    gets = int(analysis.ops[o.GET])
    absent = analysis.histories["states"] == o.ABSENT
    early = analysis.histories["early_gets"]
    for_ever, all_early = int(early[absent].sum()), int(early.sum())
    share = for_ever / all_early if all_early else 0.0
    in_vain = round(never_put * share)
    keys = int((absent & (early > 0)).sum()) * analysis.weight
    count = never_put + deleted
    errors: dict[str, float | None] = {}
    if not analysis.is_exact:
        errors = {
            "count": float(analysis.outcomes.error_of(_misses)),
            "deleted": float(analysis.outcomes.error_of(lambda c: float(c[o.MISS_DELETED]))),
            "never_put_keys": math.sqrt(keys * (analysis.weight - 1)),
        }
    return NegativeLookups(
        is_exact=analysis.is_exact,
        standard_errors=errors,
        count=count,
        share=count / gets if gets else None,
        never_put=in_vain,
        put_later=never_put - in_vain,
        deleted=deleted,
        never_put_keys=keys,
        gets_per_key=in_vain / keys if keys else None,
        verdict=_verdict(count=count, gets=gets, in_vain=in_vain, keys=keys),
    )


def _misses(counts: NDArray[Any]) -> float:
    return float(counts[o.MISS_NEVER_PUT] + counts[o.MISS_DELETED])


def _verdict(*, count: int, gets: int, in_vain: int, keys: int) -> str:
    if not gets:
        return "no look-ups"
    if count < _FEW * gets:
        return "few find nothing: the speed of hits decides"
    if in_vain < count / 2:
        return "they mostly come before the key is put: a cache that fills"
    if in_vain >= _SOME_A_KEY * keys:
        return "the same absent keys come again and again: storing their absence would answer most"
    return "many different absent keys: a layout with fast misses pays, and so would a filter"
