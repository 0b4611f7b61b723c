"""Which entries two snapshots do not share, found in as little memory as is there.

The entries of the first are put into a map, and those of the second looked up in it and taken out;
what is left was removed. Where such a map would not fit, the keys are divided by a hash into parts,
and both files are read once for every part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from pydantic import Field

from adhash.analysis.snapshot_entries import ANY_ENGINE
from adhash.errors import SnapshotError
from adhash.free_memory import free_memory_bytes
from adhash.maps.entry_check import EntryCheck
from adhash.results import ResultPart
from adhash.snapshots.columns import Column, column_length, select_rows
from adhash.snapshots.texts import ShownText, shown_row

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from adhash.snapshots import Snapshot
    from adhash.snapshots.reader import Watch

# The most a slot takes, over the least load after a table has grown.
_BYTES_AN_ENTRY: Final = 96
_MOST_PASSES: Final = 4_096
_UNKNOWN_FREE_BYTES: Final = 1 << 30
_HASHED_BYTES: Final = 64
_ODD: Final = np.uint64(0x9E3779B97F4A7C15)


class EntryChange(ResultPart):
    """An entry that is not in both snapshots."""

    kind: Literal["added", "removed", "changed"] = Field(description="What became of it.")
    key: ShownText = Field(description="The key.")
    a: ShownText | None = Field(description="Its value in the first; null if it is not there.")
    b: ShownText | None = Field(description="Its value in the second; null likewise.")


@dataclass(kw_only=True)
class FoundDifferences:
    """How many entries differ, and the first of them."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    unchanged: int = 0
    listed: list[EntryChange] = field(default_factory=list)


class DifferenceFinder:
    """Compares the entries of two snapshots of the same types.

    Parameters
    ----------
    a : Snapshot
        The first, open.
    b : Snapshot
        The second, open.
    limit : int
        How many entries of each kind are listed.
    memory_bytes : int or None
        About how much memory to take; half of what is free where None.
    """

    def __init__(self, a: Snapshot, b: Snapshot, *, limit: int, memory_bytes: int | None) -> None:
        self._a = a
        self._b = b
        self._limit = limit
        self._found = FoundDifferences()
        self._listed: dict[str, list[EntryChange]] = {"added": [], "removed": [], "changed": []}
        self.passes = _passes(a, memory_bytes)

    def find(self, watch: Watch) -> FoundDifferences:
        """Return what differs.

        Parameters
        ----------
        watch : callable
            Told how far it is.

        Returns
        -------
        FoundDifferences
            Listed by kind, each in the order of its file.

        Raises
        ------
        SnapshotError
            If a snapshot holds a key twice.
        """
        total = 2 * (self._a.header.size + self._b.header.size) * self.passes
        done = 0

        def tell(rows: int) -> None:
            nonlocal done
            done += rows
            watch("comparing the entries", min(done, total), max(total, 1), "rows")

        for part in range(self.passes):
            self._compare(part, tell)
        self._found.listed = [each for kind in self._listed.values() for each in kind]
        return self._found

    def _compare(self, part: int, tell: Callable[[int], None]) -> None:
        first = self._load(part, tell)
        for keys, values in self._rows(self._b, part, tell):
            self._look_up(first, keys, values)
        self._found.removed += len(first)
        if len(first) and len(self._listed["removed"]) < self._limit:
            self._list_removed(first, part, tell)

    def _load(self, part: int, tell: Callable[[int], None]) -> EntryCheck:
        header = self._a.header
        entries = EntryCheck(
            engine=ANY_ENGINE,
            key=header.key_type,
            value=header.value_type,
            seed=header.seed,
            capacity=self._a.room_for_rows() // self.passes,
            settings=None,
        )
        for keys, values in self._rows(self._a, part, tell):
            if entries.add(keys, values) != column_length(keys):
                raise SnapshotError(
                    f"{self._a.path} holds a key twice",
                    hint="adhash compact-snapshot keeps the first of each",
                )
        return entries

    def _rows(
        self, snapshot: Snapshot, part: int, tell: Callable[[int], None]
    ) -> Iterator[tuple[Column, Column]]:
        """Yield the rows of a part, a batch at a time."""
        for keys, values in snapshot.batches():
            tell(column_length(keys))
            if self.passes == 1:
                yield keys, values
                continue
            chosen = part_of(keys, self.passes) == part
            if chosen.any():
                yield select_rows(keys, chosen), select_rows(values, chosen)

    def _look_up(self, first: EntryCheck, keys: Column, values: Column) -> None:
        found, equal = first.compare(keys, values)
        is_changed = found & ~equal
        self._found.added += int((~found).sum())
        self._found.changed += int(is_changed.sum())
        self._found.unchanged += int(equal.sum())
        self._list("added", keys, ~found, None, values)
        if is_changed.any():
            changed_keys = select_rows(keys, is_changed)
            self._list(
                "changed",
                changed_keys,
                np.ones(column_length(changed_keys), dtype=np.bool_),
                first.values_of(changed_keys),
                select_rows(values, is_changed),
            )
        first.forget(keys)

    def _list_removed(self, first: EntryCheck, part: int, tell: Callable[[int], None]) -> None:
        for keys, values in self._rows(self._a, part, tell):
            self._list("removed", keys, first.contains(keys), values, None)
            if len(self._listed["removed"]) >= self._limit:
                return

    def _list(
        self,
        kind: Literal["added", "removed", "changed"],
        keys: Column,
        chosen: NDArray[np.bool_],
        a: Column | None,
        b: Column | None,
    ) -> None:
        header = self._a.header
        room = self._limit - len(self._listed[kind])
        for row in np.flatnonzero(chosen)[: max(0, room)].tolist():
            self._listed[kind].append(
                EntryChange(
                    kind=kind,
                    key=shown_row(keys, row, header.key_type),
                    a=None if a is None else shown_row(a, row, header.value_type),
                    b=None if b is None else shown_row(b, row, header.value_type),
                )
            )


