"""An Arrow file under supervision: Arrow parses it, but gets no say in how much memory that takes.

Whoever wrote the file may have meant harm, and a digest that is right does not speak against that.
So before Arrow parses anything, the metadata is held to what a snapshot needs; it reads through a
file that never gives more than there is, whatever length is asked for; and what a batch would
unpack to is compared with the memory that is free.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeVar

import pyarrow as pa

from adhash.errors import SnapshotError
from adhash.free_memory import free_memory_bytes
from adhash.snapshots.columns import columns_checksum
from adhash.snapshots.digest import BATCH_CHECKSUM_KEY, metadata_regions
from adhash.snapshots.messages import BatchPlan, batch_plan, footer_blocks, require_plain_message

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Buffer

_Found = TypeVar("_Found")
_PREFIX_BYTES: Final = 8
_UNPACKED: Final = struct.Struct("<q")
# What any machine has: below this nobody needs to look.
_ALWAYS_FREE_BYTES: Final = 64 << 20
# Unpacked data is copied once when it becomes part of a map.
_COPIES: Final = 2


class BoundedFile(io.RawIOBase):
    """A file as Arrow sees it: asked for more than there is, it reserves no memory for it.

    Parameters
    ----------
    file : binary file
        Seekable.
    size_bytes : int
        Its size.
    """

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        super().__init__()
        self._file = file
        self._size_bytes = size_bytes

    def readable(self) -> bool:
        """Return True: it can be read."""
        return True

    def seekable(self) -> bool:
        """Return True: it can be read from anywhere."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position, and return it."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes, and no more than there are."""
        left = max(0, self._size_bytes - self._file.tell())
        return self._file.read(left if size < 0 else min(size, left))

    def readinto(self, buffer: Buffer) -> int:
        """Fill a buffer as far as there are bytes, and return how many there were."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)


class ArrowFile:
    """The batches of a file whose framing is that of a snapshot.

    Parameters
    ----------
    file : binary file
        Seekable; its position is lost.
    size_bytes : int
        Its size.

    Raises
    ------
    SnapshotError
        If it is framed, or describes itself, as no snapshot does.
    pyarrow.ArrowException
        If Arrow finds it malformed.
    """

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file = file
        self._size_bytes = size_bytes
        schema_region, footer_region = metadata_regions(file, size_bytes)
        require_plain_message(self._read(*schema_region))
        self._blocks = footer_blocks(self._read(*footer_region), size_bytes)
        file.seek(0)
        bounded = BoundedFile(file, size_bytes)
        self._reader = pa.ipc.open_file(pa.PythonFile(bounded, mode="r"))

    @property
    def schema(self) -> pa.Schema:
        """The schema, as the footer has it."""
        return self._reader.schema

    @property
    def num_batches(self) -> int:
        """How many batches the footer lists."""
        return len(self._blocks)

    def blocks(self) -> NDArray[Any]:
        """Return where the batches lie: ``offset``, ``metadata_bytes``, ``body_bytes`` of each."""
        return self._blocks

    def batch(self, index: int) -> pa.RecordBatch:
        """Return a batch after a full validation: offsets, UTF-8, no nulls, and its checksum.

        Parameters
        ----------
        index : int
            Which batch, counted from 0.

        Returns
        -------
        pyarrow.RecordBatch
            Safe to read.

        Raises
        ------
        SnapshotError
            If it is no batch of a snapshot, unpacks to more than there is memory for, holds nulls,
            or has another checksum.
        pyarrow.ArrowException
            If Arrow finds it malformed.
        """
        plan = self.plan(index)
        require_memory(index, self._claimed_bytes(index, plan))
        batch, metadata = self._reader.get_batch_with_custom_metadata(index)
        if batch.num_rows != plan.rows:
            raise SnapshotError(f"batch {index} has {batch.num_rows} rows, not {plan.rows}")
        require_valid(batch, index)
        recorded = dict(metadata or {}).get(BATCH_CHECKSUM_KEY.encode(), b"")
        require_checksum(batch, recorded, index)
        return batch

    def plan(self, index: int) -> BatchPlan:
        """Return how a batch lies in its body; SnapshotError if it is no batch of a snapshot."""
        block = self._blocks[index]
        message = self._read(int(block["offset"]), int(block["metadata_bytes"]))[_PREFIX_BYTES:]
        return blaming_batch(index, partial(batch_plan, message, int(block["body_bytes"])))

    def num_rows(self) -> int:
        """Return how many rows the batches say they have, without reading them.

        Returns
        -------
        int
            At most 65,536 a batch.

        Raises
        ------
        SnapshotError
            If one is no batch of a snapshot.
        """
        return sum(self.plan(index).rows for index in range(self.num_batches))

    def unpacked_bytes(self, index: int) -> int:
        """Return how many bytes the columns of a batch say they take once unpacked.

        Parameters
        ----------
        index : int
            Which batch, counted from 0.

        Returns
        -------
        int
            What a compressed buffer claims is not checked before it is unpacked.

        Raises
        ------
        SnapshotError
            If it is no batch of a snapshot, or claims less than nothing.
        """
        return self._claimed_bytes(index, self.plan(index))

    def _claimed_bytes(self, index: int, plan: BatchPlan) -> int:
        block = self._blocks[index]
        body_at = int(block["offset"]) + int(block["metadata_bytes"])
        return claimed_bytes(plan, lambda at, length: self._read(body_at + at, length))

    def _read(self, at: int, length: int) -> bytes:
        self._file.seek(at)
        data = self._file.read(length)
        if len(data) != length:
            raise SnapshotError("the snapshot changed while it was read: it became shorter")
        return data


