"""From an outlook to the result of a profile."""

from __future__ import annotations

import statistics
from typing import Any

from adhash.analysis.profile.expectation import Expectation, confidence_of, expectations
from adhash.analysis.profile.findings import recommended_settings
from adhash.analysis.profile.forecast_wording import (
    ForecastEvidence,
    forecast_reason,
    forecast_would_change,
    is_worth_reserving,
)
from adhash.analysis.profile.forecasting import Outlook
from adhash.analysis.profile.result import Candidate, ProfileResult, Reserve
from adhash.analysis.profile.standing import rank
from adhash.clock import NS_PER_S
from adhash.replay.manifest import Manifest

# Other lengths of such a trace for which the pick is told.
_LENGTHS = (0.25, 4.0)


def forecast_result(
    outlook: Outlook,
    *,
    csv: str,
    calibration: str,
    seed: int,
    elapsed_s: float,
    manifest: Manifest,
) -> ProfileResult:
    """Return the result of a profile by forecast.

    Parameters
    ----------
    outlook : Outlook
        What was seen, raced and forecast.
    csv : str
        The trace as it was named.
    calibration : str
        Where the cost model comes from.
    seed : int
        Of the run, and of the draws of the confidence.
    elapsed_s : float
        Seconds that all of it took.
    manifest : Manifest
        How it was made.

    Returns
    -------
    ProfileResult
        Whole.
    """
    findings = outlook.findings
    standings = rank(findings.laps, findings.scale()) if findings.laps else []
    found = expectations(
        {mode.name: mode.engine for mode in findings.modes},
        outlook.forecasts,
        standings,
        is_whole=findings.sample.is_whole,
    )
    evidence = ForecastEvidence(
        found=found,
        character=findings.character(),
        sampled=findings.sampled(),
        picks_at=outlook.picks_at(_LENGTHS),
        noise_reasons=outlook.model.calibration.noise.reasons,
    )
    best = found[0]
    return ProfileResult(
        csv=csv,
        recommended_mode=best.mode,
        reason=forecast_reason(evidence),
        method="forecast and race" if standings else "forecast",
        calibration=calibration,
        confidence=confidence_of(found, seed=seed),
        would_change=forecast_would_change(evidence),
        recommended_settings=recommended_settings([(each.mode, each.engine) for each in found]),
        reserve=_reserve(best, outlook.traffic.peak),
        candidates=[_candidate(each, best, findings.sample.rows) for each in found],
        sampled=evidence.sampled,
        character=evidence.character,
        elapsed_s=elapsed_s,
        seed=seed,
        manifest=manifest,
    )


def _reserve(best: Expectation, peak: float) -> Reserve | None:
    if not is_worth_reserving(best):
        return None
    return Reserve(entries=round(peak), saves_s=best.forecast.saved_ns / NS_PER_S)


def _candidate(each: Expectation, best: Expectation, rows: int) -> Candidate:
    memory = round(each.forecast.memory_bytes)
    return Candidate(
        mode=each.mode,
        engine=each.engine,
        forecast_s=each.forecast.time_ns / NS_PER_S,
        predicted_s=each.time_ns / NS_PER_S,
        predicted_memory_bytes=memory,
        regret=each.time_ns / best.time_ns if best.time_ns else 1.0,
        **_raced(each, rows),
    )


def _raced(each: Expectation, rows: int) -> dict[str, Any]:
    if not each.laps:
        names = ("measured_s", "spread", "ops_per_second", "memory_bytes")
        return {"laps": 0, **dict.fromkeys(names)}
    times = [lap.measured_ns / NS_PER_S for lap in each.laps]
    measured_s = statistics.median(times)
    return {
        "measured_s": measured_s,
        "spread": (min(times), max(times)),
        "laps": len(times),
        "ops_per_second": rows / measured_s if measured_s else 0.0,
        "memory_bytes": each.laps[-1].memory_bytes,
    }
