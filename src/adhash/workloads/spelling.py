"""How the keys and values of a program are written into a trace.

A trace has keys of one type and values of one type; a program may have anything. What cannot be
written faithfully as a key is refused, because two keys that look alike would make a different
workload. Values matter less: only their kind and size do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sized
from typing import Any, Literal

from adhash.errors import BadInputError, KeyTypeError
from adhash.units import INT64_MAX, INT64_MIN, UINT64_MAX

KeyFunction = Callable[[Any], "int | str | bytes"]
ValueFunction = Callable[[Any], "int | str | bytes"]
ValueMode = Literal["content", "filler"]

#: Longer values are cut to so many characters: a line of a trace is meant to be read.
MAX_VALUE_CHARACTERS = 4096

_UNSIZED_CHARACTERS = 8
_NEEDS_QUOTES = re.compile('[",\r\n]')
# Bytes become characters one by one; NUL, which no trace may contain, becomes a character that no
# byte becomes. So distinct bytes stay distinct, and ASCII stays readable.
_NUL, _NUL_STAND_IN = "\0", "\u0100"


class KeySpeller:
    """Writes keys, all of the type that the first one has.

    Parameters
    ----------
    function : callable or None
        Applied to each key first.
    """

    def __init__(self, function: KeyFunction | None = None) -> None:
        self._function = function
        self._type: type | None = None
        self._has_negative = False
        self._has_unsigned = False

    def spell(self, key: object) -> str:
        """Return a key as a field of CSV.

        Parameters
        ----------
        key : object
            The program's key.

        Returns
        -------
        str
            Quoted where it must be.

        Raises
        ------
        KeyTypeError
            Where the key cannot be in a trace, or not in one with the keys before it.
        """
        if self._function is not None:
            key = self._function(key)
        if isinstance(key, int):
            self._require_type(int, key)
            return self._spell_int(int(key))
        if isinstance(key, str):
            self._require_type(str, key)
            return _spell_str(str.__str__(key))
        if isinstance(key, bytes):
            self._require_type(bytes, key)
            return _require_something(_quoted(_characters(key)), key)
        raise KeyTypeError(
            f"a key of type {type(key).__name__} cannot be recorded: {_shown(key)}",
            hint="record int, str or bytes keys, or give Recorder a function key= that makes one",
        )

    def _require_type(self, kind: type, key: object) -> None:
        if self._type is kind:
            return
        if self._type is not None:
            raise KeyTypeError(
                f"a trace has keys of one type: the first was {self._type.__name__}, "
                f"now comes the {kind.__name__} {_shown(key)}",
                hint="give Recorder a function key= that makes one type of them",
            )
        self._type = kind

    def _spell_int(self, key: int) -> str:
        if not 0 <= key <= INT64_MAX:
            self._has_negative |= key < 0
            self._has_unsigned |= key > 0
            too_wide = not INT64_MIN <= key <= UINT64_MAX
            if too_wide or (self._has_negative and self._has_unsigned):
                raise KeyTypeError(
                    f"the key {key} does not fit into 64 bits"
                    + ("" if too_wide else " beside negative ones"),
                    hint="give Recorder the function key=str",
                )
        return str(key)


class ValueSpeller:
    """Writes values, all as integers where the first one is an integer, else all as text.

    Parameters
    ----------
    mode : {"content", "filler"} or callable
        "content" writes integers and text as they are, and of other objects their length (as a
        number, or as so many characters); "filler" writes the length of everything but integers,
        so that no content leaves the program; a function returns what to write.

    Raises
    ------
    BadInputError
        Where the mode is unknown.
    """

    def __init__(self, mode: ValueMode | ValueFunction = "content") -> None:
        if not callable(mode) and mode not in ("content", "filler"):
            raise BadInputError(f"value must be 'content', 'filler' or a function; got {mode!r}")
        self._mode = mode
        self._are_numbers: bool | None = None

    def spell(self, value: object) -> str:
        """Return a value as a field of CSV."""
        if callable(self._mode):
            value = self._mode(value)
        if self._are_numbers is None:
            self._are_numbers = _is_int64(value)
        if self._are_numbers:
            return str(int(value)) if _is_int64(value) else str(_length(value))  # type: ignore[call-overload]
        return _quoted(self._text(value)[:MAX_VALUE_CHARACTERS])

    def _text(self, value: object) -> str:
        if isinstance(value, int):
            return str(int(value))
        if self._mode != "filler":
            if isinstance(value, str):
                text = str.__str__(value).replace(_NUL, _NUL_STAND_IN)
                return text.encode(errors="replace").decode()
            if isinstance(value, bytes | bytearray):
                return _characters(value)
        return "x" * min(_length(value), MAX_VALUE_CHARACTERS)


def _spell_str(key: str) -> str:
    if _NUL in key:
        raise KeyTypeError(
            f"a key with a NUL cannot be recorded: {_shown(key)}",
            hint="give Recorder a function key= that writes it in another way",
        )
    if not key.isascii():
        try:
            key.encode()
        except UnicodeEncodeError as error:
            raise KeyTypeError(
                f"a key that is not valid Unicode cannot be recorded: {_shown(key)}",
                hint="give Recorder a function key= that writes it in another way",
            ) from error
    return _require_something(_quoted(key), key)


def _require_something(text: str, key: object) -> str:
    if text:
        return text
    raise KeyTypeError(
        f"an empty key cannot be recorded: {_shown(key)}",
        hint="give Recorder a function key= that writes it in another way",
    )


def _characters(data: bytes | bytearray) -> str:
    return data.decode("latin-1").replace(_NUL, _NUL_STAND_IN)


def _quoted(text: str) -> str:
    if _NEEDS_QUOTES.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def _is_int64(value: object) -> bool:
    return isinstance(value, int) and INT64_MIN <= value <= INT64_MAX


def _length(value: object) -> int:
    return len(value) if isinstance(value, Sized) else _UNSIZED_CHARACTERS


def _shown(key: object) -> str:
    text = repr(key)
    return text if len(text) <= 60 else text[:57] + "..."