def claimed_bytes(plan: BatchPlan, read: Callable[[int, int], bytes]) -> int:
    """Return how many bytes the columns of a batch say they take once unpacked.

    Parameters
    ----------
    plan : BatchPlan
        How the columns lie.
    read : callable
        Returns bytes of the body: at a position, of a length.

    Returns
    -------
    int
        What is kept as it is counts as it is.

    Raises
    ------
    SnapshotError
        If one claims less than nothing.
    """
    if not plan.is_compressed:
        return int(plan.buffers["bytes"].sum())
    return sum(_claim(buffer, read) for buffer in plan.buffers)


def _claim(buffer: Any, read: Callable[[int, int], bytes]) -> int:
    length = int(buffer["bytes"])
    if length < _UNPACKED.size:
        return 0
    claimed: int = _UNPACKED.unpack(read(int(buffer["offset"]), _UNPACKED.size))[0]
    if claimed < -1:
        raise SnapshotError(f"it claims to unpack to {claimed:,} bytes")
    return length if claimed == -1 else claimed  # -1: kept as it is


def require_memory(index: int, claimed: int) -> None:
    """Refuse a batch that unpacks to more than there is memory for.

    Parameters
    ----------
    index : int
        Which batch, for the message.
    claimed : int
        Its bytes once unpacked.

    Raises
    ------
    SnapshotError
        If they do not fit.
    """
    if claimed * _COPIES <= _ALWAYS_FREE_BYTES:
        return
    free = free_memory_bytes()
    if free is not None and claimed * _COPIES > free:
        raise SnapshotError(
            f"batch {index} unpacks to {claimed:,} bytes; {free:,} bytes of memory are free",
            hint="if the file is what you expect, read it where there is more memory",
        )


def blaming_batch(index: int, work: Callable[[], _Found]) -> _Found:
    """Return what `work` returns; its errors name the batch.

    Parameters
    ----------
    index : int
        Which batch.
    work : callable
        Reads something of it.

    Returns
    -------
    object
        What it found.

    Raises
    ------
    SnapshotError
        As `work`.
    """
    try:
        return work()
    except SnapshotError as error:
        raise SnapshotError(f"batch {index} is damaged: {error.detail}", hint=error.hint) from error


def require_valid(batch: pa.RecordBatch, index: int) -> None:
    """Check that offsets ascend in range, text is UTF-8, and nothing is null.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        As Arrow made it.
    index : int
        Which it is, for messages.

    Raises
    ------
    SnapshotError
        If something is null.
    pyarrow.ArrowException
        If it is not valid.
    """
    batch.validate(full=True)
    if any(column.null_count for column in batch.columns):
        raise SnapshotError(f"batch {index} holds nulls")


def require_checksum(batch: pa.RecordBatch, recorded: bytes, index: int) -> None:
    """Check a batch against the checksum that was recorded of it.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        Valid.
    recorded : bytes
        Eight hexadecimal digits.
    index : int
        Which it is, for messages.

    Raises
    ------
    SnapshotError
        If it has another.
    """
    found = b"%08x" % columns_checksum(*batch.columns)
    if found != recorded:
        raise SnapshotError(
            f"batch {index} has checksum {found.decode()} where"
            f" {recorded.decode('ascii', 'replace')!r} was recorded"
        )
