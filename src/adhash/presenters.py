"""Models as rows and labels. Pure functions, no framework: every user interface draws from here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from adhash.units import format_bytes, format_count, format_ns, format_seconds

if TYPE_CHECKING:
    from adhash.config_sources import Preset

NOTHING = "-"
_QUANTILES = ("p50", "p99", "p999", "max")
_ENGINE_NOTES = {
    "adaptive": "moves between layouts as its keys and operations ask for",
    "chaining": "two-level chaining: cache-line buckets with overflow",
    "robinhood": "Robin Hood linear probing with backward-shift deletion",
    "swiss": "groups of one-byte tags searched by SIMD",
    "std": "std::unordered_map, for reference",
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column: its heading, and the side its cells lean to (numbers lean right)."""

    heading: str
    align: Literal["left", "right"] = "left"


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of text under headings; each row has one cell a column."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a row has {len(row)} cells for {len(self.columns)} columns")


def columns(*headings: str) -> tuple[Column, ...]:
    """Return columns by heading; one that ends in ``>`` leans right."""
    return tuple(
        Column(heading=heading.removesuffix(">"), align="right" if ">" in heading else "left")
        for heading in headings
    )


def plain_text(table: Table) -> str:
    """Return `table` as aligned columns of plain text, one line a row, for a pipe or a file.

    Whatever a cell holds stays in its line, and does nothing to a terminal.
    """
    rows = (tuple(map(printable, row)) for row in table.rows)
    lines = [tuple(column.heading for column in table.columns), *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(table.columns))]
    aligned = ("  ".join(_cells(line, table.columns, widths)).rstrip() for line in lines)
    return "\n".join(([table.title] if table.title else []) + list(aligned))


