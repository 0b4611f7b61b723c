"""What is in a snapshot: the function behind ``adhash inspect-snapshot``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from adhash.analysis.probe_beginning import read_key
from adhash.analysis.snapshot_loading import LoadedMap, load_snapshot
from adhash.analysis.snapshot_watch import watched
from adhash.atomic_files import replace_text
from adhash.cancellation import CancelToken
from adhash.options.base import read_options
from adhash.options.inspect_snapshot import InspectSnapshotOptions
from adhash.progress import WorkCallback, ignore_work
from adhash.replay.folders import prepared_folders
from adhash.results import Result, ResultPart
from adhash.snapshots import open_snapshot
from adhash.snapshots.column_shape import ColumnShape
from adhash.snapshots.contents import ContentReader, FoundKey, StoredLayout
from adhash.snapshots.texts import ShownEntry

SCHEMA = "adhash.inspect-snapshot.v1"


class HeaderPart(ResultPart):
    """What the snapshot says of itself."""

    format: str = Field(description="The format of the file.")
    engine: str = Field(description="The engine that held the entries.")
    layout: str = Field(description="The layout it was in.")
    key_type: str = Field(description="The type of the keys.")
    value_type: str = Field(description="The type of the values.")
    size: int = Field(description="Number of entries.")
    seed: int = Field(description="The seed of the hash.")
    created_at: str = Field(description="When it was begun, RFC 3339.")
    settings: Mapping[str, bool | int | float | str | None] = Field(
        description="The engine's settings."
    )
    versions: Mapping[str, str] = Field(description="What wrote the file.")


class InspectSnapshotResult(Result):
    """What is in a snapshot."""

    schema_: Literal["adhash.inspect-snapshot.v1"] = Field(
        default="adhash.inspect-snapshot.v1",
        alias="schema",
        description="The version of this format.",
    )
    snapshot: str = Field(description="The file as it was named.")
    header: HeaderPart = Field(description="What it says of itself.")
    stored: StoredLayout = Field(description="How it lies on disk.")
    keys: ColumnShape = Field(description="What the keys are like.")
    values: ColumnShape = Field(description="What the values are like.")
    loaded: LoadedMap | None = Field(
        description="The map that the entries make; null where it was not asked for."
    )
    key: FoundKey | None = Field(description="The key that was looked for; null if there was none.")
    entries: list[ShownEntry] = Field(description="The first entries, in the order of the file.")

    def _highlights(self) -> dict[str, str]:
        return {
            "snapshot": self.snapshot,
            "holds": f"{self.header.size:,} entries of {self.header.engine}",
            "stored": f"{self.stored.bytes:,} bytes in {self.stored.batches:,} batches",
        }


def inspect_snapshot(
    snapshot: str | os.PathLike[str],
    *,
    key: str | None = None,
    limit: int = 10,
    load: bool = True,
    mode: str | None = None,
    json_out: str | os.PathLike[str] | None = None,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
) -> InspectSnapshotResult:
    """Tell what is in a snapshot, after every bit of it was verified.

    Parameters
    ----------
    snapshot : path-like
        The file.
    key : str or None
        A key to look for, as it is typed.
    limit : int
        How many entries are shown, 0 to 10,000.
    load : bool
        Whether to load the entries into an engine, for the probe lengths there.
    mode : str or None
        The engine they are loaded into; the recorded one where None.
    json_out : path-like or None
        Where to write the result as JSON.
    progress : callable or None
        Told how far it is.
    cancel : CancelToken or None
        Ends it early.

    Returns
    -------
    InspectSnapshotResult
        Header, layout, histograms and entries.

    Raises
    ------
    AdhashError
        As `run_inspect_snapshot`.
    """
    given: dict[str, Any] = {
        "snapshot": os.fspath(snapshot),
        "key": key,
        "limit": limit,
        "load": load,
        "mode": mode,
        "json_out": None if json_out is None else os.fspath(json_out),
    }
    options = read_options(InspectSnapshotOptions, given)
    return run_inspect_snapshot(options, progress=progress, cancel=cancel)


def run_inspect_snapshot(
    options: InspectSnapshotOptions,
    *,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
) -> InspectSnapshotResult:
    """Tell what is in a snapshot, after every bit of it was verified.

    Parameters
    ----------
    options : InspectSnapshotOptions
        Which file, and what of it.
    progress : callable or None
        Told how far it is, in bytes and rows.
    cancel : CancelToken or None
        Ends it early.

    Returns
    -------
    InspectSnapshotResult
        Written to ``json_out`` as well.

    Raises
    ------
    SnapshotError
        If the file is no snapshot, or damaged: ``adhash verify-snapshot`` tells more then.
    BadInputError
        If the key is none of its type, or the mode unknown.
    StorageError
        If a file cannot be read or written.
    InterruptedRunError
        If `cancel` was set.
    """
    watch = watched(progress or ignore_work, cancel or CancelToken())
    out = None if options.json_out is None else Path(options.json_out)
    with prepared_folders([] if out is None else [out.absolute().parent]):
        result = _inspect(options, watch)
        if out is not None:
            replace_text(out, result.to_json(indent=2) + "\n")
    return result


def _inspect(options: InspectSnapshotOptions, watch: Any) -> InspectSnapshotResult:
    with open_snapshot(options.snapshot, watch=watch) as snapshot:
        header = snapshot.header
        wanted = None if options.key is None else read_key(options.key, header.key_type)
        reader = ContentReader(snapshot, limit=options.limit, key=wanted, key_text=options.key)
        reader.read(watch)
        loaded = load_snapshot(snapshot, options.mode, watch) if options.load else None
        return InspectSnapshotResult(
            snapshot=options.snapshot,
            header=HeaderPart(format="adhash.snapshot.v1", **header.model_dump(mode="json")),
            stored=reader.stored(),
            keys=reader.keys.result(distinct=True),
            values=reader.values.result(distinct=False),
            loaded=loaded,
            key=reader.found,
            entries=reader.entries,
        )
