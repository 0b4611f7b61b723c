"""What a foreign trace format is made of, for this package and for plug-ins.

A plug-in is a package with an entry point in the group ``adhash.trace_formats`` that names a
`TraceFormat`, or a callable that returns one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from adhash.workloads.formats.content import Content
from adhash.workloads.formats.events import Events

KeyKind: TypeAlias = Literal["int64", "uint64", "str", "auto"]


def _never(_start: bytes) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class TraceFormat:
    """A trace format that is read as accesses to keys.

    Parameters
    ----------
    name : str
        What ``--format`` calls it.
    summary : str
        What it is, in a line.
    key_type : {"int64", "uint64", "str", "auto"}
        The type of its keys; ``auto`` takes integers where the first keys are canonical integers.
    read : callable
        Yields the accesses of a content, in order and in pieces of any size.
    detects : callable
        Whether the first bytes of a content (some 64 KiB, fewer of a pipe) are of this format. It
        must be sure: a format that resembles others is not detected but named.
    suffixes : tuple of str
        File names that end in one of these are of this format; compression stripped.
    is_text : bool
        Whether the content is text.
    """

    name: str
    summary: str
    key_type: KeyKind
    read: Callable[[Content], Iterator[Events]]
    detects: Callable[[bytes], bool] = _never
    suffixes: tuple[str, ...] = ()
    is_text: bool = True
