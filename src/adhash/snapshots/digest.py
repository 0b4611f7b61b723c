"""The digest that a file carries of itself.

An Arrow file holds its schema twice: in the first message, and again in the footer::

    ARROW1 00 00 | FFFFFFFF length | schema message | record batches | footer | length ARROW1
                                     ^ slot                            ^ slot

One entry of the schema's metadata is a *slot*: a marker and 64 hexadecimal digits. The file is
written with 64 zeros in both, and the SHA-256 of those bytes - all of them: magic, lengths,
padding - is then patched over the zeros. To verify, the digest is taken again with both slots read
as zeros. A digest beside the file, or at its end, was rejected: it would get lost, or the file
would no longer be an Arrow file.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from adhash.errors import SnapshotError
from adhash.snapshots.messages import MAX_SCHEMA_BYTES, max_footer_bytes

METADATA_KEY: Final = "adhash.file_sha256"
BATCH_CHECKSUM_KEY: Final = "adhash.crc32"
MARKER: Final = b"adhash-file-sha256:"
_ZEROS: Final = b"0" * 64
PLACEHOLDER: Final = (MARKER + _ZEROS).decode()

MAGIC: Final = b"ARROW1"
_HEAD: Final = struct.Struct("<8s4si")
_TAIL: Final = struct.Struct("<i6s")
_CHUNK_BYTES: Final = 1 << 20
_WRITTEN_BY: Final = "run-csv --snapshot-out and Map.save write snapshots"
_SALVAGED_BY: Final = (
    "restore it from a copy, save the map again, or salvage what is left with "
    "adhash verify-snapshot --repair --out FILE"
)

# Told how many bytes of a file have been read; it ends the reading by an exception.
OnBytes = Callable[[int], None]


def locate_slots(file: BinaryIO, size_bytes: int) -> tuple[int, int]:
    """Return the positions of the 64 digits in the schema message and in the footer.

    Parameters
    ----------
    file : binary file
        Seekable; its position is lost.
    size_bytes : int
        The size of the file.

    Returns
    -------
    tuple of int
        Byte positions from the start of the file.

    Raises
    ------
    SnapshotError
        If the file is no Arrow file, is cut short, or does not hold one slot in each place.
    """
    schema, footer = metadata_regions(file, size_bytes)
    return _find_slot(file, *schema), _find_slot(file, *footer)


def metadata_regions(file: BinaryIO, size_bytes: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return where the schema message and the footer lie: a position and a length of each.

    Parameters
    ----------
    file : binary file
        Seekable; its position is lost.
    size_bytes : int
        The size of the file.

    Returns
    -------
    tuple of pairs of int
        Both inside the file, apart, and no longer than those of a snapshot.

    Raises
    ------
    SnapshotError
        If the file is no Arrow file, is cut short, or its lengths are none of a snapshot's.
    """
    if size_bytes < _HEAD.size + _TAIL.size:
        raise SnapshotError(
            f"the file is not a snapshot: it has only {size_bytes} bytes", hint=_WRITTEN_BY
        )
    magic, continuation, schema_bytes = _HEAD.unpack(_read_at(file, 0, _HEAD.size))
    if magic != MAGIC + b"\0\0" or continuation != b"\xff\xff\xff\xff":
        raise SnapshotError(
            "the file is not a snapshot: it does not begin as an Arrow file", hint=_WRITTEN_BY
        )
    tail_at = size_bytes - _TAIL.size
    footer_bytes, magic = _TAIL.unpack(_read_at(file, tail_at, _TAIL.size))
    if magic != MAGIC:
        raise SnapshotError(
            "the snapshot is damaged: it does not end as an Arrow file", hint=_SALVAGED_BY
        )
    if not (schema_bytes > 0 and footer_bytes > 0) or (
        schema_bytes + footer_bytes > tail_at - _HEAD.size
    ):
        raise SnapshotError(
            "the snapshot is damaged: the lengths inside it do not fit its size", hint=_SALVAGED_BY
        )
    # Arrow would hold it several times over before anybody could look at it.
    limits = (MAX_SCHEMA_BYTES, max_footer_bytes(size_bytes))
    for length, limit in zip((schema_bytes, footer_bytes), limits, strict=True):
        if length > limit:
            raise SnapshotError(f"it claims {length:,} bytes of metadata; {limit:,} at most")
    return (_HEAD.size, schema_bytes), (tail_at - footer_bytes, footer_bytes)


