"""The result of a replay: the ``adhash.summary.v1`` model and its other shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from adhash.metrics.quantiles import Quantiles
from adhash.metrics.watchdog import AlertRecord
from adhash.replay.manifest import Manifest
from adhash.results import Result, ResultPart
from adhash.units import format_bytes, format_ns, format_rate, format_seconds

SCHEMA = "adhash.summary.v1"
Status = Literal["completed", "validated", "cancelled"]


class OperationCounts(ResultPart):
    """Operations executed (in a dry run: found), by type."""

    total: int = Field(description="All operations.")
    get: int = Field(description="Gets.")
    put: int = Field(description="Puts.")
    del_: int = Field(alias="del", description="Deletions.")


class Latency(Quantiles[int], ResultPart):
    """Latencies of one operation type, in nanoseconds; 0 where none was timed."""

    p999: int = Field(description="99.9th percentile; at least p99.")
    p9999: int = Field(description="99.99th percentile; at least p999.")
    max: int = Field(description="The longest, in ns.")
    samples: int = Field(description="How many operations were timed.")


class Latencies(ResultPart):
    """Latencies overall and for each operation type."""

    overall: Latency = Field(description="All operations.")
    get: Latency = Field(description="Gets.")
    put: Latency = Field(description="Puts.")
    del_: Latency = Field(alias="del", description="Deletions.")


class Pause(ResultPart):
    """One of the longest pauses of the run."""

    at_s: float = Field(description="When it began, in seconds of the run.")
    ns: int = Field(description="How long it took, in ns.")
    cause: str = Field(description="What the table did, such as growing.")


class Memory(ResultPart):
    """Memory at the end of the run."""

    bytes: int = Field(description="Bytes that the map holds, exactly.")
    bytes_per_entry: float = Field(description="The same for each entry; 0 for an empty map.")
    peak_rss_bytes: int = Field(
        description="The most memory that the process held, in bytes: since this mode began where "
        "the system can say so (Linux), else since the process began."
    )


class LayoutChange(ResultPart):
    """One decision of the engine about its layout."""

    at_s: float = Field(
        description="When the change was first seen, in seconds of the run: at most one tick late."
    )
    at_ops: int = Field(description="After how many operations it was decided.")
    signal: str = Field(description="What was observed.")
    from_layout: str = Field(description="The layout before; empty at the start.")
    to_layout: str = Field(description="The layout after.")
    expected_gain: float | None = Field(description="The gain that the cost model promised.")
    measured_gain: float | None = Field(description="The gain measured; null where not known.")


class Verification(ResultPart):
    """What checking every answer against a reference model found."""

    checked: int = Field(description="Operations whose answer was checked.")
    mismatches: int = Field(description="Answers that were wrong.")


class Phases(ResultPart):
    """Where the time went; phases may overlap, so they need not sum to elapsed_s."""

    parse_s: float = Field(description="Parsing the trace, in seconds.")
    execute_s: float = Field(description="Executing operations, in seconds.")
    load_s: float = Field(description="Loading the snapshot before the run, in seconds.")
    save_s: float = Field(description="Saving the snapshot after the run, in seconds.")


class TickCounts(ResultPart):
    """The ticks of the run."""

    emitted: int = Field(description="Ticks that the run emitted.")
    written: int = Field(description="Ticks in metrics.ndjson.")
    dropped: int = Field(description="Ticks that --metrics-max-ticks kept out of the file.")


class Summary(Result):
    """What one mode did with a trace."""

    schema_: Literal["adhash.summary.v1"] = Field(
        default="adhash.summary.v1", alias="schema", description="The version of this format."
    )
    mode: str = Field(description="The mode as it was asked for.")
    engine: str = Field(description="The engine it stands for.")
    status: Status = Field(
        description="completed; validated (a dry run); cancelled: all figures are of the part "
        "that ran."
    )
    csv: str = Field(description='The trace as it was named; "-" is standard input.')
    trace_format: str | None = Field(
        default=None, description="Its format; null where the run ended before that was known."
    )
    key_type: str = Field(description="The type of the keys that the table held.")
    value_type: str = Field(description="The type of the values that the table held.")
    ops: OperationCounts = Field(description="Operations executed, by type.")
    hits: int = Field(description="Gets that found their key.")
    misses: int = Field(description="Gets that found no key.")
    inserts: int = Field(description="Puts of a new key.")
    updates: int = Field(description="Puts of a key that was there.")
    deletes_found: int = Field(description="Deletions that found their key.")
    final_size: int = Field(description="Entries in the map at the end.")
    elapsed_s: float = Field(
        description="Wall time of the replay in seconds: reading, parsing, executing and ticks; "
        "without loading and saving snapshots."
    )
    ops_per_second: float = Field(description="Operations divided by elapsed_s.")
    phases: Phases = Field(description="Where the time went.")
    latency_ns: Latencies = Field(description="Latencies, overall and by operation type.")
    pauses: list[Pause] = Field(description="The longest pauses, in order of time.")
    probe_hist: list[int] = Field(
        description="Entries by probe length at the end: the first number counts those found at "
        "once. Of all entries, or of about a million evenly spaced ones of a larger table."
    )
    probe_expected: list[float] | None = Field(
        default=None,
        description="The share of entries by probe length that a uniform hash would give so many "
        "entries in such a table; null for an empty table and between two tables.",
    )
    capacity: int = Field(
        default=0, description="Slots at the end (of std: buckets), of both tables if it has two."
    )
    memory: Memory = Field(description="Memory at the end.")
    layout_timeline: list[LayoutChange] = Field(
        description="The layout at the start and every change of it."
    )
    alerts: list[AlertRecord] = Field(description="Every alert of the watchdog.")
    verified: Verification | None = Field(
        default=None, description="With --verify: what checking found; else null."
    )
    ticks: TickCounts = Field(description="How many ticks there were, and how many were kept.")
    artifacts: dict[str, str] = Field(
        default_factory=dict,
        description="Files the run wrote, by what they are: metrics, snapshot, summary.",
    )
    manifest: Manifest = Field(description="What is needed to repeat and to judge the run.")

    def _records(self) -> list[dict[str, Any]]:
        """Return one row, without the settings and versions of the manifest."""
        return [row_of(self.to_dict())]

    def _highlights(self) -> dict[str, str]:
        latency = self.latency_ns.overall
        return {
            "mode": f"{self.mode} ({self.engine}), {self.status}",
            "trace": f"{self.csv}, {self.ops.total:,} operations, {self.key_type} keys",
            "time": f"{format_seconds(self.elapsed_s)}, {format_rate(self.ops_per_second)}",
            "latency p50 / p99 / max": " / ".join(
                format_ns(value) for value in (latency.p50, latency.p99, latency.max)
            ),
            "entries": f"{self.final_size:,}",
            "memory": f"{format_bytes(self.memory.bytes)}, "
            f"{self.memory.bytes_per_entry:.1f} bytes an entry",
            "machine": f"{self.manifest.cpu}, {self.manifest.noise.verdict}",
        }


def row_of(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return a summary, as its JSON has it, as a row of a table of many.

    Parameters
    ----------
    summary : mapping
        It stays as it is.

    Returns
    -------
    dict
        Without the manifest's settings and versions, which differ in their names.
    """
    manifest = {
        name: value
        for name, value in summary.get("manifest", {}).items()
        if name not in ("settings", "versions")
    }
    # Present in every summary, so that tables of several have the same columns.
    verified = summary.get("verified") or {"checked": None, "mismatches": None}
    return {**summary, "verified": verified, "manifest": manifest}
