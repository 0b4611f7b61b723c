"""Saving what is left of a damaged snapshot, and saying what is not.

The repaired file holds rows whose checksums are right and no others. Where a forged file holds a
key twice, only its first row is kept; settings and layouts that no engine has are replaced by
defaults. Before the repair is called done, the new file passes every check.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from pydantic import Field, ValidationError

from adhash.analysis.snapshot_entries import ANY_ENGINE, check_entries, check_layout
from adhash.cancellation import CancelToken
from adhash.config_models import AdaptiveSettings
from adhash.errors import InvariantError, SnapshotError
from adhash.maps.entry_check import EntryCheck
from adhash.results import ResultPart
from adhash.snapshots import SnapshotHeader, write_snapshot
from adhash.snapshots.columns import column_length, select_rows
from adhash.snapshots.header import current_versions
from adhash.snapshots.reader import Watch, blaming, open_regular
from adhash.snapshots.salvage import (
    LostRows,
    Survey,
    require_something,
    salvaged_rows,
    survey_snapshot,
)
from adhash.snapshots.verify import FileFindings, check_file

if TYPE_CHECKING:
    from adhash.snapshots import Column

_MAX_LISTED: Final = 1_000


class LostRange(ResultPart):
    """Rows that follow each other and are lost for one reason."""

    first_row: int | None = Field(
        description="The first, from 0 in the order of the file; null where nothing tells."
    )
    rows: int | None = Field(description="How many; null where nothing tells.")
    batch: int | None = Field(description="The batch they were in; null where nothing tells.")
    reason: str = Field(description="What is wrong there.")


class RepairResult(ResultPart):
    """What a repair kept, and what was lost."""

    out: str = Field(description="The repaired snapshot.")
    rows_expected: int = Field(description="Rows that the snapshot had, by its header.")
    rows_kept: int = Field(description="Rows in the repaired snapshot.")
    rows_lost: int = Field(description="Rows whose bytes are gone, or not as they were.")
    duplicates_dropped: int = Field(description="Intact rows with a key that stood before them.")
    batches_kept: int = Field(description="Batches of which something was kept.")
    lost: list[LostRange] = Field(
        description=f"The lost rows, in order; at most {_MAX_LISTED:,} ranges."
    )
    lost_ranges: int = Field(description="How many ranges there are, listed or not.")
    header_from: str = Field(description="Which copy of the header was used: beginning or end.")
    replaced: list[str] = Field(description="Parts of the header replaced by defaults, with why.")
    bytes: int = Field(description="Size of the repaired snapshot.")


def repair_snapshot(snapshot: str, out: str, *, watch: Watch, cancel: CancelToken) -> RepairResult:
    """Write every row that is left of a snapshot to another file.

    Parameters
    ----------
    snapshot : str
        The damaged file; a whole one is copied.
    out : str
        The repaired one; it is replaced when the new one is whole on disk. It may be the damaged
        file itself.
    watch : callable
        Told how far it is.
    cancel : CancelToken
        Ends the check of the result.

    Returns
    -------
    RepairResult
        What was kept, and what was lost.

    Raises
    ------
    InvariantError
        If nothing can be saved: `out` is then as it was.
    SnapshotError, StorageError
        If a file cannot be read or written.
    InterruptedRunError
        If `cancel` was set.
    """
    with blaming(snapshot), open_regular(snapshot) as file:
        try:
            survey = survey_snapshot(file, watch=watch)
            require_something(survey)
        except SnapshotError as error:
            raise InvariantError(
                f"{snapshot} cannot be repaired: {error.detail}", hint="restore it from a copy"
            ) from error
        header, replaced = usable_header(survey.header)
        distinct = sum(column_length(keys) for keys, _ in _distinct(file, survey, watch))
        header = header.model_copy(update={"size": distinct, "versions": current_versions()})

        def accept(written: str) -> None:
            require_clean(written, out, watch=watch, cancel=cancel)

        write_snapshot(out, header, _distinct(file, survey, watch), accept=accept)
    return RepairResult(
        out=out,
        rows_expected=survey.header.size,
        rows_kept=distinct,
        rows_lost=survey.lost_rows,
        duplicates_dropped=survey.rows - distinct,
        batches_kept=survey.batches,
        lost=[_range(each) for each in survey.lost[:_MAX_LISTED]],
        lost_ranges=len(survey.lost),
        header_from=survey.copy,
        replaced=replaced,
        bytes=Path(out).stat().st_size,
    )


def _range(lost: LostRows) -> LostRange:
    return LostRange(first_row=lost.first_row, rows=lost.rows, batch=lost.batch, reason=lost.reason)


def _distinct(file: BinaryIO, survey: Survey, watch: Watch) -> Iterator[tuple[Column, Column]]:
    """Yield what is left, of rows with one key only the first."""
    header = survey.header
    seen = EntryCheck(
        engine=ANY_ENGINE,
        key=header.key_type,
        value=header.value_type,
        seed=header.seed,
        capacity=survey.rows,
        settings=None,
    )
    for keys, values in salvaged_rows(file, survey, watch=watch):
        is_new = seen.add_new(keys, values)
        if is_new.all():
            yield keys, values
        elif is_new.any():
            yield select_rows(keys, is_new), select_rows(values, is_new)


def usable_header(header: SnapshotHeader) -> tuple[SnapshotHeader, list[str]]:
    """Return a header that passes every check, and what had to be replaced for that."""
    findings = FileFindings(size_bytes=0, sha256="")
    changes: dict[str, Any] = {}
    replaced: list[str] = []
    if header.engine == "adaptive":
        try:
            AdaptiveSettings.model_validate(dict(header.settings))
        except ValidationError as error:
            if any(each["type"] != "extra_forbidden" for each in error.errors()):
                changes["settings"] = AdaptiveSettings().model_dump(mode="json")
                replaced.append("settings: one is out of its range; the defaults were taken")
    check_layout(findings, header)
    if any(check.ok is False for check in findings.checks):
        wanted = AdaptiveSettings().initial_layout if header.engine == "adaptive" else header.engine
        changes["layout"] = wanted
        replaced.append(f"layout: {header.engine} is never in {header.layout}; {wanted} was taken")
    return header.model_copy(update=changes), replaced


def require_clean(written: str, out: str, *, watch: Watch, cancel: CancelToken) -> None:
    """Hold a new snapshot to every check before it takes its place.

    Parameters
    ----------
    written : str
        Where it is.
    out : str
        Where it is to be, for the message.
    watch : callable
        Told how far it is.
    cancel : CancelToken
        Ends it.

    Raises
    ------
    InvariantError
        If a check fails.
    """
    findings = check_file(written, watch=watch)
    check_entries(findings, written, watch=watch, cancel=cancel)
    for check in findings.checks:
        if check.ok is False:
            raise InvariantError(
                f"{out} was not written: the new file fails a check: {check.name}: {check.detail}",
                hint="keep the file as it is, and report this",
            )
