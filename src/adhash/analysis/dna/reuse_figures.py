"""Reuse distances as a distribution, and as the miss ratios of caches of every size."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from adhash.analysis.dna.result import Distribution, MissRatioCurve, MissRatioPoint
from adhash.analysis.dna.result_base import Bucket
from adhash.analysis.dna.scale import BUCKETS, lower_bounds, octaves, quantile_buckets
from adhash.analysis.dna.tally import jackknife
from adhash.analysis.dna.trace_analysis import FIRST_ACCESS, TraceAnalysis

_QUANTILES = (0.5, 0.9, 0.99)


def reuse_distribution(analysis: TraceAnalysis, totals: NDArray[np.int64]) -> Distribution:
    """Return the distribution of reuse distances, or of the rows between accesses.

    Parameters
    ----------
    analysis : TraceAnalysis
        Of the trace.
    totals : ndarray of int64, shape (BUCKETS + 1,)
        What was counted; the last bin holds first accesses.

    Returns
    -------
    Distribution
        Of accesses that are not the first to their key.
    """
    bounds, counts = lower_bounds()[:-1], totals[:BUCKETS]
    total = int(counts.sum())
    p50, p90, p99 = (
        None if at is None else int(bounds[at]) for at in quantile_buckets(counts, _QUANTILES)
    )
    return Distribution(
        is_exact=analysis.is_exact,
        standard_errors={} if analysis.is_exact else {"first_accesses": _first_error(analysis)},
        first_accesses=int(totals[FIRST_ACCESS]),
        p50=p50,
        p90=p90,
        p99=p99,
        buckets=[
            Bucket(from_=start, below=below, count=count, share=count / total)
            for start, below, count in octaves(bounds, counts)
        ],
    )


def _first_error(analysis: TraceAnalysis) -> float:
    return float(analysis.gaps.error_of(lambda counts: counts[FIRST_ACCESS]))


def miss_ratio_curve(analysis: TraceAnalysis) -> MissRatioCurve:
    """Return the miss ratio of LRU caches of every size of the scale.

    A cache misses the accesses whose distance is at least its size, and the first ones. In a
    sample these are estimated and the rest are hits: which hot keys were drawn then matters little
    (what SHARDS calls its adjustment).

    Parameters
    ----------
    analysis : TraceAnalysis
        Of the trace.

    Returns
    -------
    MissRatioCurve
        Up to the first size that misses first accesses only.
    """
    gets, others = analysis.get_distances, analysis.other_distances
    of_gets = _misses(gets.totals())
    of_rows = of_gets + _misses(others.totals())
    errors = jackknife(gets.counts + others.counts, _misses, weight=analysis.weight)
    all_gets = int(analysis.ops[0])
    points = [
        MissRatioPoint(
            entries=entries,
            of_gets=min(1.0, float(of_gets[at]) / all_gets) if all_gets else None,
            of_rows=min(1.0, float(of_rows[at]) / analysis.rows),
            standard_error=float(errors[at]) / analysis.rows,
        )
        for at, entries in _sizes(of_rows)
    ]
    of_points = [point.standard_error for point in points]
    return MissRatioCurve(
        is_exact=analysis.is_exact,
        points=points,
        method="counted" if analysis.is_exact else "shards",
        mean_standard_error=sum(of_points) / len(of_points),
        max_standard_error=max(of_points),
    )


def _misses(counts: NDArray[Any]) -> NDArray[Any]:
    """Return the misses of a cache as large as the lower bound of each bucket; of size 0 first."""
    hits = np.concatenate([[0], np.cumsum(counts[: BUCKETS - 1])])
    return np.asarray(counts.sum() - hits)


def _sizes(misses: NDArray[Any]) -> list[tuple[int, int]]:
    """Return (bucket, size) of the curve's points."""
    bounds = lower_bounds()
    sizes: list[tuple[int, int]] = []
    for at in range(1, BUCKETS):
        if bounds[at] != bounds[at - 1]:
            sizes.append((at, int(bounds[at])))
            if misses[at] == misses[-1]:
                break
    return sizes
