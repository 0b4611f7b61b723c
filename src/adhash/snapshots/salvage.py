"""Everything that is left of a damaged snapshot: the rows whose checksums are still right.

Where a batch is known to lie, it is read there: by its mark (`adhash.snapshots.marks`), wherever
the file was cut or what stands before it; without marks, as earlier versions wrote them, by the
footer, or one behind the other. A batch that Arrow reads and whose checksum is right is kept as a
whole. Of one that is not, the stripes are kept whose checksums are right. A row is kept for no
other reason: what is salvaged is what was saved.

The survey finds out what is left, and keeps no row in memory. Reading comes after it, and does the
same again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO, Final

from adhash.errors import SnapshotError
from adhash.snapshots.attempts import attempt
from adhash.snapshots.columns import Column, column_length
from adhash.snapshots.header import SnapshotHeader
from adhash.snapshots.reader import Watch
from adhash.snapshots.salvage_header import FoundHeader, find_header
from adhash.snapshots.salvage_places import Place, marked_places, unmarked_places
from adhash.snapshots.salvage_rows import Piece, read_pieces

_MARKED: Final = "a batch cannot be found: its beginning is damaged, or the file was cut there"


@dataclass(frozen=True, kw_only=True)
class LostRows:
    """Rows that are not left.

    `first_row` counts from 0 in the order of the file; None where the file does not tell, as
    `rows`. `reason` says what is wrong there.
    """

    first_row: int | None
    rows: int | None
    batch: int | None
    reason: str


@dataclass(kw_only=True)
class Survey:
    """What is left of a file.

    `copy` says at which end of the file the header was read. `rows` counts those that are left.
    """

    header: SnapshotHeader
    copy: str
    size_bytes: int
    places: list[Place] = field(default_factory=list)
    batches: int = 0
    rows: int = 0
    lost: list[LostRows] = field(default_factory=list)

    @property
    def lost_rows(self) -> int:
        """How many rows of the snapshot are not left."""
        return max(0, self.header.size - self.rows)


def survey_snapshot(file: BinaryIO, *, watch: Watch) -> Survey:
    """Find out which rows of a file are left.

    Parameters
    ----------
    file : binary file
        Seekable; its position is lost.
    watch : callable
        Told how far it is, at least once a megabyte or batch.

    Returns
    -------
    Survey
        Where the rows are, and which are lost.

    Raises
    ------
    SnapshotError
        If neither copy of the header can be used: nobody knows then what the bytes mean.
    """
    size_bytes = os.fstat(file.fileno()).st_size
    found = find_header(file, size_bytes)
    survey = Survey(header=found.header, copy=found.copy, size_bytes=size_bytes)
    kept: list[tuple[int, int]] = []
    reasons: list[LostRows] = []
    places = list(_places(file, found, size_bytes, watch))
    for number, place in enumerate(places, start=1):
        _survey_place(file, found, place, survey, kept, reasons)
        watch("reading what is left", number, len(places), "batches")
    survey.lost = _lost(survey, found, kept, reasons)
    return survey


def salvaged_rows(
    file: BinaryIO, survey: Survey, *, watch: Watch
) -> Iterator[tuple[Column, Column]]:
    """Yield the rows that a survey found, a batch or a part of one at a time.

    Parameters
    ----------
    file : binary file
        The file that was surveyed.
    survey : Survey
        Of it.
    watch : callable
        Told how far it is.

    Yields
    ------
    tuple of columns
        Keys and values.

    Raises
    ------
    SnapshotError
        If the header can no longer be read: the file was changed.
    """
    found = find_header(file, survey.size_bytes)
    rows = 0
    for place in survey.places:
        pieces, _ = read_pieces(file, found.schema, found.header, place)
        for piece in pieces:
            rows += column_length(piece.keys)
            yield piece.keys, piece.values
            watch("writing what is left", min(rows, survey.rows), survey.rows, "rows")


def _places(file: BinaryIO, found: FoundHeader, size_bytes: int, watch: Watch) -> Iterator[Place]:
    if found.name is not None:
        yield from marked_places(file, found, size_bytes, watch)
    else:
        yield from unmarked_places(file, found, size_bytes)


def _survey_place(
    file: BinaryIO,
    found: FoundHeader,
    place: Place,
    survey: Survey,
    kept: list[tuple[int, int]],
    reasons: list[LostRows],
) -> None:
    answer = attempt(partial(read_pieces, file, found.schema, found.header, place))
    pieces, fault = ([], answer) if isinstance(answer, str) else answer
    first, rows = place.first_row, place.rows
    if fault is not None:
        reasons.append(LostRows(first_row=first, rows=rows, batch=place.index, reason=fault))
    if not pieces:
        return
    survey.places.append(place)
    survey.batches += 1
    for piece in pieces:
        survey.rows += column_length(piece.keys)
        if first is not None:
            kept.append(_span(first, piece))


def _span(first_row: int, piece: Piece) -> tuple[int, int]:
    return first_row + piece.first, first_row + piece.first + column_length(piece.keys)


def _lost(
    survey: Survey,
    found: FoundHeader,
    kept: list[tuple[int, int]],
    reasons: list[LostRows],
) -> list[LostRows]:
    """Return the gaps between the kept rows, each with the reason that is known for it."""
    if found.name is None:
        return _lost_without_marks(survey, reasons)
    lost: list[LostRows] = []
    end = 0
    for first, behind in [*sorted(kept), (survey.header.size, survey.header.size)]:
        if first > end:
            lost.extend(_explained(end, first, reasons))
        end = max(end, behind)
    return lost


def _explained(first: int, end: int, reasons: list[LostRows]) -> Iterator[LostRows]:
    """Cut a gap where batches begin and end, so that each part has one reason."""
    at = first
    for known in sorted(reasons, key=lambda each: each.first_row or 0):
        start, rows = known.first_row, known.rows
        if start is None or rows is None or start + rows <= at or start >= end:
            continue
        if start > at:
            yield LostRows(first_row=at, rows=start - at, batch=None, reason=_MARKED)
        at = max(at, start)
        stop = min(end, start + rows)
        yield LostRows(first_row=at, rows=stop - at, batch=known.batch, reason=known.reason)
        at = stop
    if at < end:
        yield LostRows(first_row=at, rows=end - at, batch=None, reason=_MARKED)


def _lost_without_marks(survey: Survey, reasons: list[LostRows]) -> list[LostRows]:
    told = sum(each.rows or 0 for each in reasons)
    rest = survey.lost_rows - told
    if rest <= 0 or any(each.rows is None for each in reasons):
        return reasons
    return [*reasons, LostRows(first_row=None, rows=rest, batch=None, reason=_MARKED)]


def require_something(survey: Survey) -> None:
    """Refuse to go on where no row is left of a snapshot that had some.

    Parameters
    ----------
    survey : Survey
        Of the file.

    Raises
    ------
    SnapshotError
        If there is nothing to be saved.
    """
    if survey.rows == 0 and survey.header.size > 0:
        raise SnapshotError(
            f"none of its {survey.header.size:,} rows is left; {survey.lost[0].reason}"
            if survey.lost
            else f"none of its {survey.header.size:,} rows is left"
        )


__all__ = [
    "LostRows",
    "Survey",
    "require_something",
    "salvaged_rows",
    "survey_snapshot",
]
