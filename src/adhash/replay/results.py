"""From a session to its summary, and from summaries to files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from adhash.atomic_files import replace_text
from adhash.clock import NS_PER_S
from adhash.maps.probe_theory import uniform_probe_shares
from adhash.maps.stats import MapStats
from adhash.metrics.quantiles import fractions_of
from adhash.replay import host
from adhash.replay.machinery import Driver
from adhash.replay.manifest import Manifest, describe_run
from adhash.replay.noise import Noise
from adhash.replay.plan import Mode
from adhash.replay.session import Run, Session
from adhash.replay.summary import (
    Latencies,
    Latency,
    Memory,
    OperationCounts,
    Pause,
    Phases,
    Status,
    Summary,
    TickCounts,
    Verification,
)
from adhash.replay.table_types import TableTypes

MAX_PAUSES = 20
# A bound on the time that a summary takes: all entries of most tables, a sample of huge ones.
_PROBE_SAMPLES = 1 << 20
_QUANTILES = fractions_of(Latency)


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a session ended: its status, and what was found out after its last operation."""

    status: Status
    trace_sha256: str | None
    save_s: float
    artifacts: Mapping[str, str]


def summarise(session: Session, ending: Ending) -> Summary:
    """Return the summary of a session.

    Parameters
    ----------
    session : Session
        After its last operation.
    ending : Ending
        How it ended.

    Returns
    -------
    Summary
        Of the operations that ran.
    """
    stats, counters = session.table.stats(_PROBE_SAMPLES), session.driver.counters()
    ops = count_operations(counters)
    is_verified = session.run.plan.settings.replay.verify
    return Summary(
        mode=session.mode.name,
        engine=session.mode.engine,
        status=ending.status,
        csv=session.run.plan.csv,
        trace_format=session.feed.source.format_name,
        key_type=session.table.key_type,
        value_type=session.table.value_type,
        ops=ops,
        hits=counters["hits"],
        misses=counters["misses"],
        inserts=counters["inserts"],
        updates=counters["updates"],
        deletes_found=counters["deletes_found"],
        final_size=stats.size,
        elapsed_s=session.elapsed_s,
        ops_per_second=ops.total / session.elapsed_s if session.elapsed_s > 0 else 0.0,
        phases=Phases(
            parse_s=counters["parse_ns"] / NS_PER_S,
            execute_s=counters["execute_ns"] / NS_PER_S,
            load_s=session.prepared.load_s,
            save_s=ending.save_s,
        ),
        latency_ns=_latencies(session.driver),
        pauses=_pauses(session),
        probe_hist=list(stats.probe_hist),
        probe_expected=_expected_probes(stats),
        capacity=stats.capacity,
        memory=Memory(
            bytes=stats.memory_bytes,
            bytes_per_entry=stats.bytes_per_entry,
            peak_rss_bytes=host.peak_rss_bytes(),
        ),
        layout_timeline=session.recorder.layout_timeline(),
        alerts=session.recorder.alerts(),
        verified=_verification(counters) if is_verified else None,
        ticks=session.run.outputs.counts(),
        artifacts=dict(ending.artifacts),
        manifest=_manifest(session, ending),
    )


