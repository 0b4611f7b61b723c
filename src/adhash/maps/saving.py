"""Maps to snapshots and back."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import TYPE_CHECKING, Any

from adhash import _native
from adhash.clock import Clock, SystemClock
from adhash.errors import SnapshotError
from adhash.maps.errors import MapChangedError

if TYPE_CHECKING:
    from os import PathLike

    from adhash.snapshots import Column, Compression

# Bounds the memory of an export whatever the length of the entries.
_BATCH_BYTES = 32 << 20
_BATCH_ROWS = 65_536


def row_batches(entries: _native.Map[Any, Any]) -> Generator[tuple[Column, Column]]:
    """Yield every entry of a map as columns of keys and values, some megabytes at a time.

    Parameters
    ----------
    entries : native map
        It must not change meanwhile.

    Yields
    ------
    tuple of columns
        Keys and values of some rows, in no particular order.

    Raises
    ------
    MapChangedError
        If an entry was inserted or deleted meanwhile.
    """
    entry_bytes = max(1, entries.memory_bytes // max(1, len(entries)))
    limit = max(1, min(_BATCH_ROWS, _BATCH_BYTES // entry_bytes))
    version, cursor = entries.version, 0
    entries.pin()  # a migration under way would move entries from behind the cursor to before it
    try:
        while True:
            keys, values, cursor = entries.export_rows(cursor, limit)
            if entries.version != version:
                raise MapChangedError(
                    "the map changed while its entries were read",
                    hint="keep other threads from it, or work on a copy",
                )
            yield keys, values
            if cursor == 0:
                return
    finally:
        entries.unpin()


def save_map(
    entries: _native.Map[Any, Any],
    layout: str,
    settings: dict[str, Any],
    path: str | PathLike[str],
    compress: Compression | None,
    clock: Clock | None = None,
) -> None:
    """Write a map as a snapshot, or leave the file that was there as it was.

    Parameters
    ----------
    entries : native map
        It must not change meanwhile.
    layout : str
        The layout it is in.
    settings : dict
        The engine's settings by name.
    path : path-like
        The snapshot.
    compress : {"lz4", "zstd"} or None
        How the columns are compressed.
    clock : Clock or None
        What dates the snapshot; the system's where None.

    Raises
    ------
    StorageError
        If the system refuses to write.
    SnapshotError
        If `compress` is unknown.
    MapChangedError
        If the map changed while it was saved.
    """
    from adhash.snapshots import SnapshotHeader, write_snapshot

    header = SnapshotHeader.model_validate(
        {
            "engine": entries.engine,
            "layout": layout,
            "key_type": entries.key_type,
            "value_type": entries.value_type,
            "size": len(entries),
            "seed": entries.seed,
            "settings": settings,
            "created_at": (clock or SystemClock()).now(),
        }
    )
    # Closed at once: the traceback of a failed write would keep the generator, and the map pinned.
    with closing(row_batches(entries)) as batches:
        write_snapshot(path, header, batches, compress)


def require_distinct(size: int, promised: int, path: str | PathLike[str]) -> None:
    """Check that no key came twice in a snapshot that promised a number of entries.

    Parameters
    ----------
    size : int
        How many entries the map has.
    promised : int
        How many rows the snapshot had.
    path : path-like
        The snapshot, for the message.

    Raises
    ------
    SnapshotError
        If one did.
    """
    if size != promised:
        raise SnapshotError(
            f"snapshot {str(path)!r} holds {promised} rows but only {size} different keys"
        )
