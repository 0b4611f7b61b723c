"""Check a snapshot part by part and tell what is wrong, rather than stop at the first fault.

`adhash.snapshots.reader` trusts nothing after a wrong digest. Whoever has a damaged file wants to
know more: is the header left, which batches are? So here the later checks are tried on a damaged
file too. Arrow then parses bytes that nobody vouches for, and is kept on a leash: it reads through
a file that never gives more than there is, whatever length the damage asks for; what it makes of
them is validated in full; and no check after the first fault is ever taken as a reason to call the
file intact.

The checks of this module need no map. That every key is there once, and is found, is checked by
`adhash.analysis.verify_snapshot` with a map.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO, Final

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from adhash.errors import SnapshotError, StorageError
from adhash.snapshots.arrow_file import ArrowFile
from adhash.snapshots.attempts import attempt
from adhash.snapshots.columns import Column, column_from_arrow
from adhash.snapshots.digest import MAGIC, MARKER, locate_slots, plain_sha256, verify_digest
from adhash.snapshots.header import FORMAT, SnapshotHeader
from adhash.snapshots.reader import Watch, open_regular, require_columns

FILE_CHECKS: Final = ("framing", "checksum", "header", "columns", "batches", "rows")
_LOOKED_AT_BYTES: Final = 64 << 10
_MAX_LISTED: Final = 20


class SnapshotCheck(BaseModel):
    """What one check of a snapshot found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="What was checked.")
    ok: bool | None = Field(
        description="Whether it is as it should be; null where that could not be checked."
    )
    detail: str = Field(description="What was found.")


@dataclass
class FileFindings:
    """What the checks of a file found; `rows` counts those of intact batches.

    `header` is None where it cannot be read, `sha256` is that of the file as it is.
    """

    size_bytes: int
    sha256: str
    checks: list[SnapshotCheck] = field(default_factory=list)
    header: SnapshotHeader | None = None
    rows: int = 0

    def add(self, name: str, *, ok: bool | None, detail: str) -> None:
        """Add what a check found."""
        self.checks.append(SnapshotCheck(name=name, ok=ok, detail=detail))

    @property
    def is_intact(self) -> bool:
        """Whether every check that was made is fine, and all of the file were made."""
        made = [check for check in self.checks if check.ok is not None]
        return all(check.ok for check in made) and {check.name for check in made} >= set(
            FILE_CHECKS
        )


def check_file(path: str | os.PathLike[str], *, watch: Watch) -> FileFindings:
    """Check the bytes, the header and every batch of a snapshot.

    Memory stays bounded by a batch, and before the header was checked by a part of the file's size.

    Parameters
    ----------
    path : path-like
        The snapshot.
    watch : callable
        Told how far the check is, at least once a megabyte or batch.

    Returns
    -------
    FileFindings
        One check for each of `FILE_CHECKS`, in this order.

    Raises
    ------
    SnapshotError
        If the file is no snapshot at all, or whole but written by another version.
    StorageError
        If the system refuses to read it.
    """
    name = os.fspath(path)
    with _reading(name), open_regular(name) as file:
        size_bytes = os.fstat(file.fileno()).st_size
        _require_recognised(file, size_bytes)
        sha256 = plain_sha256(file, size_bytes, on_bytes=_watching(watch, "hashing", size_bytes))
        findings = FileFindings(size_bytes=size_bytes, sha256=sha256)
        _check_bytes(findings, file, watch)
        _check_content(findings, file, watch)
    return findings


