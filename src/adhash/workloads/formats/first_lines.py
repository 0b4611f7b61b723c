"""Looking at the first lines of a content to tell what it is."""

from __future__ import annotations

import re


def first_lines(start: bytes, most: int = 20) -> list[str]:
    """Return the first whole lines that are not blank; none where `start` is no text.

    Parameters
    ----------
    start : bytes
        The first bytes of a content.
    most : int
        How many lines to return at most.

    Returns
    -------
    list of str
        Without their ends.
    """
    if b"\0" in start:
        return []
    text = start.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    lines = text.split("\n")
    # What follows the last line feed may be a part of a line.
    whole = lines[:-1] or lines
    return [line.rstrip("\r") for line in whole if line.strip()][:most]


def all_match(pattern: re.Pattern[str], start: bytes) -> bool:
    """Return whether there is a first line and each of the first lines matches as a whole."""
    lines = first_lines(start)
    return bool(lines) and all(pattern.fullmatch(line) for line in lines)


def some_match(pattern: re.Pattern[str], start: bytes, *, most: int = 20) -> bool:
    """Return whether one of the first lines matches from its beginning."""
    return any(pattern.match(line) for line in first_lines(start, most))
