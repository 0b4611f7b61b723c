"""The result of a replay: the ``adhash.summary.v1`` model and its other shapes."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from adhash.metrics.quantiles import Quantiles
from adhash.metrics.watchdog import AlertRecord
from adhash.replay.manifest import Manifest
from adhash.units import format_bytes, format_ns, format_rate, format_seconds

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]
    import pyarrow as pa

SCHEMA = "adhash.summary.v1"
Status = Literal["completed", "validated", "cancelled"]


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True
    )


class OperationCounts(_Part):
    """Operations executed (in a dry run: found), by type."""

    total: int = Field(description="All operations.")
    get: int = Field(description="Gets.")
    put: int = Field(description="Puts.")
    del_: int = Field(alias="del", description="Deletions.")


class Latency(Quantiles[int], _Part):
    """Latencies of one operation type, in nanoseconds; 0 where none was timed."""

    p999: int = Field(description="99.9th percentile; at least p99.")
    p9999: int = Field(description="99.99th percentile; at least p999.")
    max: int = Field(description="The longest, in ns.")
    samples: int = Field(description="How many operations were timed.")


class Latencies(_Part):
    """Latencies overall and for each operation type."""

    overall: Latency = Field(description="All operations.")
    get: Latency = Field(description="Gets.")
    put: Latency = Field(description="Puts.")
    del_: Latency = Field(alias="del", description="Deletions.")


class Pause(_Part):
    """One of the longest pauses of the run."""

    at_s: float = Field(description="When it began, in seconds of the run.")
    ns: int = Field(description="How long it took, in ns.")
    cause: str = Field(description="What the table did, such as growing.")


class Memory(_Part):
    """Memory at the end of the run."""

    bytes: int = Field(description="Bytes that the map holds, exactly.")
    bytes_per_entry: float = Field(description="The same for each entry; 0 for an empty map.")
    peak_rss_bytes: int = Field(
        description="The most memory that the process held, in bytes: since this mode began where "
        "the system can say so (Linux), else since the process began."
    )


class LayoutChange(_Part):
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


class Verification(_Part):
    """What checking every answer against a reference model found."""

    checked: int = Field(description="Operations whose answer was checked.")
    mismatches: int = Field(description="Answers that were wrong.")


class Phases(_Part):
    """Where the time went; phases may overlap, so they need not sum to elapsed_s."""

    parse_s: float = Field(description="Parsing the trace, in seconds.")
    execute_s: float = Field(description="Executing operations, in seconds.")
    load_s: float = Field(description="Loading the snapshot before the run, in seconds.")
    save_s: float = Field(description="Saving the snapshot after the run, in seconds.")


class TickCounts(_Part):
    """The ticks of the run."""

    emitted: int = Field(description="Ticks that the run emitted.")
    written: int = Field(description="Ticks in metrics.ndjson.")
    dropped: int = Field(description="Ticks that --metrics-max-ticks kept out of the file.")


class Summary(_Part):
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

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the summary as JSON, as ``--json-summary-out`` writes it.

        Parameters
        ----------
        indent : int or None
            Spaces of indentation; None for one line.

        Returns
        -------
        str
            One object.
        """
        return self.model_dump_json(by_alias=True, indent=indent)

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as plain data, as its JSON has it."""
        return self.model_dump(mode="json", by_alias=True)

    def to_arrow(self) -> pa.Table:
        """Return the summary as a table of one row, so that summaries can be concatenated.

        Nested fields become columns with dotted names, such as ``latency_ns.get.p99``; lists stay
        lists. The manifest's settings and versions are left out.

        Returns
        -------
        pyarrow.Table
            One row.

        Raises
        ------
        ImportError
            If pyarrow is not installed.
        """
        import pyarrow as pa

        return pa.table({name: [value] for name, value in self._columns().items()})

    def to_pandas(self) -> pd.DataFrame:
        """Return the summary as a frame of one row, with the columns of `to_arrow`.

        Returns
        -------
        pandas.DataFrame
            One row.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        return pd.DataFrame([self._columns()])

    def _columns(self) -> dict[str, Any]:
        data = self.to_dict()
        for name in ("settings", "versions"):
            del data["manifest"][name]
        # Present in every summary, so that tables of several have the same columns.
        data["verified"] = data["verified"] or {"checked": None, "mismatches": None}
        return dict(_flatten(data))

    def __str__(self) -> str:
        """Return what matters most, a line each; `to_json` has everything."""
        return "\n".join(f"{name}: {text}" for name, text in self._highlights().items())

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th><td>{escape(text)}</td></tr>"
            for name, text in self._highlights().items()
        )
        return f"<table>{rows}</table>"

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


def _flatten(data: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    columns: list[tuple[str, Any]] = []
    for name, value in data.items():
        if isinstance(value, dict):
            columns.extend(_flatten(value, f"{prefix}{name}."))
        else:
            columns.append((prefix + name, value))
    return columns
