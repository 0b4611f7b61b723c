"""The recommendation in words: why this mode, and what would change the choice.

A pure function of the figures, so that it can be tested with figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adhash.analysis.profile.caches import Cache
from adhash.analysis.profile.result import Character, Sampled
from adhash.analysis.profile.standing import TOLERANCE, Standing, rounds_won
from adhash.units import format_bytes, format_count, format_ns

# Less memory than this part of the pick's is worth telling.
_MUCH_LESS = 0.9
# A pause that a person or a deadline could notice.
_LONG_PAUSE_NS = 1e6


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that a recommendation is made of.

    Parameters
    ----------
    standings : sequence of Standing
        The ranking, the fastest first.
    growth : float
        Entries of the whole trace by those of the sample.
    character : Character
        The trace in short.
    sampled : Sampled
        What of it was raced.
    caches : sequence of Cache
        Of this machine, the smallest first.
    noise_reasons : sequence of str
        Why the measurement was noisy; empty if it was not.
    """

    standings: Sequence[Standing]
    growth: float
    character: Character
    sampled: Sampled
    caches: Sequence[Cache]
    noise_reasons: Sequence[str]

    @property
    def best(self) -> Standing:
        """The pick."""
        return self.standings[0]

    @property
    def others(self) -> Sequence[Standing]:
        """The other candidates, the fastest first."""
        return self.standings[1:]


def reason(evidence: Evidence) -> str:
    """Return why the first of the ranking is recommended."""
    parts = [
        _lead(evidence),
        traffic_in_words(evidence.character, evidence.sampled),
        extent(evidence.sampled, "raced"),
    ]
    cache = _cache_between(evidence)
    if cache is not None:
        parts.append(
            f"the whole trace's table will exceed the L{cache.level} cache, this one did not"
        )
    return "; ".join(parts)


def _lead(evidence: Evidence) -> str:
    best = evidence.best
    if not evidence.others:
        return f"{best.mode} was the only candidate"
    second = evidence.others[0]
    won, rounds = rounds_won(best, second)
    text = f"{best.mode} ran {percent(second.regret - 1)} faster than {second.mode}, the next"
    text += f", in {won} of {rounds} rounds" if rounds > 1 else ", in one round"
    if second.regret <= TOLERANCE:
        return f"{text}: so close that either will do"
    last = evidence.others[-1]
    return text + (
        f", and {percent(last.regret - 1)} faster than {last.mode}" if last is not second else ""
    )


def traffic_in_words(character: Character, sampled: Sampled) -> str:
    """Return what a trace does, in short; and by what, if not all of it was looked at."""
    parts = []
    if character.hit_share is not None:
        parts.append(f"{percent(character.hit_share)} of look-ups hit")
    if character.insert_share is not None:
        parts.append(
            f"{percent(character.put_share)} of operations are puts, "
            f"{percent(character.insert_share)} of them of new keys"
        )
    if character.del_share:
        parts.append(f"{percent(character.del_share)} are deletions")
    parts.append(f"about {format_count(character.entries)} {character.key_type} keys at the end")
    return ("" if sampled.is_whole else "by the sample, ") + ", ".join(parts)


def extent(sampled: Sampled, what: str) -> str:
    """Return how much of a trace was raced, or whatever `what` says."""
    if sampled.is_whole:
        return f"all {sampled.rows:,} operations were {what}"
    about = "" if sampled.is_exact else "about "
    return (
        f"{format_count(sampled.rows)} of {about}{format_count(sampled.total_rows)} operations "
        f"were {what}, from {sampled.pieces} places"
    )


def would_change(evidence: Evidence) -> list[str]:
    """Return what would change the decision, the most important first."""
    return [
        *_close_rivals(evidence),
        *_smaller_tables(evidence),
        *_shorter_pauses(evidence),
        *_caches_exceeded(evidence),
        *_noise(evidence),
    ]


def _close_rivals(evidence: Evidence) -> Iterator[str]:
    close = [each for each in evidence.others if each.regret <= TOLERANCE]
    if close:
        names = " and ".join(each.mode for each in close)
        yield (
            f"chance: {names} {'is' if len(close) == 1 else 'are'} within "
            f"{percent(close[-1].regret - 1)}; another machine or another day may turn it round"
        )
    elif evidence.others:
        second = evidence.others[0]
        yield f"{second.mode} would have to be {percent(1 - 1 / second.regret)} faster"


def _smaller_tables(evidence: Evidence) -> Iterator[str]:
    best = evidence.best
    smallest = min(evidence.standings, key=lambda each: each.predicted_memory_bytes)
    if smallest.predicted_memory_bytes <= _MUCH_LESS * best.predicted_memory_bytes:
        yield (
            f"memory before time: {smallest.mode} needs "
            f"{format_bytes(smallest.predicted_memory_bytes)} where {best.mode} needs "
            f"{format_bytes(best.predicted_memory_bytes)}, and takes "
            f"{percent(smallest.regret - 1)} longer"
        )


def _shorter_pauses(evidence: Evidence) -> Iterator[str]:
    best = evidence.best
    pause_ns = best.prediction.longest_growth_ns
    steadiest = min(evidence.standings, key=lambda each: each.prediction.longest_growth_ns)
    if pause_ns >= _LONG_PAUSE_NS and steadiest.prediction.longest_growth_ns < pause_ns / 4:
        whole_ns = pause_ns * max(1.0, evidence.growth)
        yield (
            f"pauses before throughput: {best.mode} stops for about {format_ns(whole_ns)} where "
            f"it grows, {steadiest.mode} for a small part of that, and takes "
            f"{percent(steadiest.regret - 1)} longer"
        )


def _caches_exceeded(evidence: Evidence) -> Iterator[str]:
    """Tell if the sample's table fits in a cache that the whole trace's does not fit in."""
    best, cache = evidence.best, _cache_between(evidence)
    if cache is not None:
        yield (
            f"size: the table of the whole trace, about "
            f"{format_bytes(best.predicted_memory_bytes)}, exceeds the L{cache.level} cache of "
            f"{format_bytes(cache.size_bytes)}, that of the sample, "
            f"{format_bytes(best.memory_bytes)}, did not: race more rows with --sample-rows"
        )


def _cache_between(evidence: Evidence) -> Cache | None:
    """Return the largest cache that the sample's table fits in and the whole trace's does not."""
    best = evidence.best
    between = [
        cache
        for cache in evidence.caches
        if best.memory_bytes <= cache.size_bytes < best.predicted_memory_bytes
    ]
    return between[-1] if between else None


def _noise(evidence: Evidence) -> Iterator[str]:
    if evidence.noise_reasons:
        yield f"a quieter machine: {'; '.join(evidence.noise_reasons)}"


def percent(share: float) -> str:
    """Return a share as a percentage with two figures: ``"0.4 %"``, ``"12 %"``, ``"100 %"``."""
    percent = 100 * share
    rounded = f"{percent:.0f}" if percent >= 9.95 or percent == 0 else f"{percent:.1f}"
    # 99.97 % is not all.
    if rounded == "100" and share < 1:
        rounded = "99.9"
    return f"{rounded} %"
