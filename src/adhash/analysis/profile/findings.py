"""From a sample, its history and the laps to the result."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from adhash.analysis.profile.caches import Cache
from adhash.analysis.profile.history import History, Outcome
from adhash.analysis.profile.race import Lap
from adhash.analysis.profile.recommendation import Evidence, reason, would_change
from adhash.analysis.profile.result import Candidate, Character, ProfileResult, Sampled
from adhash.analysis.profile.sample import Sample
from adhash.analysis.profile.standing import Scale, Standing, confidence, rank
from adhash.clock import NS_PER_S
from adhash.config_models import AdaptiveSettings
from adhash.replay.manifest import Manifest
from adhash.replay.plan import Mode

_LAYOUTS = frozenset(get_args(AdaptiveSettings.model_fields["initial_layout"].annotation))


@dataclass(frozen=True, kw_only=True)
class Findings:
    """All that was found out.

    Parameters
    ----------
    modes : sequence of Mode
        The candidates.
    sample : Sample
        What was drawn.
    history : History
        What its operations do.
    laps : mapping of str to sequence of Lap
        Of each mode, at least one.
    caches : sequence of Cache
        Of this machine.
    """

    modes: Sequence[Mode]
    sample: Sample
    history: History
    laps: Mapping[str, Sequence[Lap]]
    caches: Sequence[Cache]

    def result(
        self, *, csv: str, calibration: str, seed: int, elapsed_s: float, manifest: Manifest
    ) -> ProfileResult:
        """Return the result.

        Parameters
        ----------
        csv : str
            The trace as it was named.
        calibration : str
            Why there was no forecast.
        seed : int
            Of the run, and of the bootstrap.
        elapsed_s : float
            Seconds that all of it took.
        manifest : Manifest
            How it was made.

        Returns
        -------
        ProfileResult
            Whole.
        """
        scale = self.scale()
        standings = rank(self.laps, scale)
        evidence = Evidence(
            standings=standings,
            growth=scale.growth,
            character=self.character(),
            sampled=self.sampled(),
            caches=self.caches,
            noise_reasons=manifest.noise.reasons,
        )
        return ProfileResult(
            csv=csv,
            recommended_mode=standings[0].mode,
            calibration=calibration,
            reason=reason(evidence),
            confidence=confidence(standings, is_sampled=len(self.sample.pieces) > 1, seed=seed),
            would_change=would_change(evidence),
            recommended_settings=self._settings(standings),
            candidates=[self._candidate(standing) for standing in standings],
            sampled=evidence.sampled,
            character=evidence.character,
            elapsed_s=elapsed_s,
            seed=seed,
            manifest=manifest,
        )

    def scale(self) -> Scale:
        """Return how laps are carried over to the whole trace."""
        live = self.history.live
        return Scale(
            weights=self.sample.weights,
            growth=self._entries() / live if live else 1.0,
        )

    def character(self) -> Character:
        """Return the trace in short."""
        rows = self._estimate(lambda each: each.rows)
        gets = self._estimate(lambda each: each.gets)
        puts = self._estimate(lambda each: each.puts)
        return Character(
            key_type=self.sample.types.key,
            value_type=self.sample.types.value,
            get_share=gets / rows,
            put_share=puts / rows,
            del_share=self._estimate(lambda each: each.dels) / rows,
            hit_share=self._estimate(lambda each: each.hits) / gets if gets else None,
            insert_share=self._estimate(lambda each: each.inserts) / puts if puts else None,
            unique_keys=self.history.unique_keys,
            entries=round(self._entries()),
        )

    def sampled(self) -> Sampled:
        """Return what of the trace was looked at."""
        return Sampled(
            rows=self.sample.rows,
            pieces=len(self.sample.pieces),
            total_rows=self.sample.total_rows,
            total_bytes=self.sample.total_bytes,
            is_whole=self.sample.is_whole,
            is_exact=self.sample.is_exact,
            restored_keys=sum(len(each.present) for each in self.history.restorations),
        )

    def _entries(self) -> float:
        """Return the entries at the end of the whole trace, at least those of the sample."""
        if self.sample.is_whole:
            return self.history.live
        net = self._estimate(lambda each: each.inserts - each.deletes)
        return max(net, self.history.live)

    def _estimate(self, count: Callable[[Outcome], int]) -> float:
        """Return a count over the whole trace, by the counts of the pieces."""
        pairs = zip(self.sample.weights, self.history.outcomes, strict=True)
        return sum(weight * count(outcome) for weight, outcome in pairs)

    def _settings(self, standings: Sequence[Standing]) -> dict[str, Any]:
        engines = {mode.name: mode.engine for mode in self.modes}
        return recommended_settings([(each.mode, engines[each.mode]) for each in standings])

    def _candidate(self, standing: Standing) -> Candidate:
        times = [lap.measured_ns / NS_PER_S for lap in standing.laps]
        measured_s = statistics.median(times)
        engine = next(mode.engine for mode in self.modes if mode.name == standing.mode)
        return Candidate(
            mode=standing.mode,
            engine=engine,
            measured_s=measured_s,
            spread=(min(times), max(times)),
            laps=len(times),
            ops_per_second=self.sample.rows / measured_s if measured_s else 0.0,
            memory_bytes=standing.memory_bytes,
            predicted_s=standing.predicted_ns / NS_PER_S,
            predicted_memory_bytes=standing.predicted_memory_bytes,
            regret=standing.regret,
        )


def recommended_settings(ranking: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return the settings that carry a recommendation out, by a ranking of modes and engines."""
    layouts = [engine for _, engine in ranking if engine in _LAYOUTS]
    settings: dict[str, Any] = {"replay.mode": ranking[0][0]}
    # For a map that shall stay adaptive: where it had better begin.
    return settings | ({"adaptive.initial_layout": layouts[0]} if layouts else {})
