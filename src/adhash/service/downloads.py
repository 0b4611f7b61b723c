"""Sending an artifact: streamed from the file, whole or one range of it (RFC 9110, 14)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from adhash.service.errors import RangeError
from adhash.service.records import ArtifactRecord

_BLOCK_BYTES = 1 << 18
_RANGE = re.compile(r"^bytes=(\d{0,18})-(\d{0,18})$")


@dataclass(frozen=True, kw_only=True)
class ByteRange:
    """Bytes `first` to `last`, both included."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """Return how many bytes they are."""
        return self.last - self.first + 1


def parse_range(text: str, size: int) -> ByteRange:
    """Return the range that a header asks for.

    Parameters
    ----------
    text : str
        Such as ``bytes=0-99``, ``bytes=100-`` or ``bytes=-100``.
    size : int
        The bytes of the file.

    Returns
    -------
    ByteRange
        Within the file.

    Raises
    ------
    RangeError
        If it is no single range of bytes, or none of it is in the file.
    """
    parts = _RANGE.fullmatch(text.strip()) if len(text) <= 64 else None
    if parts is None or parts.groups() == ("", ""):
        raise RangeError(
            f"not a single range of bytes: {text[:40]!r}", hint="ask for one range at a time"
        )
    if parts[1] == "":
        first, last = max(size - int(parts[2]), 0), size - 1
    else:
        first, last = int(parts[1]), min(int(parts[2] or size - 1), size - 1)
    if first > last:
        raise RangeError(f"the file has {size} bytes; asked was {text[:40]!r}")
    return ByteRange(first=first, last=last)


def send_file(
    file: BinaryIO, record: ArtifactRecord, *, headers: Mapping[str, str], is_head: bool
) -> Response:
    """Return the response that sends an artifact and closes its file.

    Parameters
    ----------
    file : binary file
        Open at its beginning.
    record : ArtifactRecord
        What it is.
    headers : mapping of str to str
        Of the request, names in lower case.
    is_head : bool
        Whether only the headers are wanted.

    Returns
    -------
    Response
        200, 206 or 304.

    Raises
    ------
    RangeError
        If the range is not in the file.
    """
    tag = f'"{record.sha256}"'
    about = {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(record.name.split('/')[-1])}",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-cache",
    }
    if tag in headers.get("if-none-match", ""):
        file.close()
        return Response(status_code=304, headers=about)
    try:
        wanted = _wanted(headers, record, tag)
    except RangeError:
        file.close()
        raise
    status = 200
    part = ByteRange(first=0, last=record.size - 1)
    if wanted is not None:
        status, part = 206, wanted
        about["Content-Range"] = f"bytes {part.first}-{part.last}/{record.size}"
    about["Content-Length"] = str(part.length)
    if is_head:
        file.close()
        return Response(status_code=status, headers=about, media_type=record.media_type)
    return StreamingResponse(
        _blocks(file, part), status_code=status, headers=about, media_type=record.media_type
    )


def _wanted(headers: Mapping[str, str], record: ArtifactRecord, tag: str) -> ByteRange | None:
    text = headers.get("range")
    # If-Range: the range only of the file that the caller has the rest of, else all of it.
    if text is None or headers.get("if-range", tag) != tag:
        return None
    return parse_range(text, record.size)


async def _blocks(file: BinaryIO, part: ByteRange) -> AsyncIterator[bytes]:
    try:
        await run_in_threadpool(file.seek, part.first)
        left = part.length
        while left > 0:
            block = await run_in_threadpool(file.read, min(left, _BLOCK_BYTES))
            if not block:
                return
            left -= len(block)
            yield block
    finally:
        file.close()
