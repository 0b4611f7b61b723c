"""How far a generated trace is from the one it is like, figure by figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from adhash.presenters import Table, columns, or_dash
from adhash.results import ResultPart

if TYPE_CHECKING:
    from adhash.analysis.dna.result import Bucket, MissRatioCurve, WorkingSet, WorkloadDnaResult

Verdict = Literal["good", "fair", "poor"]

_GOOD, _FAIR = 0.02, 0.10
_TIMES = np.linspace(0, 1, 41)


class FitFigure(ResultPart):
    """One figure of both traces."""

    name: str = Field(description="What was compared.")
    of_trace: float | None = Field(
        description="The figure of the trace; null for a curve or a distribution, or without any."
    )
    of_generated: float | None = Field(description="The same of what was generated.")
    error: float = Field(
        description="The difference of shares and exponents; of counts and lengths the difference "
        "divided by the trace's; of curves and distributions the greatest difference of shares."
    )
    verdict: Verdict = Field(
        description="good up to an error of 0.02, fair up to 0.10, poor beyond."
    )


class Likeness(ResultPart):
    """How far a generated trace is from the one it is like."""

    trace: str = Field(description="The trace as it was named.")
    trace_rows: int = Field(description="Its rows.")
    fitted_rows: int = Field(description="The rows from its beginning that were fitted.")
    compared_rows: int = Field(
        description="Rows of the generated trace that was compared: as many as the trace has."
    )
    verdict: Verdict = Field(description="That of the worst figure.")
    figures: list[FitFigure] = Field(description="Every figure that both traces have.")

    @property
    def poor(self) -> list[str]:
        """The names of the figures that are far off."""
        return [each.name for each in self.figures if each.verdict == "poor"]

    @property
    def conclusion(self) -> str:
        """How good the fit is, and what not to rely on."""
        if not self.poor:
            return f"the fit is {self.verdict}"
        rest = "this" if len(self.poor) == 1 else "these"
        return f"the fit is poor in {', '.join(self.poor)}: do not rely on {rest}"

    def as_table(self) -> Table:
        """Return a row for every figure."""
        return Table(
            columns=columns("figure", "trace>", "generated>", "error>", "fit"),
            rows=tuple(
                (
                    each.name,
                    or_dash(each.of_trace, _shown),
                    or_dash(each.of_generated, _shown),
                    f"{each.error:.4f}",
                    each.verdict,
                )
                for each in self.figures
            ),
        )


def _shown(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"


def likeness(
    trace: WorkloadDnaResult, generated: WorkloadDnaResult, *, fitted_rows: int
) -> Likeness:
    """Compare the DNA of a trace and of one that was generated to be like it.

    Parameters
    ----------
    trace : WorkloadDnaResult
        Of the trace.
    generated : WorkloadDnaResult
        Of as many generated rows.
    fitted_rows : int
        How many rows of the trace were fitted.

    Returns
    -------
    Likeness
        With a verdict on each figure and on the whole.
    """
    figures = list(_figures(trace, generated))
    order: Sequence[Verdict] = ("good", "fair", "poor")
    return Likeness(
        trace=trace.csv,
        trace_rows=trace.rows,
        fitted_rows=fitted_rows,
        compared_rows=generated.rows,
        verdict=max((each.verdict for each in figures), key=order.index),
        figures=figures,
    )


def _figures(a: WorkloadDnaResult, b: WorkloadDnaResult) -> Iterator[FitFigure]:
    for name in ("get", "put", "del_"):
        shares = [getattr(each.operations, name).share for each in (a, b)]
        yield _difference(f"{name.rstrip('_')}_share", *shares)
    if a.outcomes.hit_share is not None and b.outcomes.hit_share is not None:
        yield _difference("hit_share", a.outcomes.hit_share, b.outcomes.hit_share)
    yield _ratio("unique_keys", a.keys.unique, b.keys.unique)
    yield _ratio("peak_entries", a.outcomes.peak_entries, b.outcomes.peak_entries)
    yield _difference("once_only_share", a.keys.once_only_share, b.keys.once_only_share)
    yield from _skew(a, b)
    yield from _miss_ratios(a.miss_ratio_curve, b.miss_ratio_curve)
    yield _distance("reuse_gap", a.reuse_gap.buckets, b.reuse_gap.buckets)
    yield from _over_time(a.working_set, b.working_set)
    yield _distance("key_length", a.key_lengths.buckets, b.key_lengths.buckets)
    yield _ratio("mean_key_length", a.key_lengths.mean, b.key_lengths.mean)
    yield _distance("value_length", a.value_lengths.buckets, b.value_lengths.buckets)
    yield from _order(a, b)


def _skew(a: WorkloadDnaResult, b: WorkloadDnaResult) -> Iterator[FitFigure]:
    if a.skew.zipf is not None and b.skew.zipf is not None:
        yield _difference("zipf_exponent", a.skew.zipf.exponent, b.skew.zipf.exponent)
    for name in ("top_key_share", "top_1pct_share", "top_10pct_share"):
        yield _difference(name, getattr(a.skew, name), getattr(b.skew, name))


def _order(a: WorkloadDnaResult, b: WorkloadDnaResult) -> Iterator[FitFigure]:
    if a.integer_keys is None or b.integer_keys is None:
        return
    for name in ("sequential_share", "same_key_share", "ascending_share"):
        yield _difference(name, getattr(a.integer_keys, name), getattr(b.integer_keys, name))
    yield _ratio("density", a.integer_keys.density, b.integer_keys.density)


def _miss_ratios(a: MissRatioCurve, b: MissRatioCurve) -> Iterator[FitFigure]:
    """Yield the greatest and the mean distance of the curves, at sizes even in the logarithm."""
    curves = [{point.entries: point.of_rows for point in each.points} for each in (a, b)]
    sizes = sorted({*curves[0], *curves[1]})
    if not all(curves):
        return
    # Behind its last point a curve is flat: a cache of that size holds every key.
    first, second = (np.array([each.get(s, min(each.values())) for s in sizes]) for each in curves)
    far = np.abs(first - second)
    yield _figure("miss_ratio", None, None, float(far.max()))
    yield _figure("mean_miss_ratio", float(first.mean()), float(second.mean()), float(far.mean()))


def _over_time(a: WorkingSet, b: WorkingSet) -> Iterator[FitFigure]:
    yield _ratio("working_set", a.mean_distinct, b.mean_distinct)
    first, second = (_new_over_time(each) for each in (a, b))
    yield _figure("new_keys_over_time", None, None, float(np.abs(first - second).max()))


def _new_over_time(working_set: WorkingSet) -> np.ndarray:
    """Return the share of all keys that have come by each of `_TIMES`."""
    new = np.cumsum([0, *(window.new for window in working_set.windows)])
    places = np.linspace(0, 1, len(new))
    return np.asarray(np.interp(_TIMES, places, new / max(new[-1], 1)))


def _distance(name: str, a: list[Bucket], b: list[Bucket]) -> FitFigure:
    """Return the greatest difference of two distributions (Kolmogorov-Smirnov)."""
    ends = sorted({bucket.below for bucket in [*a, *b]})
    first, second = (
        [sum(bucket.share for bucket in each if bucket.below <= end) for end in ends]
        for each in (a, b)
    )
    far = max((abs(x - y) for x, y in zip(first, second, strict=True)), default=0.0)
    return _figure(name, None, None, far)


def _difference(name: str, a: float, b: float) -> FitFigure:
    return _figure(name, a, b, abs(a - b))


def _ratio(name: str, a: float, b: float) -> FitFigure:
    if a == b:
        return _figure(name, a, b, 0.0)
    return _figure(name, a, b, abs(a - b) / a if a else 1.0)


def _figure(name: str, a: float | None, b: float | None, error: float) -> FitFigure:
    verdict: Verdict = "good" if error <= _GOOD else "fair" if error <= _FAIR else "poor"
    return FitFigure(name=name, of_trace=a, of_generated=b, error=error, verdict=verdict)
