"""A generated trace as stages, each with one mix of requests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from adhash.workloads.distributions import (
    Distribution,
    Exponential,
    Hotspot,
    Latest,
    OfTheFirst,
    Uniform,
    Zipf,
)
from adhash.workloads.operation_mix import Mix
from adhash.workloads.phases import Moved
from adhash.workloads.trace_spec import TraceSpec
from adhash.workloads.ycsb_zipfian import ScrambledZipfian, SkewedLatest


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Rows of one mix, up to row `end`."""

    mix: Mix
    end: int


def stages(spec: TraceSpec) -> Iterator[Stage]:
    """Yield the stages of a trace.

    Parameters
    ----------
    spec : TraceSpec
        What to generate.

    Yields
    ------
    Stage
        In order; the last one ends with the trace.
    """
    changes = [*zip(spec.phases, spec.stages()[1:], strict=True)]
    current, distribution, moved, row = spec, distribution_of(spec), 0.0, 0
    while row < spec.rows:
        end = _next_end(spec, row, changes[0][0].row if changes else spec.rows)
        if end > row:
            yield Stage(mix=_mix(current, Moved(distribution, moved)), end=end)
        if spec.move_every and end % spec.move_every == 0 and end > row:
            moved += spec.move_by
        if changes and changes[0][0].row == end:
            phase, current = changes.pop(0)
            distribution, moved = distribution_of(current), moved + phase.move
        row = end


def _next_end(spec: TraceSpec, row: int, next_phase: int) -> int:
    next_move = spec.rows
    if spec.move_every:
        next_move = (row // spec.move_every + 1) * spec.move_every
    return min(spec.rows, next_phase, next_move)


def _mix(spec: TraceSpec, distribution: Distribution) -> Mix:
    return Mix(shares=spec.shares(), distribution=distribution, max_scan=spec.max_scan)


def distribution_of(spec: TraceSpec) -> Distribution:
    """Return the distribution of keys that a specification asks for."""
    if spec.ycsb_compat:
        return _distribution_of_ycsb(spec)
    if spec.distribution == "zipf":
        return Zipf(keys=spec.keys, exponent=spec.exponent)
    if spec.distribution == "latest":
        return Latest(keys=spec.keys, exponent=spec.exponent)
    return _common_distribution(spec)


def _common_distribution(spec: TraceSpec) -> Distribution:
    """Return a distribution that is exact in YCSB, too."""
    if spec.distribution == "hotspot":
        return Hotspot(hot_set=spec.hot_set, hot_ops=spec.hot_ops)
    if spec.distribution == "exponential":
        return Exponential(keys=spec.keys, percentile=spec.exp_percentile, frac=spec.exp_frac)
    return Uniform()


def _distribution_of_ycsb(spec: TraceSpec) -> Distribution:
    if spec.distribution == "latest":
        return SkewedLatest(keys=spec.keys, theta=spec.exponent)
    if spec.distribution == "zipf":
        return ScrambledZipfian(
            keys=spec.keys, expected_inserts=spec.expected_inserts(), theta=spec.exponent
        )
    common = _common_distribution(spec)
    # Inserted records are as old as any to these, and never drawn.
    return common if isinstance(common, Exponential) else OfTheFirst(spec.keys, common)
