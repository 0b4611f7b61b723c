"""Whether the rows of a snapshot make a map, and whether that map is as its engine says.

A checksum says that the file is what was written, and not that what was written is a map. So the
rows are put into a map of the recorded engine, seed and settings and looked up again, and then the
engine holds its own memory to every invariant that it has.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import ValidationError

from adhash.cancellation import CancelToken
from adhash.config_models import AdaptiveSettings
from adhash.maps import engines
from adhash.maps.entry_check import EntryCheck
from adhash.maps.invariants import broken_invariants
from adhash.snapshots.header import SnapshotHeader
from adhash.snapshots.reader import Watch
from adhash.snapshots.verify import FileFindings, intact_batches

ENTRY_CHECKS: Final = ("settings", "layout", "distinct keys", "look-ups", "invariants")
_ADAPTIVE: Final = "adaptive"
# What `adaptive` may be in: every engine that is a layout, and none that is one of its own.
_NO_LAYOUTS: Final = frozenset({_ADAPTIVE, "std"})
# An engine this build may lack holds the same entries as any other; uniqueness needs but one.
ANY_ENGINE: Final = "swiss"
_MAX_LISTED: Final = 5


def check_entries(
    findings: FileFindings, snapshot: str, *, watch: Watch, cancel: CancelToken
) -> None:
    """Add the checks of the entries to those of the file; without them if it is damaged.

    Parameters
    ----------
    findings : FileFindings
        Of the same file.
    snapshot : str
        The file.
    watch : callable
        Told how far it is.
    cancel : CancelToken
        Ends the check of the invariants.

    Raises
    ------
    SnapshotError
        If the file was changed since.
    StorageError
        If it cannot be read.
    InterruptedRunError
        If `cancel` was set.
    """
    header = findings.header
    if header is None or not findings.is_intact:
        for name in ENTRY_CHECKS:
            findings.add(name, ok=None, detail="not checked: the file is damaged")
        return
    settings = _check_settings(findings, header)
    check_layout(findings, header)
    _check_map(findings, header, settings, snapshot, watch, cancel)


def _check_settings(findings: FileFindings, header: SnapshotHeader) -> AdaptiveSettings | None:
    """Check the settings; return those of ``adaptive``, None where there are none to use."""
    if header.engine != _ADAPTIVE:
        findings.add("settings", ok=True, detail=f"{len(header.settings)} of {header.engine}")
        return None
    try:
        settings = AdaptiveSettings.model_validate(dict(header.settings))
    except ValidationError as error:
        faults = error.errors()
        told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in faults)
        # A name that a later version added is no damage, but nothing this version could judge.
        is_unknown = all(each["type"] == "extra_forbidden" for each in faults)
        findings.add("settings", ok=None if is_unknown else False, detail=told[:300])
        return None
    findings.add("settings", ok=True, detail=f"{len(header.settings)} settings, all in range")
    return settings


def check_layout(findings: FileFindings, header: SnapshotHeader) -> None:
    """Add the check whether the engine of a header can be in the layout of the same."""
    engine, layout = header.engine, header.layout
    if engine not in engines():
        findings.add("layout", ok=None, detail=f"not checked: this build has no engine {engine!r}")
        return
    layouts = sorted(set(engines()) - _NO_LAYOUTS) if engine == _ADAPTIVE else [engine]
    is_right = layout in layouts
    told = f"{engine} in layout {layout}"
    expected = "" if is_right else f", where it must be {' or '.join(layouts)}"
    findings.add("layout", ok=is_right, detail=told + expected)


def _check_map(
    findings: FileFindings,
    header: SnapshotHeader,
    settings: AdaptiveSettings | None,
    snapshot: str,
    watch: Watch,
    cancel: CancelToken,
) -> None:
    engine = header.engine if header.engine in engines() else ANY_ENGINE
    entries = EntryCheck(
        engine=engine,
        key=header.key_type,
        value=header.value_type,
        seed=header.seed,
        capacity=findings.rows,
        settings=settings,
    )
    rows = new = 0
    for keys, values in intact_batches(snapshot):
        new += entries.add(keys, values)
        rows += _rows_of(keys)
        watch("putting the rows into a map", rows, findings.rows, "rows")
    if new != rows or len(entries) != rows:
        findings.add("distinct keys", ok=False, detail=f"{rows:,} rows hold {new:,} different keys")
        for name in ("look-ups", "invariants"):
            findings.add(name, ok=None, detail="not checked: keys come twice")
        return
    findings.add("distinct keys", ok=True, detail=f"{new:,} different keys")
    _check_look_ups(findings, entries, engine, snapshot, watch)
    _check_invariants(findings, entries, watch, cancel)


def _check_look_ups(
    findings: FileFindings, entries: EntryCheck, engine: str, snapshot: str, watch: Watch
) -> None:
    wrong = []
    rows = 0
    for index, (keys, values) in enumerate(intact_batches(snapshot)):
        if not entries.holds(keys, values):
            wrong.append(index)
        rows += _rows_of(keys)
        watch("looking the rows up", rows, findings.rows, "rows")
    detail = f"every key found with its value in {engine}"
    if wrong:
        detail = f"{engine} does not give back every row of batch {', '.join(map(str, wrong[:20]))}"
    findings.add("look-ups", ok=not wrong, detail=detail)


def _check_invariants(
    findings: FileFindings, entries: EntryCheck, watch: Watch, cancel: CancelToken
) -> None:
    """Hold the memory of the map to what its engine promises of it."""
    invariants = entries.invariants(lambda: cancel.is_cancelled)
    watch("checking the invariants of the engine", len(entries), len(entries), "rows")
    broken = broken_invariants(invariants)
    if broken:
        told = "; ".join(map(str, broken[:_MAX_LISTED]))
        findings.add("invariants", ok=False, detail=told)
        return
    checked = sum(each.checked for each in invariants)
    names = len({each.name for each in invariants})
    findings.add("invariants", ok=True, detail=f"{names} hold, {checked:,} things looked at")


def _rows_of(keys: Any) -> int:
    return len(keys[0]) - 1 if isinstance(keys, tuple) else len(keys)
