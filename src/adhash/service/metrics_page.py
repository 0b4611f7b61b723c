"""``/metrics``: what Prometheus reads, computed from the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from adhash.service.attempts import Capacity
from adhash.service.lifecycle import Status
from adhash.service.records import Histogram, StoreMetrics

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def metrics_page(metrics: StoreMetrics, capacity: Capacity, *, followers: int) -> bytes:
    """Return the page.

    Parameters
    ----------
    metrics : StoreMetrics
        From the store.
    capacity : Capacity
        Of the executor.
    followers : int
        How many connections follow a job.

    Returns
    -------
    bytes
        In Prometheus' text format.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Page(metrics, capacity, followers))
    return generate_latest(registry)


class _Page(Collector):
    def __init__(self, metrics: StoreMetrics, capacity: Capacity, followers: int) -> None:
        self._metrics = metrics
        self._capacity = capacity
        self._followers = followers

    def collect(self) -> Iterator[Metric]:
        yield self._jobs()
        yield from self._gauges()
        yield CounterMetricFamily(
            "adhash_attempts_lost",
            "Attempts whose runner vanished without an outcome.",
            value=self._metrics.attempts_lost,
        )
        yield _histogram(
            "adhash_job_queue_wait_seconds",
            "How long jobs waited for a slot.",
            self._metrics.queue_wait,
        )
        yield _histogram("adhash_job_run_seconds", "How long jobs ran.", self._metrics.run_time)

    def _jobs(self) -> Metric:
        family = CounterMetricFamily(
            "adhash_jobs", "Jobs that ended, by kind and status.", labels=("kind", "status")
        )
        for (kind, status), count in sorted(self._metrics.jobs.items()):
            if status.is_terminal:
                family.add_metric((kind, status.value), count)
        return family

    def _gauges(self) -> Iterator[Metric]:
        running, queued = self._count(Status.RUNNING), self._count(Status.PENDING)
        free = max(self._capacity.free, 0)
        yield GaugeMetricFamily("adhash_jobs_running", "Jobs that run now.", value=running)
        yield GaugeMetricFamily("adhash_jobs_queued", "Jobs that wait now.", value=queued)
        yield GaugeMetricFamily(
            "adhash_oldest_queued_seconds",
            "How long the oldest waiting job has waited.",
            value=self._metrics.oldest_queued_s,
        )
        yield GaugeMetricFamily(
            "adhash_slots", "How many jobs may run at once.", value=self._capacity.slots
        )
        yield GaugeMetricFamily("adhash_slots_free", "How many more jobs fit now.", value=free)
        yield GaugeMetricFamily(
            "adhash_followers", "Connections that follow a job now.", value=self._followers
        )

    def _count(self, status: Status) -> int:
        return sum(count for (_, each), count in self._metrics.jobs.items() if each is status)


def _histogram(name: str, text: str, by_kind: Mapping[str, Histogram]) -> Metric:
    family = HistogramMetricFamily(name, text, labels=("kind",))
    for kind, histogram in sorted(by_kind.items()):
        bounds = ["+Inf" if bound == float("inf") else f"{bound:g}" for bound in histogram.bounds]
        buckets = list(zip(bounds, map(float, histogram.counts), strict=True))
        family.add_metric((kind,), buckets=buckets, sum_value=histogram.total_s)
    return family
