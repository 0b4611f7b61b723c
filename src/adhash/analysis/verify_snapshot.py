"""Checking a snapshot as a whole: the function behind ``adhash verify-snapshot``.

The checks of the file come first (`adhash.snapshots.verify`). Only if they are all fine are the
rows put into a map of the recorded engine, seed and settings and looked up again: a checksum says
that the file is what was written, and not that what was written is a map.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from adhash.analysis.snapshot_entries import check_entries
from adhash.analysis.snapshot_repair import RepairResult, repair_snapshot
from adhash.analysis.snapshot_watch import watched
from adhash.atomic_files import replace_text
from adhash.cancellation import CancelToken
from adhash.errors import InvariantError
from adhash.options.base import read_options
from adhash.options.verify_snapshot import VerifySnapshotOptions
from adhash.presenters import Table, checks_table
from adhash.progress import WorkCallback, ignore_work
from adhash.replay.folders import prepared_folders
from adhash.results import Result
from adhash.snapshots.reader import Watch
from adhash.snapshots.verify import FileFindings, SnapshotCheck, check_file
from adhash.units import format_bytes

SCHEMA = "adhash.verify-snapshot.v1"


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
    repair: RepairResult | None = Field(
        description="What the repair kept and what was lost; null where none was asked for."
    )

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
    repair: bool = False,
    out: str | os.PathLike[str] | None = None,
    json_out: str | os.PathLike[str] | None = None,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
) -> VerifySnapshotResult:
    """Check whether a snapshot is whole, and save what is left of it if that is asked for.

    Parameters
    ----------
    snapshot : path-like
        The file.
    repair : bool
        Whether to write every row that is left to `out`.
    out : path-like or None
        The repaired snapshot; needs `repair`.
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
        "repair": repair,
        "out": None if out is None else os.fspath(out),
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
    token = cancel or CancelToken()
    watch = watched(progress or ignore_work, token)
    written = [Path(each) for each in (options.out, options.json_out) if each is not None]
    with prepared_folders([each.absolute().parent for each in written]):
        findings = check_snapshot(options.snapshot, watch=watch, cancel=token)
        repaired = None
        if options.out is not None:
            repaired = repair_snapshot(options.snapshot, options.out, watch=watch, cancel=token)
        result = _result(findings, options.snapshot, repaired)
        if options.json_out is not None:
            replace_text(Path(options.json_out), result.to_json(indent=2) + "\n")
    return result


def check_snapshot(
    snapshot: str | os.PathLike[str], *, watch: Watch, cancel: CancelToken
) -> FileFindings:
    """Make every check of a snapshot: of the file, and of the map that its rows make.

    Parameters
    ----------
    snapshot : path-like
        The file.
    watch : callable
        Told how far it is.
    cancel : CancelToken
        Ends what tells no progress.

    Returns
    -------
    FileFindings
        Every check.

    Raises
    ------
    SnapshotError
        If the file is no snapshot at all, or one of another version.
    StorageError
        If it cannot be read.
    InterruptedRunError
        If `cancel` was set.
    """
    findings = check_file(snapshot, watch=watch)
    check_entries(findings, os.fspath(snapshot), watch=watch, cancel=cancel)
    return findings


def require_intact(result: VerifySnapshotResult) -> None:
    """Refuse a damaged snapshot.

    Parameters
    ----------
    result : VerifySnapshotResult
        Of any check.

    Raises
    ------
    InvariantError
        If it is damaged and was not repaired; the message tells the first fault.
    """
    if result.status == "damaged" and result.repair is None:
        fault = next(check for check in result.checks if check.ok is False)
        raise InvariantError(
            f"{result.snapshot} is damaged: {fault.name}: {fault.detail}",
            hint="restore it from a copy, save the map again, or salvage what is left with"
            " --repair --out FILE",
        )


def _result(
    findings: FileFindings, snapshot: str, repair: RepairResult | None
) -> VerifySnapshotResult:
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
        repair=repair,
    )
