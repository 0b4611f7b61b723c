"""Text between quotes as redis and strace print it: escaped as in C."""

from __future__ import annotations

import re

_ESCAPE = re.compile(rb'\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|[abfnrtv"\\])')
_LETTERS = dict(zip(b'abfnrtv"\\', b'\a\b\f\n\r\t\v"\\', strict=True))


def unescaped(text: str) -> bytes:
    """Return the bytes that an escaped text stands for.

    Parameters
    ----------
    text : str
        What stands between the quotes.

    Returns
    -------
    bytes
        Escapes that are none of C stay as they are.
    """
    return _ESCAPE.sub(_byte, text.encode()) if "\\" in text else text.encode()


def readable(text: str) -> str:
    """Return what an escaped text stands for, as a key.

    Parameters
    ----------
    text : str
        What stands between the quotes.

    Returns
    -------
    str
        Bytes that are no UTF-8, and a NUL, which no trace has, are written as such as ``\\xff``.
    """
    if "\\" not in text:
        return text
    return unescaped(text).decode(errors="backslashreplace").replace("\0", "\\x00")


def _byte(found: re.Match[bytes]) -> bytes:
    code = found[1]
    if code[:1] == b"x":
        return bytes([int(code[1:], 16)])
    if code.isdigit():
        return bytes([int(code, 8) & 0xFF])
    return bytes([_LETTERS[code[0]]])
