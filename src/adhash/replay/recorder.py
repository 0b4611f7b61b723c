"""What is recorded of a run while it runs: ticks, events, alerts, the layout's story."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adhash.clock import NS_PER_S, Clock
from adhash.config_models import Settings
from adhash.metrics.histograms import cumulative_buckets, in_nanoseconds
from adhash.metrics.quantiles import fractions_of
from adhash.metrics.ticks import (
    OPERATIONS,
    SERIES,
    Event,
    LatencyQuantiles,
    Series,
    Tick,
)
from adhash.metrics.watchdog import AlertRecord, Watchdog
from adhash.replay.machinery import Counters, Driver, Table
from adhash.replay.outputs import TickOutputs
from adhash.replay.plan import Mode
from adhash.replay.summary import LayoutChange

if TYPE_CHECKING:
    from adhash.maps import Decision, MapStats

_NS_PER_MS = 1_000_000
_QUANTILES = fractions_of(LatencyQuantiles)
# Each sample is a cache miss: so many cost a tick about 0.1 ms, whatever the size of the table.
_PROBE_SAMPLES = 1024


class Recorder:
    """Turns the counters of a run into ticks.

    Parameters
    ----------
    mode : Mode
        What runs.
    table : Table
        Asked for its state.
    driver : Driver
        Asked for counts and latencies.
    settings : Settings
        Buckets and the watchdog's thresholds.
    outputs : TickOutputs
        Where ticks go.
    clock : Clock
        What dates the ticks.
    """

    def __init__(
        self,
        *,
        mode: Mode,
        table: Table,
        driver: Driver,
        settings: Settings,
        outputs: TickOutputs,
        clock: Clock,
    ) -> None:
        self._mode = mode
        self._table = table
        self._driver = driver
        self._outputs = outputs
        self._clock = clock
        self._bounds_ms = settings.replay.latency_buckets_ms
        self._bounds_ns = in_nanoseconds(self._bounds_ms)
        self._watchdog = Watchdog.from_settings(settings.watchdog)
        self._events: list[Event] = []
        self._first_seen: dict[tuple[int, str], float] = {}
        self._first_layout = table.stats(1).layout
        self._start_ns = clock.monotonic_ns()
        self._last_t, self._last_ops = 0.0, 0

    @property
    def elapsed_ns(self) -> int:
        """Nanoseconds since the run began."""
        return self._clock.monotonic_ns() - self._start_ns

    @property
    def _t(self) -> float:
        return self.elapsed_ns / NS_PER_S

    def note(self, kind: str, message: str) -> None:
        """Add an event to the next tick.

        Parameters
        ----------
        kind : str
            What happened, in the past tense.
        message : str
            The same in a sentence.
        """
        self._events.append(Event(t=self._t, kind=kind, message=message))

    def tick(self) -> Tick:
        """Emit a tick of the state now.

        Returns
        -------
        Tick
            What was emitted.

        Raises
        ------
        StorageError
            If the file of ticks cannot be written.
        """
        t = self._t
        stats, counters = self._table.stats(_PROBE_SAMPLES), self._driver.counters()
        self._see_decisions(t, stats)
        self._events += self._watchdog.observe(t, _signals(stats))
        tick = self._build(t, stats, counters)
        self._events = []
        self._last_t, self._last_ops = t, tick.ops
        self._outputs.post(tick)
        return tick

    def alerts(self) -> list[AlertRecord]:
        """Return every alert so far."""
        return self._watchdog.history()

    def layout_timeline(self) -> list[LayoutChange]:
        """Return the first layout and every change so far."""
        start = LayoutChange(
            at_s=0.0,
            at_ops=0,
            signal="start",
            from_layout="",
            to_layout=self._first_layout,
            expected_gain=None,
            measured_gain=None,
        )
        return [start, *(self._change(each) for each in self._table.stats(1).decisions)]

    def _see_decisions(self, t: float, stats: MapStats) -> None:
        for decision in stats.decisions:
            key = _identity(decision)
            if key not in self._first_seen:
                self._first_seen[key] = t
                self._events.append(_layout_event(t, decision))

    def _change(self, decision: Decision) -> LayoutChange:
        return LayoutChange(
            at_s=self._first_seen.get(_identity(decision), self._t),
            at_ops=decision.at_ops,
            signal=decision.signal,
            from_layout=decision.from_layout,
            to_layout=decision.to_layout,
            expected_gain=decision.expected_gain,
            measured_gain=decision.measured_gain,
        )

    def _build(self, t: float, stats: MapStats, counters: Counters) -> Tick:
        ops_by_type = {name: counters[name] for name in OPERATIONS}
        ops = sum(ops_by_type.values())
        seconds = t - self._last_t
        return Tick(
            schema_="metrics.v1",
            t=t,
            backend=self._mode.engine,
            ops=ops,
            ops_by_type=ops_by_type,
            migrations=stats.migrations,
            compactions=stats.compactions,
            load_factor=stats.load_factor,
            max_group_len=stats.max_group_len,
            avg_probe_estimate=stats.avg_probe_estimate,
            tombstone_ratio=stats.tombstone_ratio,
            probe_hist=list(stats.probe_hist),
            latency_ms={series: self._quantiles(series) for series in SERIES},
            latency_hist_ms={
                series: cumulative_buckets(
                    self._bounds_ms, self._driver.latency_counts(series, self._bounds_ns)
                )
                for series in SERIES
            },
            memory_bytes=stats.memory_bytes,
            alerts=self._watchdog.alerts(),
            events=self._events,
            mode=self._mode.name,
            at=self._clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            layout=stats.layout,
            size=stats.size,
            ops_per_second=(ops - self._last_ops) / seconds if seconds > 0 else 0.0,
            hits=counters["hits"],
            misses=counters["misses"],
        )

    def _quantiles(self, series: Series) -> LatencyQuantiles:
        latencies = _in_ms(self._driver.percentiles(series, list(_QUANTILES.values())))
        samples = self._driver.latency_summary(series)["samples"]
        return LatencyQuantiles(**dict(zip(_QUANTILES, latencies, strict=True)), samples=samples)


def _in_ms(latencies_ns: Sequence[int]) -> list[float]:
    return [latency / _NS_PER_MS for latency in latencies_ns]


def _signals(stats: MapStats) -> dict[str, float]:
    return {
        "load_factor": stats.load_factor,
        "avg_probe": stats.avg_probe_estimate,
        "max_group_len": stats.max_group_len,
        "tombstone_ratio": stats.tombstone_ratio,
    }


def _identity(decision: Decision) -> tuple[int, str]:
    return decision.at_ops, decision.to_layout


def _layout_event(t: float, decision: Decision) -> Event:
    message = f"{decision.from_layout} -> {decision.to_layout}: {decision.signal}"
    return Event(t=t, kind="layout_changed", message=message)