def _find_slot(file: BinaryIO, start: int, length: int) -> int:
    region = _read_at(file, start, length)
    at = region.find(MARKER)
    if at < 0:
        raise SnapshotError(
            "the Arrow file is not an adhash snapshot: it carries no digest", hint=_WRITTEN_BY
        )
    digits_at = at + len(MARKER)
    if region.count(MARKER) > 1 or digits_at + len(_ZEROS) > length:
        raise SnapshotError(
            "the snapshot's header is ambiguous: it holds the digest's marker twice"
        )
    return start + digits_at


def verify_digest(file: BinaryIO, size_bytes: int, *, on_bytes: OnBytes | None = None) -> None:
    """Check every byte of a file against the digest it carries, one megabyte at a time.

    Parameters
    ----------
    file : binary file
        Seekable; its position is lost.
    size_bytes : int
        The size of the file.
    on_bytes : callable or None
        Told after every megabyte how far it is.

    Raises
    ------
    SnapshotError
        If any bit of the file is not as it was written.
    """
    slots = locate_slots(file, size_bytes)
    first, second = (_read_at(file, slot, len(_ZEROS)) for slot in slots)
    digest = _digest_with_zeros(file, size_bytes, slots, on_bytes or _ignore)
    if not first == second == digest:
        raise SnapshotError(
            f"the snapshot is damaged: its SHA-256 is {digest.decode()} where"
            f" {first.decode('ascii', 'replace')} was recorded",
            hint=_SALVAGED_BY,
        )


def plain_sha256(file: BinaryIO, size_bytes: int, *, on_bytes: OnBytes | None = None) -> str:
    """Return the SHA-256 of a file as any other program computes it, in hexadecimal.

    Parameters
    ----------
    file : binary file
        Seekable; its position is lost.
    size_bytes : int
        The size of the file.
    on_bytes : callable or None
        Told after every megabyte how far it is.

    Returns
    -------
    str
        64 digits.

    Raises
    ------
    SnapshotError
        If the file became shorter meanwhile.
    """
    digest = hashlib.sha256()
    for chunk in _chunks(file, 0, size_bytes, on_bytes or _ignore):
        digest.update(chunk)
    return digest.hexdigest()


def _digest_with_zeros(
    file: BinaryIO, size_bytes: int, slots: tuple[int, int], on_bytes: OnBytes
) -> bytes:
    digest = hashlib.sha256()
    start = 0
    for slot in slots:
        for chunk in _chunks(file, start, slot, on_bytes):
            digest.update(chunk)
        digest.update(_ZEROS)
        start = slot + len(_ZEROS)
    for chunk in _chunks(file, start, size_bytes, on_bytes):
        digest.update(chunk)
    return digest.hexdigest().encode()


def _chunks(file: BinaryIO, start: int, end: int, on_bytes: OnBytes) -> Iterator[bytes]:
    while start < end:
        chunk = _read_at(file, start, min(_CHUNK_BYTES, end - start))
        yield chunk
        start += len(chunk)
        on_bytes(start)


def _ignore(_bytes: int) -> None:
    """Nobody watches."""


def patch_slots(file: BinaryIO, size_bytes: int, digest: str) -> None:
    """Write a digest over the zeros of both slots.

    Parameters
    ----------
    file : binary file
        Seekable and writable; its position is lost.
    size_bytes : int
        The size of the file.
    digest : str
        64 hexadecimal digits.

    Raises
    ------
    SnapshotError
        If the file does not hold exactly one slot in each place.
    """
    for slot in locate_slots(file, size_bytes):
        file.seek(slot)
        file.write(digest.encode())


def _read_at(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    data = file.read(length)
    if len(data) != length:
        raise SnapshotError("the snapshot changed while it was read: it became shorter")
    return data
