"""A forecast in words: why this mode, and what would change the choice.

Pure functions of the figures, so that they can be tested with figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from adhash.analysis.profile.expectation import Expectation
from adhash.analysis.profile.recommendation import extent, percent, traffic_in_words
from adhash.analysis.profile.result import Character, Sampled
from adhash.analysis.profile.standing import TOLERANCE
from adhash.units import format_bytes, format_count

# As in `adhash.analysis.profile.recommendation`.
_MUCH_LESS = 0.9
# A part of the time, and a time, that are worth a line in a program.
_WORTH_RESERVING = 0.03
_WORTH_RESERVING_NS = 1e6


@dataclass(frozen=True, kw_only=True)
class ForecastEvidence:
    """All that a recommendation by forecast is made of.

    Parameters
    ----------
    found : sequence of Expectation
        The fastest first.
    character : Character
        The trace in short.
    sampled : Sampled
        What of it was looked at.
    picks_at : mapping of float to str
        Which mode a trace so many times as long would be given.
    noise_reasons : sequence of str
        Why the calibration was noisy; empty if it was not.
    """

    found: Sequence[Expectation]
    character: Character
    sampled: Sampled
    picks_at: Mapping[float, str]
    noise_reasons: Sequence[str]

    @property
    def best(self) -> Expectation:
        """The pick."""
        return self.found[0]

    @property
    def others(self) -> Sequence[Expectation]:
        """The other candidates, the fastest first."""
        return self.found[1:]


def forecast_reason(evidence: ForecastEvidence) -> str:
    """Return why the first is recommended."""
    traffic = traffic_in_words(evidence.character, evidence.sampled)
    parts = [_lead(evidence), _growth(evidence.best), traffic, _extent(evidence)]
    return "; ".join(parts)


def _lead(evidence: ForecastEvidence) -> str:
    best = evidence.best
    if not evidence.others:
        return f"{best.mode} was the only candidate"
    second, last = evidence.others[0], evidence.others[-1]
    lead = f"{best.mode} should take {percent(1 - best.time_ns / second.time_ns)} less time than"
    text = f"{lead} {second.mode}, the next"
    if second.time_ns <= TOLERANCE * best.time_ns:
        return f"{text}: so close that either will do"
    if last is second:
        return text
    return f"{text}, and {percent(1 - best.time_ns / last.time_ns)} less than {last.mode}"


def _growth(best: Expectation) -> str:
    share = best.forecast.growth_ns / best.forecast.time_ns
    return f"{percent(share)} of that is growth of the table"


def _extent(evidence: ForecastEvidence) -> str:
    raced = [each.mode for each in evidence.found if each.laps]
    text = extent(evidence.sampled, "looked at")
    how = "forecast by the calibration of this machine"
    if not raced:
        return f"{how}; {text}"
    laps = max(len(each.laps) for each in evidence.found)
    rounds = f"{laps} round{'s' if laps > 1 else ''}"
    return f"{how}, then raced: {_names(raced)} in {rounds}; {text}"


def _names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def forecast_would_change(evidence: ForecastEvidence) -> list[str]:
    """Return what would change the decision, the most important first."""
    return [
        *_close_rivals(evidence),
        *_other_lengths(evidence),
        *_smaller_tables(evidence),
        *_noise(evidence),
    ]


def _close_rivals(evidence: ForecastEvidence) -> Iterator[str]:
    best = evidence.best
    # What both errors together may hide.
    close = [
        each
        for each in evidence.others
        if each.time_ns <= best.time_ns * (1 + (best.error**2 + each.error**2) ** 0.5)
    ]
    if close:
        far = close[-1].time_ns / best.time_ns - 1
        yield (
            f"chance: {_names([each.mode for each in close])} {'is' if len(close) == 1 else 'are'} "
            f"within {percent(far)}, which the error of the forecast may hide"
        )
    elif evidence.others:
        second = evidence.others[0]
        yield f"{second.mode} would have to be {percent(1 - best.time_ns / second.time_ns)} faster"


def _other_lengths(evidence: ForecastEvidence) -> Iterator[str]:
    for factor, pick in evidence.picks_at.items():
        if pick != evidence.best.mode:
            rows = format_count(evidence.sampled.total_rows * factor)
            times = f"{factor:g} times" if factor > 1 else f"1/{1 / factor:g}"
            yield f"length: of such a trace {times} as long, {rows} rows, {pick} would be the pick"


def _smaller_tables(evidence: ForecastEvidence) -> Iterator[str]:
    best = evidence.best
    smallest = min(evidence.found, key=lambda each: each.forecast.memory_bytes)
    if smallest.forecast.memory_bytes <= _MUCH_LESS * best.forecast.memory_bytes:
        yield (
            f"memory before time: {smallest.mode} needs "
            f"{format_bytes(smallest.forecast.memory_bytes)} where {best.mode} needs "
            f"{format_bytes(best.forecast.memory_bytes)}, and takes "
            f"{percent(smallest.time_ns / best.time_ns - 1)} longer"
        )


def _noise(evidence: ForecastEvidence) -> Iterator[str]:
    if evidence.noise_reasons:
        yield (
            "a calibration on a quieter machine (adhash calibrate --force): "
            f"{'; '.join(evidence.noise_reasons)}"
        )


def is_worth_reserving(best: Expectation) -> bool:
    """Return whether reserving room for all entries saves a part of the time worth a line."""
    saved_ns = best.forecast.saved_ns
    return saved_ns >= max(_WORTH_RESERVING_NS, _WORTH_RESERVING * best.forecast.time_ns)