def _cells(line: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> Iterator[str]:
    for cell, column, width in zip(line, columns, widths, strict=True):
        yield cell.rjust(width) if column.align == "right" else cell.ljust(width)


def engines_table(engines: Iterable[str]) -> Table:
    """Return a row for every engine: its name, the modes that choose it, what it is."""
    rows = tuple((name, ", ".join(modes_of(name)), _ENGINE_NOTES.get(name, "")) for name in engines)
    return Table(columns=columns("engine", "modes", "what it is"), rows=rows)


def formats_table(formats: Iterable[Mapping[str, str]]) -> Table:
    """Return a row for every foreign trace format."""
    names = ("format", "keys", "recognised", "summary")
    rows = tuple(tuple(each[name] for name in names) for each in formats)
    return Table(columns=columns("format", "keys", "recognised by", "what it is"), rows=rows)


def modes_of(engine: str) -> list[str]:
    """Return the modes that choose `engine`, its own name first."""
    # Deferred: the settings take longer to import than most commands take to run.
    from adhash.config_models import MODE_ENGINES

    return [engine, *(mode for mode, chosen in MODE_ENGINES.items() if chosen == engine)]


def presets_table(presets: Iterable[Preset]) -> Table:
    """Return a row for every preset: its name and what it is for."""
    rows = tuple((preset.name, preset.summary) for preset in presets)
    return Table(columns=columns("preset", "what it is for"), rows=rows)


def candidates_table(profile: Mapping[str, object]) -> Table:
    """Return a row for every candidate of a profile, the fastest first.

    Parameters
    ----------
    profile : mapping
        The result as JSON, schema ``adhash.profile.v1``.

    Returns
    -------
    Table
        What was measured on the sample, and what it predicts for the whole trace.
    """
    headings = (
        "mode",
        "predicted>",
        "vs best>",
        "memory>",
        "forecast>",
        "sample>",
        "laps from>",
        "to>",
        "ops/s>",
    )
    return Table(
        columns=columns(*headings),
        rows=tuple(_candidate_row(each) for each in _list(profile, "candidates")),
    )


def _candidate_row(candidate: Mapping[str, Any]) -> tuple[str, ...]:
    low, high = candidate["spread"] or (None, None)
    return (
        _mode_label(candidate),
        format_seconds(candidate["predicted_s"]),
        f"{candidate['regret']:.2f}x",
        format_bytes(candidate["predicted_memory_bytes"]),
        or_dash(candidate.get("forecast_s"), format_seconds),
        or_dash(candidate["measured_s"], format_seconds),
        or_dash(low, format_seconds),
        or_dash(high, format_seconds),
        or_dash(candidate["ops_per_second"], format_count),
    )


def profile_notes(profile: Mapping[str, object]) -> list[str]:
    """Return what a profile recommends, why, how surely, and what would change it.

    Parameters
    ----------
    profile : mapping
        The result as JSON, schema ``adhash.profile.v1``.

    Returns
    -------
    list of str
        A line each.
    """
    confidence = _number(profile, "confidence") or 0.0
    return [
        f"recommended: {_text(profile, 'recommended_mode')} (confidence {confidence:.2f})",
        f"because {_text(profile, 'reason')}",
        *(f"would change it: {each}" for each in _list(profile, "would_change")),
        *_profile_advice(profile),
    ]


def _profile_advice(profile: Mapping[str, object]) -> Iterator[str]:
    entries = _number(profile, "reserve", "entries")
    if entries is not None:
        saved = format_seconds(_number(profile, "reserve", "saves_s") or 0.0)
        yield f"in a program: reserve({entries:.0f}) before the first entry saves about {saved}"
    if _text(profile, "method") == "race" and _text(profile, "calibration"):
        yield f"no forecast: {_text(profile, 'calibration')}"


def comparison_table(summaries: Sequence[Mapping[str, object]]) -> Table:
    """Return a row for every replay, in the order given.

    Parameters
    ----------
    summaries : sequence of mapping
        Summaries as JSON, schema ``adhash.summary.v1``; what is missing shows as a dash.

    Returns
    -------
    Table
        Times, rates, latencies and memory, the rates also as multiples of the first one.
    """
    headings = ("mode", "time>", "ops/s>", "vs best>")
    latencies = ("p50>", "p99>", "p99.9>", "max>", "longest pause>")
    table = ("probe>", "bytes/entry>", "entries>")
    rates = [_number(summary, "ops_per_second") or 0.0 for summary in summaries]
    best = max(rates, default=0.0)
    return Table(
        columns=columns(*headings, *latencies, *table),
        rows=tuple(_comparison_row(summary, best) for summary in summaries),
    )


def _comparison_row(summary: Mapping[str, object], best: float) -> tuple[str, ...]:
    rate = _number(summary, "ops_per_second")
    is_timed = _number(summary, "latency_ns", "overall", "samples") != 0
    quantiles = [
        _number(summary, "latency_ns", "overall", q) if is_timed else None for q in _QUANTILES
    ]
    bytes_per_entry = _number(summary, "memory", "bytes_per_entry")
    return (
        _mode_label(summary),
        or_dash(_number(summary, "elapsed_s"), format_seconds),
        or_dash(rate, format_count),
        f"{rate / best:.2f}x" if rate is not None and best else NOTHING,
        *(or_dash(quantile, format_ns) for quantile in quantiles),
        or_dash(_longest_pause_ns(summary), format_ns),
        or_dash(_mean_probe(summary), lambda length: f"{length:.2f}"),
        or_dash(bytes_per_entry, lambda size: f"{size:.1f}"),
        or_dash(_number(summary, "final_size"), lambda size: f"{size:,.0f}"),
    )


def _mode_label(summary: Mapping[str, object]) -> str:
    """Name the mode, with its engine where that differs and its status unless it is complete."""
    mode, engine, status = (_text(summary, name) for name in ("mode", "engine", "status"))
    label = mode if engine in (mode, NOTHING) else f"{mode} ({engine})"
    return label if status in ("completed", NOTHING) else f"{label}, {status}"


def _longest_pause_ns(summary: Mapping[str, object]) -> float | None:
    pauses = summary.get("pauses")
    lengths = [_number(pause, "ns") or 0.0 for pause in pauses] if isinstance(pauses, list) else []
    return max(lengths, default=None)


def _mean_probe(summary: Mapping[str, object]) -> float | None:
    hist = summary.get("probe_hist")
    if not isinstance(hist, list) or not sum(hist):
        return None
    return float(sum(length * count for length, count in enumerate(hist, start=1)) / sum(hist))


def replay_notes(summaries: Sequence[Mapping[str, object]]) -> list[str]:
    """Return what else a person should know of replays: checks, alerts, noise and files.

    Parameters
    ----------
    summaries : sequence of mapping
        Summaries as JSON, schema ``adhash.summary.v1``.

    Returns
    -------
    list of str
        A sentence or a file each, in the order of the summaries; files once each, at the end.
    """
    notes = [note for summary in summaries for note in _notes_of(summary)]
    files = [_at(summary, ("artifacts",)) for summary in summaries]
    written = {
        f"{name}: {path}": None
        for each in files
        if isinstance(each, Mapping)
        for name, path in each.items()
    }
    return [*notes, *written]


def _notes_of(summary: Mapping[str, object]) -> Iterator[str]:
    mode = _text(summary, "mode")
    checked = _number(summary, "verified", "checked")
    if checked is not None:
        wrong = _number(summary, "verified", "mismatches") or 0
        yield f"{mode}: {checked:,.0f} answers checked, {wrong:,.0f} wrong"
    dropped = _number(summary, "ticks", "dropped")
    if dropped:
        yield f"{mode}: {dropped:,.0f} ticks were not written, because of metrics.max_ticks"
    for alert in _list(summary, "alerts"):
        yield f"{mode}: alert, {_text(alert, 'message')}"
    reasons = _list(summary, "manifest", "noise", "reasons")
    if reasons:
        yield f"{mode}: noisy machine, {'; '.join(map(str, reasons))}"


def checks_table(result: Mapping[str, object]) -> Table:
    """Return a row for every check of a snapshot.

    Parameters
    ----------
    result : mapping
        A check as JSON, schema ``adhash.verify-snapshot.v1``.

    Returns
    -------
    Table
        Each check with what it found.
    """
    words = {True: "ok", False: "damaged", None: NOTHING}
    rows = tuple(
        (_text(check, "name"), words[check["ok"]], _text(check, "detail"))
        for check in _list(result, "checks")
    )
    return Table(columns=columns("check", "", "what was found"), rows=rows)


def _list(summary: Mapping[str, object], *path: str) -> list[Any]:
    found = _at(summary, path)
    return found if isinstance(found, list) else []


def printable(text: str) -> str:
    """Return `text` on one line, with escapes for what a terminal would act on or not show."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def counted(count: float, noun: str, mark: str = "") -> str:
    """Return how many there are of something: ``"1 key"``, ``"~2,000 keys"``."""
    return f"{mark}{count:,.0f} {noun}{'' if round(count) == 1 else 's'}"


def or_dash(number: float | None, form: Callable[[float], str]) -> str:
    """Return `number` in words, or a dash where it is not known."""
    return NOTHING if number is None else form(number)


def _number(summary: object, *path: str) -> float | None:
    found = _at(summary, path)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return float(found)


def _text(summary: object, *path: str) -> str:
    found = _at(summary, path)
    return NOTHING if found is None else str(found)


def _at(tree: object, path: Sequence[str]) -> object:
    for name in path:
        tree = tree.get(name) if isinstance(tree, Mapping) else None
    return tree
