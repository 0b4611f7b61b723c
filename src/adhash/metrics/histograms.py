"""Latency histograms as ticks and Prometheus write them: cumulative counts at or below a bound.

The engine counts each latency once, in the bucket it falls into, with integer bounds in
nanoseconds. Readers want milliseconds and running totals, because buckets of that form can be
merged and re-bucketed without knowing the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from adhash.errors import ConfigError
from adhash.metrics.ticks import Bucket

NS_PER_MS = 1_000_000


def in_nanoseconds(bounds_ms: Sequence[float]) -> list[int]:
    """Return the bounds of a histogram as whole nanoseconds.

    Parameters
    ----------
    bounds_ms : sequence of float
        Upper bounds in milliseconds, ascending.

    Returns
    -------
    list of int
        The same bounds in nanoseconds.

    Raises
    ------
    ConfigError
        If two bounds, or a bound and 0, are the same nanosecond.
    """
    bounds = [round(bound * NS_PER_MS) for bound in bounds_ms]
    if any(low >= high for low, high in pairwise([0, *bounds])):
        raise ConfigError(
            f"latency buckets must be at least 0.000001 ms (1 ns) apart; got {list(bounds_ms)}",
            key="replay.latency_buckets_ms",
            value=list(bounds_ms),
            allowed="ascending bounds, each a nanosecond or more above the one before",
        )
    return bounds


def cumulative_buckets(bounds_ms: Sequence[float], counts: Sequence[int]) -> list[Bucket]:
    """Return the buckets of a tick for counts that are not cumulative.

    Parameters
    ----------
    bounds_ms : sequence of float, length n
        Upper bounds in milliseconds, ascending.
    counts : sequence of int, length n + 1
        Operations in each bucket; the last counts those above every bound.

    Returns
    -------
    list of Bucket
        The n + 1 buckets; the last has the bound "+Inf" and counts every operation.
    """
    totals = list(accumulate(counts))
    buckets = [
        Bucket(le=bound, count=total) for bound, total in zip(bounds_ms, totals[:-1], strict=True)
    ]
    return [*buckets, Bucket(le="+Inf", count=totals[-1])]
