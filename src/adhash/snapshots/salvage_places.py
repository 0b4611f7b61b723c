"""Where the batches of a damaged file lie."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from adhash.snapshots.marks import LONGEST_MARK_BYTES, Mark, find_marks
from adhash.snapshots.messages import MAX_BATCH_METADATA_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from adhash.snapshots.salvage_header import FoundHeader

_PREFIX: Final = struct.Struct("<4si")
_CONTINUES: Final = b"\xff\xff\xff\xff"
_CHUNK_BYTES: Final = 4 << 20


@dataclass(frozen=True, kw_only=True)
class Place:
    """A batch: where its message begins, and how long its metadata is, its prefix included.

    `body_bytes` is None where only the metadata says it. `mark` is None where the file has none;
    then `index` counts the places, and no row number is known.
    """

    offset: int
    metadata_bytes: int
    body_bytes: int | None
    index: int
    mark: Mark | None

    @property
    def first_row(self) -> int | None:
        """The number of its first row, if that is known."""
        return self.mark.first_row if self.mark else None

    @property
    def rows(self) -> int | None:
        """How many rows it has, if that is known."""
        return self.mark.rows if self.mark else None


def marked_places(
    file: BinaryIO,
    found: FoundHeader,
    size_bytes: int,
    watch: Callable[[str, int, int, str], None],
) -> Iterator[Place]:
    """Yield the batches whose mark stands in the file, each once, in the order of the rows.

    Parameters
    ----------
    file : binary file
        Seekable; its position is lost.
    found : FoundHeader
        Its header; it has a name for the marks.
    size_bytes : int
        Its size.
    watch : callable
        Told how much was searched.

    Yields
    ------
    Place
        A mark whose batch has no beginning is left out.
    """
    places: dict[int, Place] = {}
    for at, mark in _marks(file, found.name or "", size_bytes, watch):
        span = _footer_span(found, at) or _prefix_span(file, at)
        is_of_it = mark.first_row + mark.rows <= found.header.size
        if span is not None and is_of_it and mark.index not in places:
            offset, metadata_bytes, body_bytes = span
            places[mark.index] = Place(
                offset=offset,
                metadata_bytes=metadata_bytes,
                body_bytes=body_bytes,
                index=mark.index,
                mark=mark,
            )
    yield from _apart(sorted(places.values(), key=lambda place: place.index))


def _apart(places: list[Place]) -> Iterator[Place]:
    """Yield those whose rows come after those before: no row is ever taken twice."""
    behind = 0
    for place in places:
        mark = place.mark
        if mark is not None and mark.first_row >= behind:
            behind = mark.first_row + mark.rows
            yield place


def _marks(
    file: BinaryIO, name: str, size_bytes: int, watch: Callable[[str, int, int, str], None]
) -> Iterator[tuple[int, Mark]]:
    """Yield every mark of the file with its position; chunks overlap by the length of one."""
    start = 0
    while start < size_bytes:
        file.seek(start)
        chunk = file.read(_CHUNK_BYTES + LONGEST_MARK_BYTES)
        if not chunk:
            return
        for at, mark in find_marks(chunk, name):
            if at < _CHUNK_BYTES:
                yield start + at, mark
        start += _CHUNK_BYTES
        watch("looking for batches", min(start, size_bytes), size_bytes, "bytes")


def _footer_span(found: FoundHeader, at: int) -> tuple[int, int, int | None] | None:
    """Return the block of the footer whose metadata a position lies in."""
    offsets, lengths = found.blocks["offset"], found.blocks["metadata_bytes"]
    around = ((offsets <= at) & (at < offsets + lengths)).nonzero()[0]
    if len(around) != 1:
        return None
    block = found.blocks[around[0]]
    return int(block["offset"]), int(block["metadata_bytes"]), int(block["body_bytes"])


def _prefix_span(file: BinaryIO, at: int) -> tuple[int, int, int | None] | None:
    """Return the nearest message before a position whose length reaches over it."""
    start = max(0, at - MAX_BATCH_METADATA_BYTES)
    file.seek(start)
    before = file.read(at - start)
    end = len(before)
    while (found := before.rfind(_CONTINUES, 0, end)) >= 0:
        if found + _PREFIX.size <= len(before):
            length = _PREFIX.unpack_from(before, found)[1]
            reaches = start + found + _PREFIX.size + length > at
            if reaches and 0 < length <= MAX_BATCH_METADATA_BYTES:
                return start + found, _PREFIX.size + length, None
        end = found + len(_CONTINUES) - 1
    return None


def unmarked_places(file: BinaryIO, found: FoundHeader, size_bytes: int) -> Iterator[Place]:
    """Yield the batches of a file without marks: by its footer, else one behind the other.

    Parameters
    ----------
    file : binary file
        Seekable; its position is lost.
    found : FoundHeader
        Its header.
    size_bytes : int
        Its size.

    Yields
    ------
    Place
        In the order of the file; to the first that has no length, where there is no footer.
    """
    if len(found.blocks):
        for index, block in enumerate(found.blocks):
            yield Place(
                offset=int(block["offset"]),
                metadata_bytes=int(block["metadata_bytes"]),
                body_bytes=int(block["body_bytes"]),
                index=index,
                mark=None,
            )
        return
    yield from _in_a_row(file, found.end, size_bytes)


def _in_a_row(file: BinaryIO, at: int | None, size_bytes: int) -> Iterator[Place]:
    from adhash.snapshots.salvage_rows import body_bytes_of

    index = 0
    while at is not None and at + _PREFIX.size <= size_bytes:
        file.seek(at)
        sign, length = _PREFIX.unpack(file.read(_PREFIX.size))
        if sign != _CONTINUES or not 0 < length <= MAX_BATCH_METADATA_BYTES:
            return
        place = Place(
            offset=at,
            metadata_bytes=_PREFIX.size + length,
            body_bytes=None,
            index=index,
            mark=None,
        )
        yield place
        body_bytes = body_bytes_of(file, place)
        if body_bytes is None:
            return
        at += place.metadata_bytes + body_bytes
        index += 1
