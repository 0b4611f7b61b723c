"""A reader of FlatBuffers that follows no offset out of its bytes, and makes no object of them.

Arrow checks its metadata before it uses it, and then makes objects of all of it: of a megabyte of
empty entries, fifty. So `adhash.snapshots.messages` counts what there is before Arrow sees it, with
this reader. A generated one would do, but not against bytes that nobody vouches for: Python takes a
negative position for one from the end.

A table is found by a position. Four bytes there, subtracted from it, lead to the list of its
fields; two bytes a field lead from the position to its value, or are zero where it is absent::

    vtable  | bytes of vtable | bytes of table | field 0 | field 1 | ...      two bytes each
    table   | position - vtable | ... values and offsets to values ...
"""

from __future__ import annotations

import struct
from typing import Any, Final

from adhash.errors import SnapshotError

_U16: Final = struct.Struct("<H")
_I32: Final = struct.Struct("<i")
_U32: Final = struct.Struct("<I")
_U8: Final = struct.Struct("<B")
_I64: Final = struct.Struct("<q")


class FlatTable:
    """A table inside some bytes.

    Parameters
    ----------
    data : bytes
        All that any offset may lead to.
    at : int
        Where the table is.

    Raises
    ------
    SnapshotError
        If there is no table.
    """

    __slots__ = ("_at", "_data", "_fields_at", "_fields_end")

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at
        self._fields_at = at - self._read(_I32, at)
        self._fields_end = self._fields_at + self._read(_U16, self._fields_at)

    @classmethod
    def root(cls, data: bytes) -> FlatTable:
        """Return the table that some bytes are about."""
        if len(data) < _U32.size:
            raise SnapshotError("its metadata is malformed: there is none")
        return cls(data, _U32.unpack_from(data)[0])

    def byte(self, field: int) -> int:
        """Return a field of one byte; 0 where it is absent."""
        return self._scalar(field, _U8)

    def integer(self, field: int) -> int:
        """Return a field of eight bytes; 0 where it is absent."""
        return self._scalar(field, _I64)

    def table(self, field: int) -> FlatTable | None:
        """Return a field that is a table; None where it is absent."""
        at = self._position(field)
        return FlatTable(self._data, self._follow(at)) if at else None

    def vector(self, field: int, item_bytes: int) -> tuple[int, int]:
        """Return where the items of a field lie, and how many they are; 0 where it is absent."""
        at = self._position(field)
        if not at:
            return 0, 0
        start = self._follow(at)
        count = self._read(_U32, start)
        if count * item_bytes > len(self._data) - start - _U32.size:
            raise SnapshotError(f"its metadata is malformed: {count:,} items have no room in it")
        return start + _U32.size, count

    def item(self, start: int, index: int) -> FlatTable:
        """Return an item of a vector of tables that begins at `start`."""
        return FlatTable(self._data, self._follow(start + index * _U32.size))

    def text(self, field: int) -> bytes:
        """Return a field that is a string; nothing where it is absent."""
        start, length = self.vector(field, 1)
        return self.raw(start, length)

    def raw(self, start: int, length: int) -> bytes:
        """Return the bytes of the items of a vector."""
        return self._data[start : start + length]

    # --- positions ---------------------------------------------------------------------------

    def _scalar(self, field: int, form: struct.Struct) -> int:
        at = self._position(field)
        return self._read(form, at) if at else 0

    def _position(self, field: int) -> int:
        entry = self._fields_at + 2 * (field + 2)
        if entry + 2 > self._fields_end:
            return 0
        offset = self._read(_U16, entry)
        return self._at + offset if offset else 0

    def _follow(self, at: int) -> int:
        return at + self._read(_U32, at)

    def _read(self, form: struct.Struct, at: int) -> int:
        if not 0 <= at <= len(self._data) - form.size:
            raise SnapshotError(f"its metadata is malformed: an offset leads to byte {at:,}")
        found: tuple[Any, ...] = form.unpack_from(self._data, at)
        return int(found[0])
