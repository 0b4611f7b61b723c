"""In which entries two snapshots differ: the function behind ``adhash diff-snapshot``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from adhash.analysis.snapshot_differences import DifferenceFinder, EntryChange, FoundDifferences
from adhash.analysis.snapshot_watch import watched
from adhash.atomic_files import replace_text
from adhash.cancellation import CancelToken
from adhash.errors import BadInputError
from adhash.options.base import read_options
from adhash.options.diff_snapshot import DiffSnapshotOptions
from adhash.progress import WorkCallback, ignore_work
from adhash.replay.folders import prepared_folders
from adhash.results import Result, ResultPart
from adhash.snapshots import Snapshot, SnapshotHeader, open_snapshot
from adhash.snapshots.reader import Watch

SCHEMA = "adhash.diff-snapshot.v1"


class HeaderChange(ResultPart):
    """A field of the header, or a setting, that is not the same."""

    name: str = Field(description="Which; a setting as settings.NAME.")
    a: str | None = Field(description="What the first snapshot says; null for nothing.")
    b: str | None = Field(description="What the second one says; null likewise.")


class DiffSnapshotResult(Result):
    """In what two snapshots differ."""

    schema_: Literal["adhash.diff-snapshot.v1"] = Field(
        default="adhash.diff-snapshot.v1",
        alias="schema",
        description="The version of this format.",
    )
    status: Literal["same", "different"] = Field(
        description="Whether both hold the same entries, whatever their headers say."
    )
    a: str = Field(description="The first snapshot as it was named.")
    b: str = Field(description="The second one.")
    size_a: int = Field(description="Entries of the first.")
    size_b: int = Field(description="Entries of the second.")
    added: int = Field(description="Keys that only the second one has.")
    removed: int = Field(description="Keys that only the first one has.")
    changed: int = Field(description="Keys of both with another value.")
    unchanged: int = Field(description="Entries that both have.")
    header: list[HeaderChange] = Field(description="Where the headers differ.")
    changes: list[EntryChange] = Field(description="The first entries of each kind that were met.")
    is_complete: bool = Field(description="Whether these are all.")
    passes: int = Field(description="How often both files were read, for want of memory.")

    def _highlights(self) -> dict[str, str]:
        counts = f"{self.added:,} added, {self.removed:,} removed, {self.changed:,} changed"
        return {"status": self.status, "entries": counts, "a": self.a, "b": self.b}


def diff_snapshot(
    a: str | os.PathLike[str],
    b: str | os.PathLike[str],
    *,
    limit: int = 20,
    memory: int | str | None = None,
    json_out: str | os.PathLike[str] | None = None,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
) -> DiffSnapshotResult:
    """Tell in which entries and settings two snapshots differ.

    Parameters
    ----------
    a : path-like
        The first snapshot.
    b : path-like
        The second one; both are verified.
    limit : int
        How many added, removed and changed entries are listed, of each, 0 to 10,000.
    memory : int, str or None
        Bytes, or text such as ``"512MiB"``: about how much memory to take; half of what is free
        where None.
    json_out : path-like or None
        Where to write the result as JSON.
    progress : callable or None
        Told how far it is.
    cancel : CancelToken or None
        Ends it early.

    Returns
    -------
    DiffSnapshotResult
        Counts, and the first entries of each kind.

    Raises
    ------
    AdhashError
        As `run_diff_snapshot`.
    """
    given: dict[str, Any] = {
        "a": os.fspath(a),
        "b": os.fspath(b),
        "limit": limit,
        "memory": memory,
        "json_out": None if json_out is None else os.fspath(json_out),
    }
    options = read_options(DiffSnapshotOptions, given)
    return run_diff_snapshot(options, progress=progress, cancel=cancel)


def run_diff_snapshot(
    options: DiffSnapshotOptions,
    *,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
) -> DiffSnapshotResult:
    """Tell in which entries and settings two snapshots differ.

    Parameters
    ----------
    options : DiffSnapshotOptions
        Which files, and how much is listed.
    progress : callable or None
        Told how far it is, in bytes and rows.
    cancel : CancelToken or None
        Ends it early.

    Returns
    -------
    DiffSnapshotResult
        Written to ``json_out`` as well.

    Raises
    ------
    SnapshotError
        If a file is no snapshot, or damaged.
    BadInputError
        If their keys or values are of different types.
    StorageError
        If a file cannot be read or written.
    InterruptedRunError
        If `cancel` was set.
    """
    watch = watched(progress or ignore_work, cancel or CancelToken())
    out = None if options.json_out is None else Path(options.json_out)
    with prepared_folders([] if out is None else [out.absolute().parent]):
        with (
            open_snapshot(options.a, watch=watch) as a,
            open_snapshot(options.b, watch=watch) as b,
        ):
            result = _diff(options, a, b, watch)
        if out is not None:
            replace_text(out, result.to_json(indent=2) + "\n")
    return result


def _diff(
    options: DiffSnapshotOptions, a: Snapshot, b: Snapshot, watch: Watch
) -> DiffSnapshotResult:
    _require_one_type(a, b)
    finder = DifferenceFinder(a, b, limit=options.limit, memory_bytes=options.memory)
    found = finder.find(watch)
    is_same = not (found.added or found.removed or found.changed)
    return DiffSnapshotResult(
        status="same" if is_same else "different",
        a=options.a,
        b=options.b,
        size_a=a.header.size,
        size_b=b.header.size,
        added=found.added,
        removed=found.removed,
        changed=found.changed,
        unchanged=found.unchanged,
        header=_header_changes(a.header, b.header),
        changes=found.listed,
        is_complete=_is_complete(found),
        passes=finder.passes,
    )


def _is_complete(found: FoundDifferences) -> bool:
    return len(found.listed) == found.added + found.removed + found.changed


def _require_one_type(a: Snapshot, b: Snapshot) -> None:
    types = [(each.header.key_type, each.header.value_type) for each in (a, b)]
    if types[0] != types[1]:
        told = " and ".join(f"{key} to {value}" for key, value in types)
        raise BadInputError(
            f"entries of {told} cannot be compared", hint="compare snapshots of the same types"
        )


def _header_changes(a: SnapshotHeader, b: SnapshotHeader) -> list[HeaderChange]:
    told = [_told(each) for each in (a, b)]
    names = dict.fromkeys([*told[0], *told[1]])
    pairs = ((name, told[0].get(name), told[1].get(name)) for name in names)
    return [HeaderChange(name=name, a=one, b=other) for name, one, other in pairs if one != other]


def _told(header: SnapshotHeader) -> dict[str, str]:
    """Return the header as text, without when it was written and by which versions."""
    fields = header.model_dump(mode="json", exclude={"created_at", "versions", "settings"})
    settings = {f"settings.{name}": value for name, value in sorted(header.settings.items())}
    return {name: str(value) for name, value in {**fields, **settings}.items()}
