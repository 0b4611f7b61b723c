"""What one run measured: the medians of its replays, and what both sides must have in common.

A run is one process that replays the trace several times. The first replay pays for the imports,
the first touch of the heap and the cache of files, and differs from process to process by more than
the others do; where there are several it is left out. Of the rest the median of each figure counts.

A build of another version may tell more or less than this one, so figures are picked out of plain
summaries here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from adhash.analysis.ab_result import Figures
from adhash.errors import InvariantError
from adhash.replay.noise import MAX_STEAL, MAX_WALL_OVER_CPU

# What both sides must have in common, whatever holds the entries.
ANSWERS = ("hits", "misses", "inserts", "updates", "deletes_found", "final_size")


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One run.

    `noise` is why it is called noisy, None if it was quiet.
    """

    figures: Figures
    answers: Mapping[str, int]
    types: tuple[str, str]
    trace_sha256: str | None
    noise: str | None


def observe(
    replays: Sequence[Mapping[str, Any]], *, who: str, core: int | None, steal: float | None
) -> Observation:
    """Return what a run measured.

    Parameters
    ----------
    replays : sequence of mapping
        Each with ``summary`` (a mapping as ``adhash.summary.v1``), ``wall_s`` and ``cpu_s`` of the
        process; at least one.
    who : str
        What messages call the run.
    core : int or None
        The core that it was bound to.
    steal : float or None
        The share of CPU time that was stolen meanwhile; None where not known.

    Returns
    -------
    Observation
        Its medians.

    Raises
    ------
    InvariantError
        If a summary lacks a figure, as that of an older build may.
    """
    counted = replays[1:] if len(replays) > 1 else replays
    summaries = [replay["summary"] for replay in counted]
    try:
        figures = [_figures(replay["summary"], float(replay["cpu_s"])) for replay in counted]
        last = summaries[-1]
        return Observation(
            figures=Figures(
                **{name: median(each[name] for each in figures) for name in Figures.model_fields}
            ),
            answers={name: int(last[name]) for name in ANSWERS},
            types=(last["key_type"], last["value_type"]),
            trace_sha256=last["manifest"]["trace_sha256"],
            noise=disturbance(counted, core=core, steal=steal),
        )
    except (KeyError, TypeError) as error:
        raise InvariantError(
            f"{who} told no {error.args[0]}", hint="its adhash is too old to be compared"
        ) from error


def _figures(summary: Mapping[str, Any], cpu_s: float) -> dict[str, float]:
    latency = summary["latency_ns"]["overall"]
    return {
        "ops_per_second": float(summary["ops_per_second"]),
        "p50_ns": float(latency["p50"]),
        "p99_ns": float(latency["p99"]),
        "p999_ns": float(latency["p999"]),
        "memory_bytes": float(summary["memory"]["bytes"]),
        "execute_s": float(summary["phases"]["execute_s"]),
        "cpu_s": cpu_s,
    }


def disturbance(
    replays: Sequence[Mapping[str, Any]], *, core: int | None, steal: float | None
) -> str | None:
    """Return why a run is called noisy; None if it was quiet.

    By the verdicts of the manifests. A run that was bound to one core shares it with the thread
    that reads the trace for it, which a manifest takes for a disturbance: there the process as a
    whole is judged, by the same limits.

    Parameters
    ----------
    replays : sequence of mapping
        See `observe`.
    core : int or None
        The core that the run was bound to.
    steal : float or None
        The share of CPU time that was stolen while the process lived: one replay is too short for
        the ticks in which the system counts it.

    Returns
    -------
    str or None
        The reason.
    """
    noises = [replay["summary"]["manifest"]["noise"] for replay in replays]
    if core is None:
        noisy = [each for each in noises if each["verdict"] == "noisy"]
        return "; ".join(noisy[0]["reasons"]) if 2 * len(noisy) > len(noises) else None
    if steal is not None and steal > MAX_STEAL:
        return f"{steal:.1%} of the CPU time was stolen; limit {MAX_STEAL:.0%}"
    paced = bool(replays[-1]["summary"]["manifest"]["settings"]["replay"]["rate"])
    over = median(
        float(each["wall_s"]) / float(each["cpu_s"]) if each["cpu_s"] else 1.0 for each in replays
    )
    if over > MAX_WALL_OVER_CPU and not paced:
        return f"the process took {over:.2f} times its CPU time; limit {MAX_WALL_OVER_CPU}"
    return None
