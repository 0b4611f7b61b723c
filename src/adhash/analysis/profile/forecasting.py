"""Profiling by forecast: a small look at the trace, and a race of the finalists if it is worth it.

The first look is a few thousand rows. Of a long trace a second one takes more of them, for half of
the budget that is left: it tells the number of entries better. What the cost model makes of that
is often clear: one mode is ahead of all others by more than the error of the model. Where it is
not, and there is still budget for a race that means something, as many rows as there is time for
are looked at, forecast again, and raced on by the finalists. (Where looking again means reading the
trace through again, as in Parquet, or cannot be done, as in a pipe, one look has to do.)

The budget is a part of what replaying the whole trace once on every candidate would take: reading
it, by its bytes, and the time in the map, by the forecast itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from adhash.analysis.calibration.costs import CostModel
from adhash.analysis.profile.expectation import finalists
from adhash.analysis.profile.findings import Findings
from adhash.analysis.profile.forecast import Forecast, forecast
from adhash.analysis.profile.history import History
from adhash.analysis.profile.race import Lap
from adhash.analysis.profile.sample import Sample
from adhash.analysis.profile.traffic import Traffic, traffic_of
from adhash.replay.plan import Mode

FIRST_ROWS = 4096
FIRST_PIECES = 16
# A race over fewer rows tells nothing that the model does not know better.
_LEAST_RACED_ROWS = 32_768
_RACE_ROUNDS = 3
# More rows than these tell the model nothing new.
_MOST_LOOKED_AT = 32_768
# Windows are cut to whole rows, and hold a few less than asked for.
_NEARLY = 0.8

# What a replay takes a byte besides the map, for reading, parsing and the digest; what a look and
# what a lap take a row, for drawing, inferring and restoring. Nanoseconds, about: they only decide
# how much is looked at.
_READING_NS = 1.7
_LOOK_NS = 900.0
_LAP_NS = 150.0

Look = Callable[[int, int], tuple[Sample, History]]
Race = Callable[[Sequence[Mode], Sample, History, int], Mapping[str, Sequence[Lap]]]


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What was seen and raced, and what it led the model to forecast.

    Parameters
    ----------
    findings : Findings
        Sample, history and the laps of the finalists.
    traffic : Traffic
        Of the whole trace.
    forecasts : mapping of str to Forecast
        By mode.
    model : CostModel
        What they were made with.
    """

    findings: Findings
    traffic: Traffic
    forecasts: Mapping[str, Forecast]
    model: CostModel

    def picks_at(self, factors: Sequence[float]) -> dict[float, str]:
        """Return which mode the model would pick for a trace so many times as long."""
        picks = {}
        for factor in factors:
            longer = forecast_modes(self.findings.modes, self.traffic.scaled(factor), self.model)
            picks[factor] = min(longer, key=lambda mode: longer[mode].time_ns)
        return picks


@dataclass(frozen=True, kw_only=True)
class Forecasting:
    """A profile by forecast, with all that it needs.

    Parameters
    ----------
    modes : sequence of Mode
        The candidates, all of them calibrated.
    model : CostModel
        What operations cost here.
    look : callable
        Draws a sample of so many rows from so many places, and infers its history.
    race : callable
        Runs modes on a sample so many times.
    most_rows, most_pieces, rounds : int
        The limits that the user gave.
    budget : float
        As a part of replaying the trace once on every candidate.
    spent_ns : callable
        Tells how much of it was spent so far, in nanoseconds.
    """

    modes: Sequence[Mode]
    model: CostModel
    look: Look
    race: Race
    most_rows: int
    most_pieces: int
    rounds: int
    budget: float
    spent_ns: Callable[[], int]

    def carry_out(self, *, is_raced: bool) -> Outlook:
        """Look, forecast, and race if that is allowed and worth it.

        Parameters
        ----------
        is_raced : bool
            Whether finalists may be raced.

        Returns
        -------
        Outlook
            By the best look that was taken.
        """
        rows, pieces = min(FIRST_ROWS, self.most_rows), min(FIRST_PIECES, self.most_pieces)
        outlook = self._outlook(*self.look(rows, pieces))
        rows = min(_MOST_LOOKED_AT, self._affordable_rows(outlook, ()) // 2)
        if rows >= 4 * FIRST_ROWS:
            outlook = self._look_again(outlook, rows)
        racers = self._finalists(outlook)
        if not is_raced or len(racers) < 2:
            return outlook
        rows = self._affordable_rows(outlook, racers)
        if rows < min(_LEAST_RACED_ROWS, outlook.findings.sample.total_rows):
            return outlook
        return self._raced(self._look_again(outlook, rows), rows)

    def _look_again(self, outlook: Outlook, rows: int) -> Outlook:
        """Return what more rows tell, where there are more and they can be had."""
        sample = outlook.findings.sample
        if sample.is_whole or not sample.is_seekable or rows <= sample.rows:
            return outlook
        pieces = min(self.most_pieces, max(FIRST_PIECES, min(2 * FIRST_PIECES, rows // 1024)))
        return self._outlook(*self.look(rows, pieces))

    def _raced(self, outlook: Outlook, rows: int) -> Outlook:
        """Return what a race of the finalists adds, if the sample is as long as was meant."""
        sample, history = outlook.findings.sample, outlook.findings.history
        racers = self._finalists(outlook)
        if len(racers) < 2 or sample.rows < min(rows, _LEAST_RACED_ROWS) * _NEARLY:
            return outlook
        laps = self.race(racers, sample, history, min(self.rounds, _RACE_ROUNDS))
        return self._outlook(sample, history, laps)

    def _outlook(
        self,
        sample: Sample,
        history: History,
        laps: Mapping[str, Sequence[Lap]] | None = None,
    ) -> Outlook:
        findings = Findings(
            modes=self.modes, sample=sample, history=history, laps=laps or {}, caches=()
        )
        traffic = traffic_of(sample, history)
        forecasts = forecast_modes(self.modes, traffic, self.model, is_sampled=not sample.is_whole)
        return Outlook(findings=findings, traffic=traffic, forecasts=forecasts, model=self.model)

    def _finalists(self, outlook: Outlook) -> list[Mode]:
        names = finalists(outlook.forecasts)
        return [mode for mode in self.modes if mode.name in names]

    def _affordable_rows(self, outlook: Outlook, racers: Sequence[Mode]) -> int:
        """Return how many rows there is time to look at and to race on."""
        sample = outlook.findings.sample
        in_map_ns = sum(each.time_ns for each in outlook.forecasts.values())
        everything_ns = len(self.modes) * sample.total_bytes * _READING_NS + in_map_ns
        left_ns = self.budget * everything_ns - self.spent_ns()
        lap_ns = _LAP_NS + in_map_ns / len(self.modes) / sample.total_rows
        row_ns = _LOOK_NS + min(self.rounds, _RACE_ROUNDS) * len(racers) * lap_ns
        return min(self.most_rows, sample.total_rows, int(max(0.0, left_ns) / row_ns))


def forecast_modes(
    modes: Sequence[Mode], traffic: Traffic, model: CostModel, *, is_sampled: bool = True
) -> dict[str, Forecast]:
    """Return the forecast of every mode; raises KeyError for one that was not calibrated."""
    engines = sorted({mode.engine for mode in modes})
    by_engine = forecast(engines, traffic, model, is_sampled=is_sampled)
    return {mode.name: by_engine[mode.engine] for mode in modes}