def summarise_without_table(
    run: Run,
    mode: Mode,
    *,
    status: Status,
    trace_format: str | None,
    types: TableTypes,
    counts: Mapping[str, int],
    started_at: datetime,
    elapsed_s: float,
    trace_sha256: str | None,
    noise: Noise,
    artifacts: Mapping[str, str],
) -> Summary:
    """Return the summary of a run in which no operation was executed.

    Parameters
    ----------
    run : Run
        The run.
    mode : Mode
        The mode that it is about.
    status : Status
        ``validated``, or ``cancelled`` before the first operation.
    trace_format : str or None
        The format of the trace, where it is known.
    types : TableTypes
        The types of the trace, as far as they are known.
    counts : mapping
        Operations found, by type.
    started_at : datetime
        When the run began.
    elapsed_s : float
        How long it took, in seconds.
    trace_sha256 : str or None
        The digest of the trace's file.
    noise : Noise
        How much the machine disturbed it.
    artifacts : mapping
        Files that the run wrote.

    Returns
    -------
    Summary
        With no latencies and an empty table.
    """
    zero = Latency(**dict.fromkeys(_QUANTILES, 0), max=0, samples=0)
    ops = count_operations(counts)
    return Summary(
        mode=mode.name,
        engine=mode.engine,
        status=status,
        csv=run.plan.csv,
        trace_format=trace_format,
        key_type=types.key,
        value_type=types.value,
        ops=ops,
        hits=0,
        misses=0,
        inserts=0,
        updates=0,
        deletes_found=0,
        final_size=0,
        elapsed_s=elapsed_s,
        ops_per_second=ops.total / elapsed_s if elapsed_s > 0 else 0.0,
        phases=Phases(parse_s=elapsed_s, execute_s=0, load_s=0, save_s=0),
        latency_ns=Latencies(overall=zero, get=zero, put=zero, del_=zero),
        pauses=[],
        probe_hist=[],
        memory=Memory(bytes=0, bytes_per_entry=0, peak_rss_bytes=host.peak_rss_bytes()),
        layout_timeline=[],
        alerts=[],
        ticks=TickCounts(emitted=0, written=0, dropped=0),
        artifacts=dict(artifacts),
        manifest=describe_run(
            started_at=started_at,
            trace_sha256=trace_sha256,
            settings=run.plan.settings,
            seed=run.seed,
            isa=run.machinery.isa(),
            noise=noise,
        ),
    )


def count_operations(counts: Mapping[str, int]) -> OperationCounts:
    """Return the operations of counters by type, with their sum."""
    get, put, deletions = counts["get"], counts["put"], counts["del"]
    return OperationCounts(total=get + put + deletions, get=get, put=put, del_=deletions)


def write_summaries(path: Path, summaries: Sequence[Summary], *, is_list: bool) -> None:
    """Write summaries as JSON; the file is there whole or not at all.

    Parameters
    ----------
    path : Path
        The file.
    summaries : sequence of Summary
        What to write.
    is_list : bool
        Whether to write a list, as for several modes, or the one summary itself.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    data = [summary.to_dict() for summary in summaries]
    text = json.dumps(data if is_list else data[0], indent=2, ensure_ascii=False)
    replace_text(path, text + "\n")


def _manifest(session: Session, ending: Ending) -> Manifest:
    settings = session.run.plan.settings
    return describe_run(
        started_at=session.started_at,
        trace_sha256=ending.trace_sha256,
        settings=settings,
        seed=session.table.seed,
        isa=session.run.machinery.isa(),
        noise=session.noise.read(
            is_paced=settings.replay.rate > 0,
            side_cpu_ns=session.driver.counters()["side_cpu_ns"],
        ),
    )


def _latencies(driver: Driver) -> Latencies:
    return Latencies(
        overall=_latency(driver, "overall"),
        get=_latency(driver, "get"),
        put=_latency(driver, "put"),
        del_=_latency(driver, "del"),
    )


def _latency(driver: Driver, series: str) -> Latency:
    latencies = driver.percentiles(series, list(_QUANTILES.values()))
    extremes = driver.latency_summary(series)
    return Latency(
        **dict(zip(_QUANTILES, latencies, strict=True)),
        max=extremes["max"],
        samples=extremes["samples"],
    )


def _pauses(session: Session) -> list[Pause]:
    """Pauses are dated by the native clock; those of loading a snapshot came before the run."""
    start_ns = session.native_start_ns
    pauses = [
        Pause(at_s=(at_ns - start_ns) / NS_PER_S, ns=duration_ns, cause=cause)
        for at_ns, duration_ns, cause in session.driver.pauses()
        if at_ns >= start_ns
    ]
    longest = sorted(pauses, key=lambda pause: pause.ns, reverse=True)[:MAX_PAUSES]
    return sorted(longest, key=lambda pause: pause.at_s)


def _expected_probes(stats: MapStats) -> list[float] | None:
    if stats.migrating:
        return None
    return uniform_probe_shares(stats.layout, size=stats.size, capacity=stats.capacity)


def _verification(counters: Mapping[str, int]) -> Verification:
    return Verification(checked=counters["checked"], mismatches=counters["mismatches"])
