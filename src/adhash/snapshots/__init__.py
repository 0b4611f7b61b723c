"""Maps on disk: Arrow IPC files of two columns, verified as a whole before a byte is trusted.

This package knows columns and a header and no map class; `adhash.maps` stands on it.
"""

from adhash.snapshots.columns import Column, KeyType, ValueType
from adhash.snapshots.header import FORMAT, SnapshotHeader
from adhash.snapshots.messages import ROWS_PER_BATCH
from adhash.snapshots.reader import Snapshot, open_snapshot
from adhash.snapshots.writer import Compression, write_snapshot

__all__ = [
    "FORMAT",
    "ROWS_PER_BATCH",
    "Column",
    "Compression",
    "KeyType",
    "Snapshot",
    "SnapshotHeader",
    "ValueType",
    "open_snapshot",
    "write_snapshot",
]
