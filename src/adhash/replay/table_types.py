"""Which types of key and value a table gets, and what to do when a later row does not fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from adhash.errors import BadInputError, TraceError
from adhash.units import INT64_MAX, UINT64_MAX

AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class TableTypes:
    """The types of keys and values; either may be ``auto`` while it is not known."""

    key: str
    value: str

    def __str__(self) -> str:
        return f"{self.key} keys and {self.value} values"

    def bound_to(self, held: TableTypes) -> TableTypes:
        """Return the types that a snapshot holds, once they are known to be those asked for.

        Parameters
        ----------
        held : TableTypes
            The types of the snapshot.

        Returns
        -------
        TableTypes
            The same.

        Raises
        ------
        BadInputError
            If others were asked for.
        """
        for kind, asked, found in (("key", self.key, held.key), ("value", self.value, held.value)):
            if asked not in (AUTO, found):
                raise BadInputError(
                    f"the snapshot's {kind}s are {found}, not {asked}",
                    hint=f"leave out --{kind}-type",
                )
        return held

    def filled_from(self, other: TableTypes) -> TableTypes:
        """Return these types, with those of `other` where these are ``auto``."""
        return TableTypes(
            key=other.key if self.key == AUTO else self.key,
            value=other.value if self.value == AUTO else self.value,
        )


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A row that cannot be replayed, as the parser tells of it."""

    line: int
    column: int
    what: str
    value: str
    remedy: str
    key_type: bool
    value_type: bool

    @classmethod
    def of(cls, native: Any) -> Fault:
        """Return the fault that the native module tells of, by its attributes."""
        return cls(**{name: getattr(native, name) for name in cls.__annotations__})

    def __str__(self) -> str:
        # The parser has escaped what cannot be printed: a repr would escape it twice.
        value = f" '{self.value}'" if self.value else ""
        return f"line {self.line}, column {self.column}: {self.what}{value}"


class MisfitError(Exception):
    """A row does not fit types that were only inferred; wider ones would take it."""

    def __init__(self, fault: Fault, wider: TableTypes) -> None:
        super().__init__(str(fault))
        self.fault = fault
        self.wider = wider


def widen(fault: Fault, *, asked: TableTypes, used: TableTypes) -> TableTypes | None:
    """Return types that take the row of a fault; None where the types are not to blame.

    Parameters
    ----------
    fault : Fault
        What the parser found.
    asked : TableTypes
        What the caller asked for; only ``auto`` may be widened.
    used : TableTypes
        The types that the row did not fit.

    Returns
    -------
    TableTypes or None
        Wider in one of the two.
    """
    if fault.key_type and asked.key == AUTO:
        key = _wider_key(used.key, fault.value)
        return replace(used, key=key) if key != used.key else None
    if fault.value_type and asked.value == AUTO and used.value != "bytes":
        return replace(used, value="bytes")
    return None


def _wider_key(used: str, text: str) -> str:
    is_large = text.isascii() and text.isdigit() and INT64_MAX < int(text[:20]) <= UINT64_MAX
    return "uint64" if used == "int64" and is_large else "str"


def as_trace_error(fault: Fault, file: str, *, hint: str = "") -> TraceError:
    """Return the error that tells a user of a fault.

    Parameters
    ----------
    fault : Fault
        What the parser found.
    file : str
        The trace as the user named it.
    hint : str
        What to do; the parser's own remedy where empty.

    Returns
    -------
    TraceError
        With the place of the fault.
    """
    return TraceError(
        f"{file}: {fault}",
        hint=hint or fault.remedy,
        file=file,
        line=fault.line,
        column=fault.column,
        value=fault.value,
    )