def intact_batches(path: str | os.PathLike[str]) -> Iterator[tuple[Column, Column]]:
    """Yield keys and values of a file that `check_file` found intact, validated once more.

    Parameters
    ----------
    path : path-like
        The snapshot.

    Yields
    ------
    tuple of columns
        A batch of rows at a time.

    Raises
    ------
    SnapshotError
        If the file was changed since.
    StorageError
        If the system refuses to read it.
    """
    name = os.fspath(path)
    with _reading(name), open_regular(name) as file:
        arrow = ArrowFile(file, os.fstat(file.fileno()).st_size)
        for index in range(arrow.num_batches):
            batch = arrow.batch(index)
            yield column_from_arrow(batch.column(0)), column_from_arrow(batch.column(1))


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Turn what reading raises into errors that name the file."""
    try:
        yield
    except SnapshotError as error:
        raise SnapshotError(f"{name}: {error.detail}", hint=error.hint) from error
    except pa.ArrowException as error:
        raise SnapshotError(f"{name}: Arrow cannot read it: {error}") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(f"cannot read snapshot {name!r}: {reason}") from error


def _require_recognised(file: BinaryIO, size_bytes: int) -> None:
    """Refuse what never was a snapshot: that is another mistake than a damaged one.

    A damaged one still has the magic of Arrow at one end, and the marker of its digest near one.
    """
    file.seek(0)
    head = file.read(_LOOKED_AT_BYTES)
    file.seek(max(0, size_bytes - _LOOKED_AT_BYTES))
    tail = file.read(_LOOKED_AT_BYTES)
    is_arrow = head.startswith(MAGIC) or tail.endswith(MAGIC)
    if size_bytes == 0:
        raise SnapshotError("it is not a snapshot: the file is empty")
    if not is_arrow:
        raise SnapshotError("it is not a snapshot: it neither begins nor ends as an Arrow file")
    if not any(sign in part for sign in (MARKER, FORMAT.encode()) for part in (head, tail)):
        if not tail.endswith(MAGIC):
            raise SnapshotError(
                "it is an Arrow file, but not a snapshot, or not any more: it is cut after "
                f"{size_bytes:,} bytes, and none of them is of a header"
            )
        raise SnapshotError("it is an Arrow file, but not a snapshot: it carries no digest")


# --- the bytes ---------------------------------------------------------------------------------


def _check_bytes(findings: FileFindings, file: BinaryIO, watch: Watch) -> None:
    size_bytes = findings.size_bytes
    try:
        locate_slots(file, size_bytes)
    except SnapshotError as error:
        findings.add("framing", ok=False, detail=error.detail)
        findings.add("checksum", ok=None, detail="not checked: the recorded one was not found")
        return
    findings.add("framing", ok=True, detail=f"an Arrow file of {size_bytes:,} bytes")
    on_bytes = _watching(watch, "checking the checksum", size_bytes)
    try:
        verify_digest(file, size_bytes, on_bytes=on_bytes)
    except SnapshotError as error:
        findings.add("checksum", ok=False, detail=error.detail)
    else:
        findings.add("checksum", ok=True, detail="every byte is as it was written")


def _watching(watch: Watch, note: str, total: int) -> Callable[[int], None]:
    return lambda done: watch(note, done, total, "bytes")


# --- what Arrow finds in them ------------------------------------------------------------------


def _check_content(findings: FileFindings, file: BinaryIO, watch: Watch) -> None:
    arrow = attempt(partial(ArrowFile, file, findings.size_bytes))
    if isinstance(arrow, str):
        findings.add("header", ok=False, detail=arrow)
        _skip(findings, "columns", "batches", "rows")
        return
    header = attempt(lambda: SnapshotHeader.from_metadata(arrow.schema.metadata))
    if isinstance(header, str):
        _refuse_other_version(findings, arrow)
        findings.add("header", ok=False, detail=header)
        _skip(findings, "columns", "batches", "rows")
        return
    findings.header = header
    findings.add("header", ok=True, detail=_described(header))
    fault = attempt(lambda: require_columns(arrow.schema, header))
    if isinstance(fault, str):
        findings.add("columns", ok=False, detail=fault)
        _skip(findings, "batches", "rows")
        return
    findings.add(
        "columns", ok=True, detail=f"keys are {header.key_type}, values {header.value_type}"
    )
    _check_batches(findings, arrow, header, watch)


def _refuse_other_version(findings: FileFindings, arrow: ArrowFile) -> None:
    """Refuse a file that is whole but of another format: it may well be fine."""
    written_as = (arrow.schema.metadata or {}).get(b"adhash.format", FORMAT.encode())
    if written_as != FORMAT.encode() and all(check.ok for check in findings.checks):
        raise SnapshotError(
            f"its format is {written_as.decode('utf-8', 'replace')!r}; this version reads "
            f"{FORMAT!r}",
            hint="check it with the version of adhash that wrote it",
        )


def _described(header: SnapshotHeader) -> str:
    layout = "" if header.layout == header.engine else f" in layout {header.layout}"
    return f"{header.size:,} entries of {header.engine}{layout}, {header.created_at.isoformat()}"


def _skip(findings: FileFindings, *names: str) -> None:
    for name in names:
        findings.add(name, ok=None, detail="not checked: what comes before it is damaged")


def _check_batches(
    findings: FileFindings,
    arrow: ArrowFile,
    header: SnapshotHeader,
    watch: Watch,
) -> None:
    total = arrow.num_batches
    faults: dict[int, str] = {}
    for index in range(total):
        batch = attempt(partial(arrow.batch, index))
        if isinstance(batch, str):
            faults[index] = batch
        else:
            findings.rows += batch.num_rows
        watch("checking batches", index + 1, total, "batches")
    if faults:
        listed = "; ".join(
            f"batch {index}: {fault.removeprefix(f'batch {index} ')}"
            for index, fault in list(faults.items())[:_MAX_LISTED]
        )
        findings.add("batches", ok=False, detail=f"{len(faults)} of {total} damaged: {listed}")
        _skip(findings, "rows")
        return
    findings.add("batches", ok=True, detail=f"all {total:,} valid and with their checksums")
    is_right = findings.rows == header.size
    promised = "as the header says" if is_right else f"where the header says {header.size:,}"
    findings.add("rows", ok=is_right, detail=f"{findings.rows:,} rows, {promised}")
