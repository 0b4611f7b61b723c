"""Replays as reports compare them: grouped by trace, each with a label and a regret."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from statistics import median
from typing import Any

from adhash.reports.content import Source
from adhash.units import format_rate

_ADAPTIVE = "adaptive"
# What differs between runs of one variant: the seed; and what is told elsewhere.
_OF_THE_RUN = frozenset({"replay.seed", "replay.rate", "replay.mode"})
_TOLD_SETTINGS = 3


@dataclass(frozen=True, kw_only=True)
class Replay:
    """A summary with where it is from.

    Parameters
    ----------
    source : str
        The job or file.
    label : str
        Tells it from every other replay of its trace.
    variant : str
        Tells its mode, and its settings where those of the mode differ; runs that repeat each other
        have one.
    summary : mapping
        As its JSON has it.
    """

    source: str
    label: str
    variant: str
    summary: Mapping[str, Any]

    @property
    def mode(self) -> str:
        """The mode as it was asked for."""
        return str(self.find("mode"))

    @property
    def engine(self) -> str:
        """The engine that the mode stands for; the mode itself where that is not told."""
        return str(self.find("engine") or self.mode)

    @property
    def time_s(self) -> float | None:
        """How long it took, in seconds; None where that is not told, or no time."""
        elapsed_s = self.number("elapsed_s")
        return elapsed_s if elapsed_s is not None and elapsed_s > 0 else None

    def number(self, *path: str) -> float | None:
        """Return a figure of the summary; None where there is none."""
        return as_number(self.find(*path))

    def find(self, *path: str) -> Any:
        """Return what the summary has at `path`; None where it has nothing."""
        found: Any = self.summary
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    def records(self, *path: str) -> list[Mapping[str, Any]]:
        """Return a list of records of the summary; empty where there is none."""
        found = self.find(*path)
        items = found if isinstance(found, list) else []
        return [each for each in items if isinstance(each, Mapping)]

    @property
    def has_latencies(self) -> bool:
        """Whether any operation of the replay was timed."""
        return bool(self.number("latency_ns", "overall", "samples"))


def as_number(found: object) -> float | None:
    """Return a value of JSON as a figure; None if it is none that can be drawn."""
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    try:
        number = float(found)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


@dataclass(frozen=True, kw_only=True)
class TraceGroup:
    """The replays of one trace at one rate: their figures may be compared."""

    title: str
    replays: tuple[Replay, ...]

    @cached_property
    def times_s(self) -> dict[str, list[float]]:
        """How long each variant took, in seconds: a time for every run of it."""
        times: dict[str, list[float]] = {}
        for each in self.replays:
            if each.time_s is not None:
                times.setdefault(each.variant, []).append(each.time_s)
        return times

    @cached_property
    def best_fixed(self) -> tuple[str, float] | None:
        """The fixed engine that took the least time, and that time; of several runs the median.

        The fastest of all where every replay is of the adaptive engine; None without times.
        """
        moving = {each.variant for each in self.replays if each.engine == _ADAPTIVE}
        medians = {variant: median(times) for variant, times in self.times_s.items()}
        fixed = {name: time for name, time in medians.items() if name not in moving} or medians
        return min(fixed.items(), key=lambda pair: pair[1]) if fixed else None

    def regret(self, variant: str) -> float | None:
        """Return the time of a variant by that of the best fixed engine; None without times."""
        times = self.times_s.get(variant)
        return median(times) / self.best_fixed[1] if times and self.best_fixed else None

    def spread(self, variant: str) -> float | None:
        """Return half the range of the times of a variant by the median; None for a single run."""
        times = self.times_s.get(variant, [])
        return (max(times) - min(times)) / 2 / median(times) if len(times) > 1 else None


def trace_groups(replays: Iterable[Source]) -> list[TraceGroup]:
    """Return the replays that ran to their end, grouped by trace.

    The figures of a dry run, or of a part of a trace, compare with nothing.

    Parameters
    ----------
    replays : iterable of Source
        Summaries.

    Returns
    -------
    list of TraceGroup
        In the order in which their traces first appear; titles are distinct.
    """
    completed = [each for each in replays if each.result.get("status") == "completed"]
    variants = _Variants(completed)
    grouped: dict[tuple[str, float], list[Source]] = {}
    for each in completed:
        grouped.setdefault(_identity(each.result), []).append(each)
    titles = _distinct([_title(members[0].result) for members in grouped.values()])
    return [
        TraceGroup(title=title, replays=_labelled(members, variants))
        for title, members in zip(titles, grouped.values(), strict=True)
    ]


def variants_of(groups: Iterable[TraceGroup]) -> list[str]:
    """Return every variant, in the order in which they first appear."""
    return list(dict.fromkeys(each.variant for group in groups for each in group.replays))


class _Variants:
    """Names the variants of each mode by the settings that differ among its replays."""

    def __init__(self, replays: Iterable[Source]) -> None:
        self._values: dict[str, dict[str, set[str]]] = {}
        for each in replays:
            of_mode = self._values.setdefault(_mode(each.result), {})
            for name, value in _settings(each.result).items():
                of_mode.setdefault(name, set()).add(value)

    def name(self, summary: Mapping[str, Any]) -> str:
        """Return the variant of a replay."""
        mode, values = _mode(summary), _settings(summary)
        of_mode = self._values[mode]
        varying = [name for name in values if len(of_mode[name]) > 1]
        told = [f"{name.partition('.')[2]}={values[name]}" for name in varying[:_TOLD_SETTINGS]]
        return ", ".join([mode, *told])


def _mode(summary: Mapping[str, Any]) -> str:
    return str(summary.get("mode"))


def _settings(summary: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings of a replay by dotted name, without those that make no variant."""
    tables = _unlabelled(summary).find("manifest", "settings")
    found = tables.items() if isinstance(tables, Mapping) else ()
    settings = {
        f"{table}.{name}": str(value)
        for table, values in found
        if isinstance(values, Mapping)
        for name, value in values.items()
    }
    return {
        name: value
        for name, value in settings.items()
        if name not in _OF_THE_RUN and not name.startswith("metrics.")
    }


