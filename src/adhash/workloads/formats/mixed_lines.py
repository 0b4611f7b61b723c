"""Lines of which most are simple: those are read all at once, the rest one by one.

Both keep the order of the lines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adhash.workloads.arrow_buffers import numbers_of
from adhash.workloads.formats.accesses import Accesses
from adhash.workloads.formats.content import Lines
from adhash.workloads.formats.events import Events, joined_keys, taken
from adhash.workloads.formats.matching import Matched

#: What `codes_of` gives for a word that it does not know.
UNKNOWN = 255


@dataclass(frozen=True, kw_only=True)
class SimpleLines:
    """What was read all at once.

    Parameters
    ----------
    events : Events
        An access a line.
    places : ndarray of int64, shape (n,)
        The line of each, ascending.
    is_done : ndarray of bool, shape (lines,)
        The lines that need no closer look.
    """

    events: Events
    places: NDArray[np.int64]
    is_done: NDArray[np.bool_]


def codes_of(matched: Matched, name: str, meaning: Mapping[str, int]) -> NDArray[np.uint8]:
    """Return a field of few different words as numbers; `UNKNOWN` for other words.

    Parameters
    ----------
    matched : Matched
        The lines.
    name : str
        The group.
    meaning : mapping of str to int
        The number of each word, in lower case.

    Returns
    -------
    ndarray of uint8, shape (n,)
        A number a line that matched.
    """
    encoded: Any = matched.strings(name).dictionary_encode()
    words = [word.lower() for word in encoded.dictionary.to_pylist()]
    codes = np.array([meaning.get(word, UNKNOWN) for word in words] or [0], dtype=np.uint8)
    return np.take(codes, numbers_of(encoded.indices))


def read_mixed(
    lines: Lines, simple: SimpleLines, read_line: Callable[[Accesses, int, str], None]
) -> Events | None:
    """Return the accesses of all lines.

    Parameters
    ----------
    lines : Lines
        The lines.
    simple : SimpleLines
        What was read of them already.
    read_line : callable
        Called with where to put accesses, the place of a line, and its text, for all others.

    Returns
    -------
    Events or None
        None where there are no accesses.
    """
    accesses = Accesses()
    places: list[int] = []
    for place in np.flatnonzero(~simple.is_done).tolist():
        read_line(accesses, place, lines.text(place))
        places += [place] * (len(accesses.keys) - len(places))
    if not places:
        return simple.events if len(simple.events) else None
    rest = accesses.events()
    order = np.argsort(np.concatenate([simple.places, places]), kind="stable")
    return Events.of(
        np.concatenate([simple.events.kinds, rest.kinds])[order],
        taken(joined_keys([simple.events.keys, rest.keys]), order),
        np.concatenate([simple.events.sizes, rest.sizes])[order],
    )
