"""Skew as figures: exponents, and shares of the hottest keys."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from adhash.analysis.dna.heavy_hitters import HeavyHitters
from adhash.analysis.dna.popularity import Popularity
from adhash.analysis.dna.result import LogLog, Skew, Zipf
from adhash.analysis.dna.trace_analysis import TraceAnalysis
from adhash.analysis.dna.zipf_fit import fit_log_log, fit_zipf

_TOPS: dict[str, Callable[[Popularity], int]] = {
    "top_key_share": lambda _: 1,
    "top_1pct_share": lambda popularity: popularity.top_keys(0.01),
    "top_10pct_share": lambda popularity: popularity.top_keys(0.1),
}

# An estimate and its standard error; null where that cannot be told.
_Estimate = tuple[float, float | None]


def errors_of(
    popularity: Popularity, statistics: Mapping[str, Callable[[Popularity], float]]
) -> dict[str, float | None]:
    """Return the standard errors of figures of a sample.

    Parameters
    ----------
    popularity : Popularity
        The sample.
    statistics : mapping of str to callable
        What computes each figure.

    Returns
    -------
    dict
        By the same names; None where the sample is too small to tell.
    """
    errors = {name: popularity.error_of(statistic) for name, statistic in statistics.items()}
    return {name: error if math.isfinite(error) else None for name, error in errors.items()}


def skew(analysis: TraceAnalysis, popularity: Popularity) -> Skew:
    """Return how much more frequent some keys are than others.

    Parameters
    ----------
    analysis : TraceAnalysis
        Of the trace.
    popularity : Popularity
        Of its keys.

    Returns
    -------
    Skew
        Exponents, and shares of the hottest keys.
    """
    shares = {name: _share_of_top(analysis.sketch, popularity, of) for name, of in _TOPS.items()}
    errors: dict[str, float | None] = {}
    if not analysis.is_exact:
        errors = {name: error for name, (_, error) in shares.items()}
        errors |= errors_of(popularity, {"zipf": _exponent, "keys_for_half": _keys_for_half,
                                         "keys_for_90pct": _keys_for_90pct})  # fmt: skip
    return Skew(
        is_exact=analysis.is_exact,
        standard_errors=errors,
        zipf=_zipf(popularity),
        log_log=_log_log(popularity) if analysis.is_exact else None,
        keys_for_half=popularity.keys_for(0.5),
        keys_for_90pct=popularity.keys_for(0.9),
        **{name: value for name, (value, _) in shares.items()},
    )


def _share_of_top(
    sketch: HeavyHitters | None, popularity: Popularity, keys_of: Callable[[Popularity], int]
) -> _Estimate:
    """Return the share of the hottest keys: from the sketch, if its bound is the better one.

    A sample has each of the hottest keys or has it not, and so knows little of their share.
    """
    of_sample = popularity.share_of_top(keys_of(popularity))
    if sketch is None:
        return of_sample, 0.0
    error = errors_of(popularity, {"share": lambda each: each.share_of_top(keys_of(each))})["share"]
    keys = keys_of(popularity)
    if keys <= len(sketch.rows):
        half_width = keys * sketch.error / 2 / popularity.rows
        if error is None or half_width <= error:
            return min(1.0, sketch.rows_of_top(keys) / popularity.rows + half_width), half_width
    return of_sample, error


def _exponent(popularity: Popularity) -> float:
    fit = fit_zipf(popularity.counts, rank_step=popularity.weight)
    return 0.0 if fit is None else fit.exponent


def _keys_for_half(popularity: Popularity) -> float:
    return popularity.keys_for(0.5)


def _keys_for_90pct(popularity: Popularity) -> float:
    return popularity.keys_for(0.9)


def _zipf(popularity: Popularity) -> Zipf | None:
    fit = fit_zipf(popularity.counts, rank_step=popularity.weight)
    if fit is None:
        return None
    return Zipf(
        exponent=fit.exponent,
        standard_error=fit.standard_error,
        ks_distance=fit.ks_distance,
        ranks_fitted=fit.ranks,
    )


def _log_log(popularity: Popularity) -> LogLog | None:
    fit = fit_log_log(popularity.counts)
    return None if fit is None else LogLog(exponent=fit.exponent, r_squared=fit.r_squared)
