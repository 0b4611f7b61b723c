"""A run's latest ticks as Prometheus metrics.

Nothing is counted here: a scrape reads the newest tick of each engine that has run so far. Names
carry base units (seconds, bytes), as Prometheus asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector, CollectorRegistry

from adhash.metrics.board import TickBoard
from adhash.metrics.ticks import OPERATIONS, Bucket, Tick
from adhash.metrics.watchdog import ALERTS

PREFIX = "adhash_replay_"
_MS_PER_S = 1000

_COUNTERS: dict[str, tuple[str, Callable[[Tick], float]]] = {
    "migrations": ("Moves from one layout or size to another.", lambda tick: tick.migrations),
    "compactions": ("Compactions.", lambda tick: tick.compactions),
}
_GAUGES: dict[str, tuple[str, Callable[[Tick], float]]] = {
    "run_seconds": ("Seconds since the run of this engine began.", lambda tick: tick.t),
    "entries": ("Entries in the map.", lambda tick: tick.size or 0),
    "memory_bytes": ("Bytes that the map holds.", lambda tick: tick.memory_bytes),
    "load_factor": ("Entries divided by slots.", lambda tick: tick.load_factor),
    "max_group_len": ("The longest group seen.", lambda tick: tick.max_group_len),
    "avg_probe_estimate": ("Mean slots a look-up visits.", lambda tick: tick.avg_probe_estimate),
    "tombstone_ratio": ("Deleted slots divided by slots.", lambda tick: tick.tombstone_ratio),
}


class TickCollector(Collector):
    """Reads the newest tick of each engine when it is asked for metrics.

    Parameters
    ----------
    board : TickBoard
        Where the run posts its ticks.
    """

    def __init__(self, board: TickBoard) -> None:
        self._board = board

    def collect(self) -> Iterator[Metric]:
        """Return the metrics of the engines that have run so far."""
        ticks = self._board.latest_of_each_backend()
        yield _info(ticks)
        yield _operations(ticks)
        for name, (text, read) in _COUNTERS.items():
            yield _filled(CounterMetricFamily(PREFIX + name, text, labels=["engine"]), ticks, read)
        for name, (text, read) in _GAUGES.items():
            yield _filled(GaugeMetricFamily(PREFIX + name, text, labels=["engine"]), ticks, read)
        yield _probe_lengths(ticks)
        yield _alerts(ticks)
        yield _latencies(ticks)


def new_registry(board: TickBoard) -> CollectorRegistry:
    """Return a registry of its own for a run, so that runs in one process do not mix."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(TickCollector(board))
    return registry


def _filled(
    family: CounterMetricFamily | GaugeMetricFamily,
    ticks: list[Tick],
    read: Callable[[Tick], float],
) -> Metric:
    for tick in ticks:
        family.add_metric([tick.backend], read(tick))
    return family


def _info(ticks: list[Tick]) -> Metric:
    family = InfoMetricFamily(PREFIX + "engine", "The engines of this run.", labels=["engine"])
    for tick in ticks:
        family.add_metric([tick.backend], {"mode": tick.mode or "", "layout": tick.layout or ""})
    return family


def _operations(ticks: list[Tick]) -> Metric:
    family = CounterMetricFamily(
        PREFIX + "operations", "Operations executed.", labels=["engine", "op"]
    )
    for tick in ticks:
        for name in OPERATIONS:
            family.add_metric([tick.backend, name], tick.ops_by_type[name])
    return family


def _probe_lengths(ticks: list[Tick]) -> Metric:
    family = GaugeMetricFamily(
        PREFIX + "probe_length_entries",
        "Entries by the length of the probe that finds them.",
        labels=["engine", "length"],
    )
    for tick in ticks:
        for length, entries in enumerate(tick.probe_hist, start=1):
            family.add_metric([tick.backend, str(length)], entries)
    return family


def _alerts(ticks: list[Tick]) -> Metric:
    family = GaugeMetricFamily(
        PREFIX + "alert", "1 while the alert is raised, else 0.", labels=["engine", "alert"]
    )
    for tick in ticks:
        raised = {alert.name for alert in tick.alerts}
        for name in ALERTS:
            family.add_metric([tick.backend, name], float(name in raised))
    return family


def _latencies(ticks: list[Tick]) -> Metric:
    family = HistogramMetricFamily(
        PREFIX + "latency_seconds", "Latency of operations.", labels=["engine", "op"]
    )
    for tick in ticks:
        for name in OPERATIONS:
            if name in tick.latency_hist_ms:
                _add_histogram(family, [tick.backend, name], tick.latency_hist_ms[name])
    return family


def _add_histogram(family: HistogramMetricFamily, labels: list[str], buckets: list[Bucket]) -> None:
    # No sum is published: ticks carry counts, and a sum made of bucket bounds would be invented.
    in_seconds = [(_in_seconds(bucket.le), float(bucket.count)) for bucket in buckets]
    family.add_metric(labels, in_seconds, sum_value=None)
    names = dict(zip(["engine", "op"], labels, strict=True))
    family.add_sample(family.name + "_count", names, float(buckets[-1].count))


def _in_seconds(bound: float | str) -> str:
    return bound if isinstance(bound, str) else repr(round(bound / _MS_PER_S, 12))
