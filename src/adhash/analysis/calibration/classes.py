"""The kinds of keys and values that cost differently: words, short bytes and long bytes.

Keys that are words are of two kinds. Of numbers that lie close together (`dense`), such as those of
blocks or rows, the multiplication that hashes them spreads neighbours evenly, so that fewer collide
than of numbers drawn by lot (`word`); which engines gain by that differs.

A slot holds a 64-bit word, or bytes of up to 16 (keys) and 12 (values) in place; longer ones lie in
the arena of the map and cost a second cache line and an allocation. Within a kind the length
matters little to the time, so each kind is measured at one length.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Class = Literal["word", "inline", "long"]
CLASSES: tuple[Class, ...] = ("word", "inline", "long")

KeyClass = Literal["word", "dense", "inline", "long"]
KEY_CLASSES: tuple[KeyClass, ...] = ("word", "dense", "inline", "long")

#: As `adhash.workloads.columns.Column`: integers, or offsets and bytes.
Column: TypeAlias = Any

#: The longest bytes that lie in the slot itself.
INLINE_KEY_BYTES = 16
INLINE_VALUE_BYTES = 12


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of keys and a kind of values, as they meet in one table."""

    key: KeyClass
    value: Class

    @property
    def key_type(self) -> str:
        """The type of the table's keys."""
        return "int64" if self.key in ("word", "dense") else "bytes"

    @property
    def value_type(self) -> str:
        """The type of the table's values."""
        return "int64" if self.value == "word" else "bytes"


KINDS = tuple(Kind(key=key, value=value) for key in KEY_CLASSES for value in CLASSES)

# Lengths in bytes that are measured: of a name, and of a path or a digest in hexadecimal.
KEY_BYTES: dict[KeyClass, int] = {"word": 8, "dense": 8, "inline": 12, "long": 40}
VALUE_BYTES: dict[Class, int] = {"word": 8, "inline": 8, "long": 64}


def random_keys(kind: Kind, count: int, chance: np.random.Generator) -> Column:
    """Return so many keys of a kind; two alike are as good as impossible.

    Dense ones are consecutive numbers, those of each octave in an order drawn by lot: programs
    count their objects, and do not use them in that order.
    """
    if kind.key == "dense":
        ends = [0, *(1 << octave for octave in range(count.bit_length())), count]
        parts = [low + chance.permutation(high - low) for low, high in itertools.pairwise(ends)]
        return chance.integers(0, 1 << 62) + np.concatenate(parts)
    return _random_column(kind.key, KEY_BYTES[kind.key], count, chance)


def random_values(kind: Kind, count: int, chance: np.random.Generator) -> Column:
    """Return so many values of a kind."""
    return _random_column(kind.value, VALUE_BYTES[kind.value], count, chance)


def _random_column(each: Class, width: int, count: int, chance: np.random.Generator) -> Column:
    words = chance.integers(0, 1 << 63, count * -(-width // 8), dtype=np.int64)
    if each == "word":
        return words
    return np.arange(count + 1, dtype=np.int64) * width, words.view(np.uint8)[: count * width]


def take(column: Column, rows: NDArray[np.int64]) -> Column:
    """Return the rows of a column that this module made."""
    if not isinstance(column, tuple):
        return column[rows]
    offsets, data = column
    width = int(offsets[1])
    picked = data.reshape(-1, width)[rows].reshape(-1)
    return np.arange(len(rows) + 1, dtype=np.int64) * width, picked


def where(is_other: NDArray[np.bool_], other: Column, column: Column) -> Column:
    """Return a column with the rows of another of the same kind in some places."""
    if not isinstance(column, tuple):
        return np.where(is_other, other, column)
    offsets, data = column
    width = int(offsets[1])
    rows = np.where(is_other[:, np.newaxis], other[1].reshape(-1, width), data.reshape(-1, width))
    return offsets, rows.reshape(-1)


def cut(column: Column, start: int, stop: int) -> Column:
    """Return the rows [start, stop) of a column that this module made; bytes are not copied."""
    if not isinstance(column, tuple):
        return column[start:stop]
    offsets, data = column
    width = int(offsets[1])
    return offsets[: stop - start + 1], data[start * width : stop * width]


def length_of(column: Column) -> int:
    """Return how many rows a column has."""
    return len(column[0]) - 1 if isinstance(column, tuple) else len(column)
