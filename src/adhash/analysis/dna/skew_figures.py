"""Skew as figures: exponents, and shares of the hottest keys."""

from __future__ import annotations

from adhash.analysis.dna.popularity import Popularity, Statistic
from adhash.analysis.dna.result import LogLog, Skew, Zipf
from adhash.analysis.dna.trace_analysis import TraceAnalysis
from adhash.analysis.dna.zipf_fit import fit_log_log, fit_zipf

_SHARES: dict[str, Statistic] = {
    "top_key_share": lambda popularity: popularity.share_of_top(1),
    "top_1pct_share": lambda popularity: popularity.share_of_top(popularity.top_keys(0.01)),
    "top_10pct_share": lambda popularity: popularity.share_of_top(popularity.top_keys(0.1)),
}
_KEYS_FOR: dict[str, Statistic] = {
    "keys_for_half": lambda popularity: popularity.keys_for(0.5),
    "keys_for_90pct": lambda popularity: popularity.keys_for(0.9),
}


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
    errors: dict[str, float | None] = {}
    if not analysis.is_exact:
        errors = popularity.errors_of({**_SHARES, "zipf": _exponent, **_KEYS_FOR})
        errors |= {name: _with_sketch(errors[name], popularity) for name in _SHARES}
    return Skew(
        is_exact=analysis.is_exact,
        standard_errors=errors,
        zipf=_zipf(popularity),
        log_log=_log_log(popularity) if analysis.is_exact else None,
        top_key_share=popularity.share_of_top(1),
        top_1pct_share=popularity.share_of_top(popularity.top_keys(0.01)),
        top_10pct_share=popularity.share_of_top(popularity.top_keys(0.1)),
        keys_for_half=popularity.keys_for(0.5),
        keys_for_90pct=popularity.keys_for(0.9),
    )


def _with_sketch(error: float | None, popularity: Popularity) -> float | None:
    """Return an error with what the counts of the sketch can add to it."""
    return None if error is None else error + popularity.counted_error_rows / popularity.rows


def _exponent(popularity: Popularity) -> float:
    fit = fit_zipf(popularity.counts, popularity.ranks, popularity.weights)
    return 0.0 if fit is None else fit.exponent


def _zipf(popularity: Popularity) -> Zipf | None:
    fit = fit_zipf(popularity.counts, popularity.ranks, popularity.weights)
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
