"""The watchdog: thresholds on the state of a table, and the alerts that they raise.

A signal that dances around its threshold would raise and clear an alert at every tick. So an alert
is raised once its signal has reached the threshold for some ticks in a row, and cleared once it
has stayed 5 % below it for as many: hysteresis in value and in time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from adhash.config_models import WatchdogSettings
from adhash.metrics.ticks import Alert, Event

# The alerts, by the names of their thresholds in the configuration.
ALERTS = ("load_factor", "avg_probe", "max_group_len", "tombstone_ratio")
CLEAR_FRACTION = 0.95


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """When one alert is raised: its signal at `limit` or above for `hold_ticks` ticks in a row."""

    name: str
    limit: float
    hold_ticks: int


class AlertRecord(BaseModel):
    """One alert of a run, from its raising to its clearing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        description="Which alert: load_factor, avg_probe, max_group_len or tombstone_ratio."
    )
    threshold: float = Field(description="The limit that the signal reached.")
    raised_at_s: float = Field(description="When it was raised, in seconds of the run.")
    cleared_at_s: float | None = Field(
        description="When it was cleared, in seconds of the run; null if it never was."
    )
    peak: float = Field(description="The highest value of the signal while it was raised.")
    message: str = Field(description="The alert in a sentence.")


@dataclass
class _Watch:
    """One threshold and what its signal has done so far."""

    threshold: Threshold
    ticks_high: int = 0
    ticks_low: int = 0
    value: float = 0.0
    raised_at: float | None = None
    peak: float = 0.0

    @property
    def subject(self) -> str:
        return self.threshold.name.replace("_", " ")

    def take(self, value: float) -> None:
        self.value = value
        is_high = value >= self.threshold.limit
        is_low = value < CLEAR_FRACTION * self.threshold.limit
        self.ticks_high = self.ticks_high + 1 if is_high else 0
        self.ticks_low = self.ticks_low + 1 if is_low else 0
        self.peak = max(self.peak, value)

    def changes(self) -> bool:
        ticks = self.ticks_high if self.raised_at is None else self.ticks_low
        return ticks >= self.threshold.hold_ticks


class Watchdog:
    """Turns the signals of each tick into alerts.

    Parameters
    ----------
    thresholds : iterable of Threshold
        What to watch, one alert each.
    """

    def __init__(self, thresholds: Iterable[Threshold]) -> None:
        self._watches = [_Watch(threshold) for threshold in thresholds]
        self._cleared: list[AlertRecord] = []

    @classmethod
    def from_settings(cls, settings: WatchdogSettings) -> Watchdog:
        """Return a watchdog with the thresholds of a configuration; those that are off left out."""
        if not settings.enabled:
            return cls([])
        limits = {name: getattr(settings, name) for name in ALERTS}
        return cls(
            Threshold(name=name, limit=limit, hold_ticks=settings.hold_ticks)
            for name, limit in limits.items()
            if limit is not None
        )

    def observe(self, t: float, signals: Mapping[str, float]) -> list[Event]:
        """Take in the signals of a tick.

        Parameters
        ----------
        t : float
            When, in seconds of the run.
        signals : mapping of str to float
            The state of the table, by the names in `ALERTS`.

        Returns
        -------
        list of Event
            An ``alert_raised`` or ``alert_cleared`` for each alert that changed.
        """
        events = []
        for watch in self._watches:
            watch.take(float(signals[watch.threshold.name]))
            if watch.changes():
                change = self._raise if watch.raised_at is None else self._clear
                events.append(change(watch, t))
        return events

    def alerts(self) -> list[Alert]:
        """Return the alerts that are raised now."""
        return [
            Alert(
                name=watch.threshold.name,
                value=watch.value,
                threshold=watch.threshold.limit,
                since_t=watch.raised_at,
                message=f"{watch.subject} is {watch.value:.4g}; limit {watch.threshold.limit:g}",
            )
            for watch in self._watches
            if watch.raised_at is not None
        ]

    def history(self) -> list[AlertRecord]:
        """Return every alert so far, by the time it was raised; open ones have no clearing."""
        still_open = [
            _record(watch, watch.raised_at)
            for watch in self._watches
            if watch.raised_at is not None
        ]
        return sorted([*self._cleared, *still_open], key=lambda record: record.raised_at_s)

    def _raise(self, watch: _Watch, t: float) -> Event:
        watch.raised_at, watch.peak, watch.ticks_low = t, watch.value, 0
        limit = watch.threshold.limit
        return _event(
            t, "alert_raised", watch, f"{watch.subject} is {watch.value:.4g}; limit {limit:g}"
        )

    def _clear(self, watch: _Watch, t: float) -> Event:
        raised_at = watch.raised_at if watch.raised_at is not None else t
        self._cleared.append(_record(watch, raised_at, cleared_at=t))
        watch.raised_at, watch.ticks_high = None, 0
        return _event(t, "alert_cleared", watch, f"{watch.subject} is back at {watch.value:.4g}")


def _record(watch: _Watch, raised_at: float, *, cleared_at: float | None = None) -> AlertRecord:
    return AlertRecord(
        name=watch.threshold.name,
        threshold=watch.threshold.limit,
        raised_at_s=raised_at,
        cleared_at_s=cleared_at,
        peak=watch.peak,
        message=f"{watch.subject} reached {watch.peak:.4g}; limit {watch.threshold.limit:g}",
    )


def _event(t: float, kind: str, watch: _Watch, message: str) -> Event:
    # The fields beyond t, kind and message are additions, which the format allows.
    details = {"alert": watch.threshold.name, "value": watch.value}
    return Event.model_validate({"t": t, "kind": kind, "message": message, **details})
