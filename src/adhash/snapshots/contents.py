"""One pass over the rows of a snapshot: what they are like, the first of them, and a key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from adhash.results import ResultPart
from adhash.snapshots.column_shape import ShapeCounter
from adhash.snapshots.columns import Column, column_length
from adhash.snapshots.texts import ShownEntry, ShownText, shown_row

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from adhash.snapshots.reader import Snapshot


class StoredLayout(ResultPart):
    """How a snapshot lies on disk."""

    bytes: int = Field(description="Size of the file.")
    batches: int = Field(description="Record batches.")
    rows_least: int = Field(description="Rows of the smallest batch; 0 where there is none.")
    rows_greatest: int = Field(description="Rows of the largest.")
    compression: Literal["none", "some", "all"] = Field(
        description="How many of the batches are compressed."
    )
    column_bytes: int = Field(description="What the columns take on disk.")
    unpacked_bytes: int = Field(description="What they take unpacked.")
    metadata_bytes: int = Field(description="The rest: headers, checksums, footer.")
    salvage: Literal["stripes", "batches"] = Field(
        description="What a wrong byte would cost: a stripe, one of 512 of its batch, or the batch."
    )


class FoundKey(ResultPart):
    """A key that was looked for."""

    key: str = Field(description="As it was typed.")
    found: bool = Field(description="Whether the snapshot holds it.")
    row: int | None = Field(description="Its row, from 0 in the order of the file; null if absent.")
    batch: int | None = Field(description="The batch it is in; null likewise.")
    value: ShownText | None = Field(description="Its value; null likewise.")


class ContentReader:
    """Reads every row once.

    Parameters
    ----------
    snapshot : Snapshot
        Open.
    limit : int
        How many entries to keep for showing.
    key : int, str, bytes or None
        The key to look for.
    key_text : str or None
        The same as it was typed.
    """

    def __init__(
        self, snapshot: Snapshot, *, limit: int, key: int | str | bytes | None, key_text: str | None
    ) -> None:
        header = snapshot.header
        self._snapshot = snapshot
        self._limit = limit
        self._key = key.encode() if isinstance(key, str) else key
        self.keys = ShapeCounter(header.key_type)
        self.values = ShapeCounter(header.value_type)
        self.entries: list[ShownEntry] = []
        self.found: FoundKey | None = None
        if key_text is not None:
            self.found = FoundKey(key=key_text, found=False, row=None, batch=None, value=None)

    def read(self, watch: Callable[[str, int, int, str], None]) -> None:
        """Read the rows, and tell how far it is."""
        rows = 0
        for index, (keys, values) in enumerate(self._snapshot.batches()):
            self.keys.add(keys)
            self.values.add(values)
            self._keep_first(rows, keys, values)
            self._look(rows, index, keys, values)
            rows += column_length(keys)
            watch("reading the entries", rows, max(rows, self._snapshot.header.size), "rows")

    def stored(self) -> StoredLayout:
        """Return how the snapshot lies on disk, without reading the rows.

        Returns
        -------
        StoredLayout
            Sums over all batches.

        Raises
        ------
        SnapshotError
            If a batch was changed since the file was opened.
        """
        arrow = self._snapshot.arrow
        plans = [arrow.plan(index) for index in range(arrow.num_batches)]
        packed = [plan.is_compressed for plan in plans]
        column_bytes = int(arrow.blocks()["body_bytes"].sum())
        rows = [plan.rows for plan in plans]
        return StoredLayout(
            bytes=self._snapshot.size_bytes,
            batches=len(plans),
            rows_least=min(rows, default=0),
            rows_greatest=max(rows, default=0),
            compression="none" if not any(packed) else "all" if all(packed) else "some",
            column_bytes=column_bytes,
            unpacked_bytes=sum(arrow.unpacked_bytes(index) for index in range(len(plans))),
            metadata_bytes=self._snapshot.size_bytes - column_bytes,
            salvage="stripes" if self._snapshot.has_marks and not any(packed) else "batches",
        )

    def _keep_first(self, before: int, keys: Column, values: Column) -> None:
        header = self._snapshot.header
        for row in range(min(column_length(keys), self._limit - len(self.entries))):
            self.entries.append(
                ShownEntry(
                    row=before + row,
                    key=shown_row(keys, row, header.key_type),
                    value=shown_row(values, row, header.value_type),
                )
            )

    def _look(self, before: int, batch: int, keys: Column, values: Column) -> None:
        if self.found is None or self.found.found:
            return
        rows = rows_with(keys, self._key)
        if len(rows):
            row = int(rows[0])
            self.found = FoundKey(
                key=self.found.key,
                found=True,
                row=before + row,
                batch=batch,
                value=shown_row(values, row, self._snapshot.header.value_type),
            )


def rows_with(column: Column, item: Any) -> NDArray[np.int64]:
    """Return the rows of a column that hold a number or some bytes.

    Parameters
    ----------
    column : ndarray or (offsets, data)
        The column.
    item : int or bytes
        What is looked for.

    Returns
    -------
    ndarray of int64
        In ascending order.
    """
    if not isinstance(column, tuple):
        return np.flatnonzero(column == np.array(item, dtype=column.dtype))
    offsets, data = column
    of_length = np.flatnonzero(np.diff(offsets) == len(item))
    starts = offsets[of_length]
    for at, byte in enumerate(item):
        is_same = data[starts + at] == byte
        of_length, starts = of_length[is_same], starts[is_same]
    return of_length