def _unlabelled(summary: Mapping[str, Any]) -> Replay:
    return Replay(source="", label="", variant="", summary=summary)


def _rate(summary: Mapping[str, Any]) -> float:
    return _unlabelled(summary).number("manifest", "settings", "replay", "rate") or 0.0


def _identity(summary: Mapping[str, Any]) -> tuple[str, float]:
    digest = _unlabelled(summary).find("manifest", "trace_sha256")
    return str(digest or summary.get("csv")), _rate(summary)


def _title(summary: Mapping[str, Any]) -> str:
    name = PurePath(str(summary.get("csv"))).name
    rate = _rate(summary)
    return f"{name} at {format_rate(rate)}" if rate else name


def _distinct(titles: Sequence[str]) -> list[str]:
    """Number the titles that stand more than once."""
    counts, seen = Counter(titles), Counter[str]()
    numbered = []
    for title in titles:
        seen[title] += 1
        numbered.append(f"{title} ({seen[title]})" if counts[title] > 1 else title)
    return numbered


def _label(variant: str, source: str) -> str:
    """Join both, unless the source, as a job of a matrix, has the variant in its name."""
    return source if variant in source.split("-") else f"{variant}, {source}"


def _labelled(members: Sequence[Source], variants: _Variants) -> tuple[Replay, ...]:
    """Label replays by their variant; where two have one, by where they are from as well."""
    names = [variants.name(each.result) for each in members]
    counts = Counter(names)
    labels = [
        name if counts[name] == 1 else _label(name, each.name)
        for name, each in zip(names, members, strict=True)
    ]
    return tuple(
        Replay(source=each.name, label=label, variant=name, summary=each.result)
        for each, label, name in zip(members, _distinct(labels), names, strict=True)
    )
