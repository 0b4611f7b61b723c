"""A snapshot written again as densely as it can be: ``adhash compact-snapshot``.

Of rows with one key, which only a forged file has, the first is kept. Entries sorted by their keys
have neighbours that are alike, which is what compression lives on. Sorting takes memory for all
entries three times over; without it they are written in the order in which they stand.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from adhash.analysis.snapshot_entries import ANY_ENGINE
from adhash.analysis.snapshot_repair import require_clean, usable_header
from adhash.analysis.snapshot_watch import watched
from adhash.atomic_files import replace_text
from adhash.cancellation import CancelToken
from adhash.errors import SnapshotError
from adhash.free_memory import free_memory_bytes
from adhash.maps.entry_check import EntryCheck
from adhash.options.base import read_options
from adhash.options.compact_snapshot import CompactSnapshotOptions
from adhash.progress import WorkCallback, ignore_work
from adhash.replay.folders import prepared_folders
from adhash.results import Result
from adhash.snapshots import ROWS_PER_BATCH, Snapshot, open_snapshot, write_snapshot
from adhash.snapshots.columns import (
    column_from_arrow,
    column_length,
    column_to_arrow,
    select_rows,
)
from adhash.snapshots.header import current_versions
from adhash.snapshots.reader import Watch

if TYPE_CHECKING:
    from adhash.snapshots import Column, Compression

SCHEMA = "adhash.compact-snapshot.v1"
# The rows, the order, and the rows in that order.
_COPIES_TO_SORT = 3
# Strings of a megabyte would make batches of gigabytes.
_BATCH_BYTES = 32 << 20


class CompactSnapshotResult(Result):
    """What became of a snapshot that was written again."""

    schema_: Literal["adhash.compact-snapshot.v1"] = Field(
        default="adhash.compact-snapshot.v1",
        alias="schema",
        description="The version of this format.",
    )
    snapshot: str = Field(description="The snapshot as it was named.")
    out: str = Field(description="The dense one.")
    rows_before: int = Field(description="Rows of the snapshot.")
    rows_after: int = Field(description="Rows of the dense one.")
    duplicates_dropped: int = Field(description="Rows with a key that stood before them.")
    batches_before: int = Field(description="Batches of the snapshot.")
    batches_after: int = Field(description="Batches of the dense one.")
    bytes_before: int = Field(description="Size of the snapshot.")
    bytes_after: int = Field(description="Size of the dense one.")
    ratio: float = Field(description="The second by the first.")
    compress: Literal["none", "lz4", "zstd"] = Field(description="How it is compressed.")
    is_sorted: bool = Field(description="Whether it was sorted by key.")
    replaced: list[str] = Field(description="Parts of the header replaced by defaults, with why.")

    def _highlights(self) -> dict[str, str]:
        return {
            "snapshot": self.out,
            "rows": f"{self.rows_after:,}",
            "bytes": f"{self.bytes_after:,} of {self.bytes_before:,}",
        }


def compact_snapshot(
    snapshot: str | os.PathLike[str],
    *,
    out: str | os.PathLike[str],
    compress: Literal["none", "lz4", "zstd"] = "zstd",
    sort: bool = True,
    json_out: str | os.PathLike[str] | None = None,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
) -> CompactSnapshotResult:
    """Write a snapshot again as densely as it can be.

    Parameters
    ----------
    snapshot : path-like
        The snapshot.
    out : path-like
        The dense one; it may be the old one, and is replaced when the new one is whole on disk.
    compress : {"none", "lz4", "zstd"}
        How the columns are compressed.
    sort : bool
        Whether to sort the entries by key.
    json_out : path-like or None
        Where to write the result as JSON.
    progress : callable or None
        Told how far it is.
    cancel : CancelToken or None
        Ends it early.

    Returns
    -------
    CompactSnapshotResult
        Rows and bytes before and after.

    Raises
    ------
    AdhashError
        As `run_compact_snapshot`.
    """
    given: dict[str, Any] = {
        "snapshot": os.fspath(snapshot),
        "out": os.fspath(out),
        "compress": compress,
        "sort": sort,
        "json_out": None if json_out is None else os.fspath(json_out),
    }
    options = read_options(CompactSnapshotOptions, given)
    return run_compact_snapshot(options, progress=progress, cancel=cancel)


def run_compact_snapshot(
    options: CompactSnapshotOptions,
    *,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
) -> CompactSnapshotResult:
    """Write a snapshot again as densely as it can be.

    Parameters
    ----------
    options : CompactSnapshotOptions
        Which file, where to, and how.
    progress : callable or None
        Told how far it is, in bytes and rows.
    cancel : CancelToken or None
        Ends it early.

    Returns
    -------
    CompactSnapshotResult
        Written to ``json_out`` as well. The new file passed every check before it took its place.

    Raises
    ------
    SnapshotError
        If the file is no snapshot, or damaged, or too large to be sorted in memory.
    InvariantError
        If the new file fails a check: the old one stays.
    StorageError
        If a file cannot be read or written.
    InterruptedRunError
        If `cancel` was set; the old file stays.
    """
    token = cancel or CancelToken()
    watch = watched(progress or ignore_work, token)
    written = [Path(each) for each in (options.out, options.json_out) if each is not None]
    with prepared_folders([each.absolute().parent for each in written]):
        result = _compact(options, watch, token)
        if options.json_out is not None:
            replace_text(Path(options.json_out), result.to_json(indent=2) + "\n")
    return result


def _compact(
    options: CompactSnapshotOptions, watch: Watch, cancel: CancelToken
) -> CompactSnapshotResult:
    with open_snapshot(options.snapshot, watch=watch) as snapshot:
        header, replaced = usable_header(snapshot.header)
        rows = _Rows(snapshot, is_sorted=options.sort, watch=watch)
        size = rows.count()
        header = header.model_copy(update={"size": size, "versions": current_versions()})
        compress: Compression | None = None if options.compress == "none" else options.compress
        accept = partial(require_clean, out=options.out, watch=watch, cancel=cancel)
        write_snapshot(options.out, header, rows.batches(), compress, accept=accept)
        bytes_after = Path(options.out).stat().st_size
        return CompactSnapshotResult(
            snapshot=options.snapshot,
            out=options.out,
            rows_before=snapshot.header.size,
            rows_after=size,
            duplicates_dropped=snapshot.header.size - size,
            batches_before=snapshot.arrow.num_batches,
            batches_after=rows.batches_written,
            bytes_before=snapshot.size_bytes,
            bytes_after=bytes_after,
            ratio=bytes_after / snapshot.size_bytes,
            compress=options.compress,
            is_sorted=options.sort,
            replaced=replaced,
        )


class _Rows:
    """The rows of a snapshot as they are to be written: counted first, then written."""

    def __init__(self, snapshot: Snapshot, *, is_sorted: bool, watch: Watch) -> None:
        self._snapshot = snapshot
        self._watch = watch
        self._table = _sorted_table(snapshot, watch) if is_sorted else None
        self.batches_written = 0

    def count(self) -> int:
        """Return how many different keys there are."""
        if self._table is not None:
            return self._table.num_rows
        return sum(column_length(keys) for keys, _ in self._distinct("counting the entries"))

    def batches(self) -> Iterator[tuple[Column, Column]]:
        """Yield the rows in full batches."""
        table = self._table
        source = self._distinct("writing the entries") if table is None else self._slices(table)
        for batch in source:
            self.batches_written += -(-column_length(batch[0]) // ROWS_PER_BATCH)
            yield batch

    def _slices(self, table: pa.Table) -> Iterator[tuple[Column, Column]]:
        row_bytes = max(1, table.nbytes // max(1, table.num_rows))
        rows = max(1, min(ROWS_PER_BATCH, _BATCH_BYTES // row_bytes))
        for start in range(0, table.num_rows, rows):
            [batch] = table.slice(start, rows).combine_chunks().to_batches()
            yield column_from_arrow(batch.column(0)), column_from_arrow(batch.column(1))
            self._watch(
                "writing the entries",
                min(start + rows, table.num_rows),
                table.num_rows,
                "rows",
            )

    def _distinct(self, note: str) -> Iterator[tuple[Column, Column]]:
        header = self._snapshot.header
        seen = EntryCheck(
            engine=ANY_ENGINE,
            key=header.key_type,
            value=header.value_type,
            seed=header.seed,
            capacity=self._snapshot.room_for_rows(),
            settings=None,
        )
        rows = 0
        for keys, values in self._snapshot.batches():
            is_new = seen.add_new(keys, values)
            rows += column_length(keys)
            if is_new.all():
                yield keys, values
            elif is_new.any():
                yield select_rows(keys, is_new), select_rows(values, is_new)
            self._watch(note, rows, header.size, "rows")


def _sorted_table(snapshot: Snapshot, watch: Watch) -> pa.Table:
    """Return the entries in the order of their keys; of rows with one key the first."""
    _require_memory(snapshot)
    header = snapshot.header
    batches: list[pa.RecordBatch] = []
    schema = snapshot.arrow.schema.remove_metadata()
    rows = 0
    for keys, values in snapshot.batches():
        columns = [
            column_to_arrow(keys, header.key_type),
            column_to_arrow(values, header.value_type),
        ]
        batches.append(pa.record_batch(columns, schema=schema))
        rows += column_length(keys)
        watch("reading the entries", rows, header.size, "rows")
    table = pa.Table.from_batches(batches, schema=schema)
    # Stable: of equal keys the first stays first.
    table = table.take(pc.sort_indices(table, sort_keys=[("key", "ascending")]))
    watch("sorting the entries", rows, rows, "rows")
    if rows < 2:
        return table
    keys_in_order = table.column(0)
    is_new = pc.not_equal(keys_in_order.slice(1), keys_in_order.slice(0, rows - 1))
    if bool(pc.all(is_new).as_py()):
        return table
    mask = np.concatenate([[True], is_new.to_numpy()]).astype(np.bool_)
    return table.filter(pa.array(mask))


def _require_memory(snapshot: Snapshot) -> None:
    arrow = snapshot.arrow
    needed = _COPIES_TO_SORT * sum(map(arrow.unpacked_bytes, range(arrow.num_batches)))
    free = free_memory_bytes()
    if free is not None and needed > free:
        raise SnapshotError(
            f"to sort {snapshot.path} takes {needed:,} bytes of memory; {free:,} are free",
            hint="--no-sort writes the entries in the order in which they stand",
        )
