"""Lines taken apart by a regular expression, all at once in native code (RE2 through Arrow)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from adhash.errors import TraceError
from adhash.workloads.arrow_buffers import nulls_of, numbers_of
from adhash.workloads.formats.content import Fault, Lines, line_error

# Behind the last field of every pattern: the end of the line, whichever it is.
END = r"\s*$"


class Matched:
    """The fields of the lines that matched.

    Parameters
    ----------
    lines : Lines
        The lines.
    fields : pyarrow.StructArray
        A field a named group; null where a line did not match.
    """

    def __init__(self, lines: Lines, fields: Any) -> None:
        self.lines = lines
        self._all = fields
        is_match = ~nulls_of(fields)
        self.places = np.flatnonzero(is_match)
        self.misfits = np.flatnonzero(~is_match)
        self._fields = fields if not len(self.misfits) else fields.drop_null()

    def __len__(self) -> int:
        return len(self.places)

    def strings(self, name: str) -> Any:
        """Return a field as strings; empty where its group took no part."""
        return self._fields.field(self._fields.type.get_field_index(name))

    def keys(self, name: str) -> Any:
        """Return a field as keys."""
        return self.strings(name).cast(pa.large_binary())

    def is_given(self, name: str) -> NDArray[np.bool_]:
        """Return for each line whether the group took part."""
        return numbers_of(pc.binary_length(self.strings(name))) > 0

    def letters(self, name: str) -> NDArray[np.uint8]:
        """Return the first byte of each string of a field, of which none is empty."""
        strings = self.strings(name)
        _, offsets, data = strings.buffers()
        places = np.frombuffer(offsets, dtype=np.int32)[strings.offset :][: len(strings)]
        return np.frombuffer(data, dtype=np.uint8)[places]

    def integers(self, name: str, what: str, *, base: int = 10, empty: int = 0) -> NDArray[Any]:
        """Return a field of digits as numbers.

        Parameters
        ----------
        name : str
            The group.
        what : str
            What the number is, for messages.
        base : {10, 16}
            Of the digits; no prefix.
        empty : int
            What an empty string stands for.

        Returns
        -------
        ndarray of int64, or of uint64 where the base is 16
            One a line.

        Raises
        ------
        TraceError
            Where a number does not fit.
        """
        strings = self.strings(name)
        digits = strings
        if not self.is_given(name).all():
            digits = pc.if_else(pc.equal(strings, pa.scalar("")), str(empty), strings)
        if base == 16:
            digits = pc.binary_join_element_wise("0x", digits, "")
        kind = pa.uint64() if base == 16 else pa.int64()
        try:
            return numbers_of(digits.cast(kind))
        except pa.ArrowInvalid as error:
            raise self._overflow(digits, kind, what) from error

    def _overflow(self, digits: Any, kind: pa.DataType, what: str) -> TraceError:
        for place, text in zip(self.places, digits.to_pylist(), strict=True):
            try:
                pa.scalar(text).cast(kind)
            except pa.ArrowInvalid:
                fault = Fault(what=f"the {what} is no {kind}", value=text, remedy="check the trace")
                return line_error(self.lines.name, self.lines.first + int(place), fault)
        raise AssertionError


def match(lines: Lines, pattern: str) -> Matched:
    """Return the fields of lines that match a pattern from their beginning to their end.

    Parameters
    ----------
    lines : Lines
        The lines.
    pattern : str
        In the syntax of RE2, with named groups; ``^`` and `END` are put around it.

    Returns
    -------
    Matched
        The fields.
    """
    return Matched(lines, pc.extract_regex(lines.strings(), f"^(?:{pattern}){END}"))


def require_all(
    matched: Matched, judge: Callable[[str], Fault | None], *, blank_is_fine: bool = True
) -> None:
    """Refuse lines that did not match, unless they are known to be something else.

    Parameters
    ----------
    matched : Matched
        What matched.
    judge : callable
        Returns what is wrong with the text of a line that did not; None where it is to be skipped.
    blank_is_fine : bool
        Whether blank lines are skipped.

    Raises
    ------
    TraceError
        Where a line is neither.
    """
    for place in matched.misfits:
        text = matched.lines.text(int(place))
        if blank_is_fine and not text.strip():
            continue
        fault = judge(text)
        if fault is not None:
            matched.lines.refuse(int(place), fault)
