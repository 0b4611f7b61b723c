"""Checking a snapshot as a whole: the function behind ``adhash verify-snapshot``.

The checks of the file come first (`adhash.snapshots.verify`). Only if they are all fine are the
rows put into a map of the recorded engine, seed and settings and looked up again: a checksum says
that the file is what was written, and not that what was written is a map.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from adhash.atomic_files import replace_text
from adhash.cancellation import CancelToken
from adhash.config_models import AdaptiveSettings
from adhash.errors import InterruptedRunError, InvariantError
from adhash.maps import engines
from adhash.maps.entry_check import EntryCheck
from adhash.options.base import read_options
from adhash.options.verify_snapshot import VerifySnapshotOptions
from adhash.presenters import Table, checks_table
from adhash.progress import WorkCallback, WorkProgress, ignore_work
from adhash.replay.folders import prepared_folders
from adhash.results import Result
from adhash.snapshots.header import SnapshotHeader
from adhash.snapshots.verify import (
    FileFindings,
    SnapshotCheck,
    Watch,
    check_file,
    intact_batches,
)
from adhash.units import format_bytes

SCHEMA = "adhash.verify-snapshot.v1"
_ADAPTIVE = "adaptive"
# What `adaptive` may be in: every engine that is a layout, and none that is one of its own.
_NO_LAYOUTS = frozenset({_ADAPTIVE, "std"})
# An engine this build may lack holds the same entries as any other; uniqueness needs but one.
_ANY_ENGINE = "swiss"


class VerifySnapshotResult(Result):
    """Whether a snapshot is whole."""

    schema_: Literal["adhash.verify-snapshot.v1"] = Field(
        default="adhash.verify-snapshot.v1",
        alias="schema",
        description="The version of this format.",
    )
    status: Literal["intact", "damaged"] = Field(
        description="damaged if any check failed; one that could not be made is no fault by itself."
    )
    snapshot: str = Field(description="The file as it was named.")
    checks: list[SnapshotCheck] = Field(description="Every check, in order.")
    rows: int = Field(description="Rows in intact batches.")
    bytes: int = Field(description="Size of the file.")
    engine: str | None = Field(description="The engine; null where the header cannot be read.")
    layout: str | None = Field(description="The layout it was in; null likewise.")
    key_type: str | None = Field(description="The type of the keys; null likewise.")
    value_type: str | None = Field(description="The type of the values; null likewise.")
    created_at: str | None = Field(description="When it was begun, RFC 3339; null likewise.")
    sha256: str = Field(description="SHA-256 of the file as it is.")

    def _highlights(self) -> dict[str, str]:
        return {
            "status": self.status,
            "snapshot": f"{self.snapshot}, {format_bytes(self.bytes)}",
            "holds": f"{self.rows:,} intact rows, {self.engine or 'an engine not known'}",
        }

    def _tables(self) -> tuple[Table, ...]:
        return (checks_table(self.to_dict()),)

    def _records(self) -> list[dict[str, Any]]:
        """Return a row for every check."""
        return [{"snapshot": self.snapshot, **check.model_dump()} for check in self.checks]


def verify_snapshot(
    snapshot: str | os.PathLike[str],
    *,
    json_out: str | os.PathLike[str] | None = None,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
) -> VerifySnapshotResult:
    """Check whether a snapshot is whole.

    Parameters
    ----------
    snapshot : path-like
        The file.
    json_out : path-like or None
        Where to write the result as JSON.
    progress : callable or None
        Told how far the check is.
    cancel : CancelToken or None
        Ends it early.

    Returns
    -------
    VerifySnapshotResult
        Every check; `require_intact` makes an error of a damaged one.

    Raises
    ------
    AdhashError
        As `run_verify_snapshot`.
    """
    given = {
        "snapshot": os.fspath(snapshot),
        "json_out": None if json_out is None else os.fspath(json_out),
    }
    options = read_options(VerifySnapshotOptions, given)
    return run_verify_snapshot(options, progress=progress, cancel=cancel)


def run_verify_snapshot(
    options: VerifySnapshotOptions,
    *,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
) -> VerifySnapshotResult:
    """Check whether a snapshot is whole.

    Parameters
    ----------
    options : VerifySnapshotOptions
        Which file, and where the result goes.
    progress : callable or None
        Told how far the check is, in bytes, batches or rows.
    cancel : CancelToken or None
        Ends it early.

    Returns
    -------
    VerifySnapshotResult
        Every check; written to ``json_out`` as well.

    Raises
    ------
    SnapshotError
        If the file is no snapshot at all, or one of another version.
    StorageError
        If the file cannot be read, or the result not be written.
    InterruptedRunError
        If `cancel` was set.
    """
    watch = _watch(progress or ignore_work, cancel or CancelToken())
    out = None if options.json_out is None else Path(options.json_out)
    with prepared_folders([] if out is None else [out.absolute().parent]):
        findings = check_file(options.snapshot, watch=watch)
        _check_entries(findings, options.snapshot, watch)
        result = _result(findings, options.snapshot)
        if out is not None:
            replace_text(out, result.to_json(indent=2) + "\n")
    return result


def require_intact(result: VerifySnapshotResult) -> None:
    """Refuse a damaged snapshot.

    Parameters
    ----------
    result : VerifySnapshotResult
        Of any check.

    Raises
    ------
    InvariantError
        If it is damaged; the message tells the first fault.
    """
    if result.status == "damaged":
        fault = next(check for check in result.checks if check.ok is False)
        raise InvariantError(
            f"{result.snapshot} is damaged: {fault.name}: {fault.detail}",
            hint="restore it from a copy, or save the map again",
        )


def _watch(progress: WorkCallback, cancel: CancelToken) -> Watch:
    def watch(note: str, done: int, total: int, unit: str) -> None:
        if cancel.is_cancelled:
            raise InterruptedRunError(f"interrupted while {note}")
        progress(WorkProgress(done=done, total=total, unit=unit, note=note))

    return watch


def _result(findings: FileFindings, snapshot: str) -> VerifySnapshotResult:
    header = findings.header
    return VerifySnapshotResult(
        status="intact" if findings.is_intact else "damaged",
        snapshot=snapshot,
        checks=findings.checks,
        rows=findings.rows,
        bytes=findings.size_bytes,
        engine=header and header.engine,
        layout=header and header.layout,
        key_type=header and header.key_type,
        value_type=header and header.value_type,
        created_at=header and header.created_at.isoformat(),
        sha256=findings.sha256,
    )


# --- the entries -------------------------------------------------------------------------------


def _check_entries(findings: FileFindings, snapshot: str, watch: Watch) -> None:
    header = findings.header
    if header is None or not findings.is_intact:
        for name in ("settings", "layout", "distinct keys", "look-ups"):
            findings.add(name, ok=None, detail="not checked: the file is damaged")
        return
    settings = _check_settings(findings, header)
    _check_layout(findings, header)
    _check_map(findings, header, settings, snapshot, watch)


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


def _check_layout(findings: FileFindings, header: SnapshotHeader) -> None:
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
) -> None:
    engine = header.engine if header.engine in engines() else _ANY_ENGINE
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
        findings.add("look-ups", ok=None, detail="not checked: keys come twice")
        return
    findings.add("distinct keys", ok=True, detail=f"{new:,} different keys")
    _check_look_ups(findings, entries, engine, snapshot, watch)


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


def _rows_of(keys: Any) -> int:
    return len(keys[0]) - 1 if isinstance(keys, tuple) else len(keys)