def _passes(snapshot: Snapshot, memory_bytes: int | None) -> int:
    arrow = snapshot.arrow
    unpacked = sum(map(arrow.unpacked_bytes, range(arrow.num_batches)))
    needed = snapshot.room_for_rows() * _BYTES_AN_ENTRY + unpacked
    free = free_memory_bytes()
    budget = memory_bytes or (_UNKNOWN_FREE_BYTES if free is None else free) // 2
    return min(_MOST_PASSES, -(-needed // max(1, budget))) or 1


def part_of(keys: Column, parts: int) -> NDArray[np.int64]:
    """Return which of so many parts each key belongs to.

    Parameters
    ----------
    keys : ndarray or (offsets, data)
        Keys; of text the length and the first 64 bytes decide.
    parts : int
        How many.

    Returns
    -------
    ndarray of int64
        From 0; the same for the same key, whatever stands around it.
    """
    hashes = _text_hashes(*keys) if isinstance(keys, tuple) else _mixed(keys.view(np.uint64))
    return ((hashes >> np.uint64(32)) * np.uint64(parts) >> np.uint64(32)).astype(np.int64)


def _mixed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread words over all 64 bits, by two rounds of multiplying and folding."""
    mixed = words * _ODD
    mixed = (mixed ^ (mixed >> np.uint64(29))) * _ODD
    return mixed ^ (mixed >> np.uint64(32))


def _text_hashes(offsets: NDArray[np.int64], data: NDArray[np.uint8]) -> NDArray[np.uint64]:
    lengths = np.minimum(np.diff(offsets), _HASHED_BYTES)
    ends = np.cumsum(lengths)
    within = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - lengths, lengths)
    bytes_of_rows: NDArray[Any] = data[np.repeat(offsets[:-1], lengths) + within]
    # Each byte counts by its place, so that texts of the same letters differ.
    weighed = _mixed((within.astype(np.uint64) << np.uint64(8)) | bytes_of_rows)
    sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(weighed, dtype=np.uint64)])
    totals = sums[ends] - sums[ends - lengths]
    return _mixed(totals + np.diff(offsets).astype(np.uint64))
