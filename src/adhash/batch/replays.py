"""The replays of a batch as reports compare them: grouped by trace, each with a label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from adhash.units import format_rate

if TYPE_CHECKING:
    from adhash.batch.result import BatchResult


@dataclass(frozen=True, kw_only=True)
class Replay:
    """A summary with the job that it is from, and the label that tells it from others."""

    job: str
    label: str
    summary: Mapping[str, Any]

    def number(self, *path: str) -> float | None:
        """Return a figure of the summary; None where there is none."""
        found = self.find(*path)
        is_number = isinstance(found, int | float) and not isinstance(found, bool)
        return float(found) if is_number else None

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


@dataclass(frozen=True, kw_only=True)
class TraceGroup:
    """The replays of one trace at one rate: their figures may be compared."""

    title: str
    replays: tuple[Replay, ...]

    @property
    def best_rate(self) -> float:
        """The most operations a second of any of them; 0 where none has a figure."""
        return max((each.number("ops_per_second") or 0.0 for each in self.replays), default=0.0)


def trace_groups(result: BatchResult) -> list[TraceGroup]:
    """Return the replays of a batch that ran to their end, grouped by trace.

    The figures of a dry run, or of a part of a trace, compare with nothing.

    Parameters
    ----------
    result : BatchResult
        Of any batch.

    Returns
    -------
    list of TraceGroup
        In the order in which their traces first appear; titles are distinct.
    """
    grouped: dict[tuple[object, ...], list[tuple[str, dict[str, Any]]]] = {}
    for job, summary in result.summaries():
        if summary.get("status") == "completed":
            grouped.setdefault(_identity(summary), []).append((job, summary))
    titles = _distinct([_title(members[0][1]) for members in grouped.values()])
    return [
        TraceGroup(title=title, replays=_labelled(members))
        for title, members in zip(titles, grouped.values(), strict=True)
    ]


def _rate(summary: Mapping[str, Any]) -> float:
    replay = Replay(job="", label="", summary=summary)
    return replay.number("manifest", "settings", "replay", "rate") or 0.0


def _identity(summary: Mapping[str, Any]) -> tuple[object, ...]:
    digest = Replay(job="", label="", summary=summary).find("manifest", "trace_sha256")
    return (digest or summary.get("csv"), _rate(summary))


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


def _labelled(members: Sequence[tuple[str, dict[str, Any]]]) -> tuple[Replay, ...]:
    """Label replays by their mode; where two have one mode, by their job as well."""
    modes = Counter(str(summary.get("mode")) for _, summary in members)
    labels = []
    for job, summary in members:
        mode = str(summary.get("mode"))
        labels.append(mode if modes[mode] == 1 else f"{mode}, {job}")
    return tuple(
        Replay(job=job, label=label, summary=summary)
        for (job, summary), label in zip(members, _distinct(labels), strict=True)
    )
