"""From ranks to keys: which key is the most popular one, the second, and so on.

If hot keys were small integers, a table that is good at dense ranges would look better than it is,
and neighbours in the key space would be equally hot. So ranks are scattered by a bijection:
distinct ranks stay distinct keys, and nothing needs to be remembered.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from adhash.workloads.columns import ArrowArray
from adhash.workloads.seeded import SeededStream

Ranks = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

_ALPHABET = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", dtype=np.uint8)
_BITS_PER_CHARACTER = 5
_CHARACTERS_PER_WORD = 12


class KeySpace(Protocol):
    """A bijection from ranks to keys."""

    arrow_type: pa.DataType

    def keys(self, ranks: Ranks) -> ArrowArray:
        """Return the key of each rank."""
        ...


class BitMixer:
    """A seeded bijection on the integers of some bits.

    Each round adds, multiplies by an odd number and folds the upper half onto the lower: all three
    can be undone modulo 2**bits.

    Parameters
    ----------
    bits : int
        In [1, 64].
    stream : SeededStream
        The source of the constants.
    """

    _ROUNDS = 3

    def __init__(self, bits: int, stream: SeededStream) -> None:
        self._mask = np.uint64((1 << bits) - 1)
        self._fold = np.uint64(bits - bits // 2)
        constants = stream.words(2 * self._ROUNDS)
        self._addends = constants[: self._ROUNDS]
        self._factors = constants[self._ROUNDS :] | np.uint64(1)

    def mix(self, words: Words) -> Words:
        """Return the images of `words`, which are below 2**bits."""
        for addend, factor in zip(self._addends, self._factors, strict=True):
            words = ((words + addend) * factor) & self._mask
            words = words ^ (words >> self._fold)
        return words


class DenseIntegers:
    """Keys that are the ranks themselves.

    Parameters
    ----------
    arrow_type : pyarrow.DataType
        int64 or uint64.
    """

    def __init__(self, arrow_type: pa.DataType) -> None:
        self.arrow_type = arrow_type

    def keys(self, ranks: Ranks) -> ArrowArray:
        """Return the key of each rank."""
        return pa.array(ranks).cast(self.arrow_type)


class ScatteredIntegers:
    """Keys spread over the integers of some bits.

    Parameters
    ----------
    arrow_type : pyarrow.DataType
        int64 or uint64.
    bits : int
        The keys lie in [0, 2**bits).
    stream : SeededStream
        The source of the bijection.
    """

    def __init__(self, arrow_type: pa.DataType, bits: int, stream: SeededStream) -> None:
        self.arrow_type = arrow_type
        self._mixer = BitMixer(bits, stream)

    def keys(self, ranks: Ranks) -> ArrowArray:
        """Return the key of each rank."""
        mixed = self._mixer.mix(ranks.astype(np.uint64))
        return pa.array(mixed.view(np.int64) if self.arrow_type == pa.int64() else mixed)


class DenseStrings:
    """Keys ``k0000``, ``k0001`` and so on.

    Parameters
    ----------
    length : int
        Characters a key.
    """

    arrow_type: pa.DataType = pa.string()

    def __init__(self, length: int) -> None:
        self._length = length

    def keys(self, ranks: Ranks) -> ArrowArray:
        """Return the key of each rank."""
        characters = np.empty((len(ranks), self._length), dtype=np.uint8)
        characters[:, 0] = ord("k")
        rest = ranks.copy()
        for position in range(self._length - 1, 0, -1):
            rest, digit = np.divmod(rest, 10)
            characters[:, position] = digit + ord("0")
        return fixed_length_strings(characters)


class ScatteredStrings:
    """Keys of a fixed length that look random.

    Parameters
    ----------
    length : int
        Characters a key.
    stream : SeededStream
        The source of the bijection.
    """

    arrow_type: pa.DataType = pa.string()

    def __init__(self, length: int, stream: SeededStream) -> None:
        self._length = length
        first = min(length, _CHARACTERS_PER_WORD)
        # The first word makes a key unique, the others only make it longer.
        self._mixers = [BitMixer(first * _BITS_PER_CHARACTER, stream)]
        for _ in range(first, length, _CHARACTERS_PER_WORD):
            self._mixers.append(BitMixer(64, stream))

    def keys(self, ranks: Ranks) -> ArrowArray:
        """Return the key of each rank."""
        words = [mixer.mix(ranks.astype(np.uint64)) for mixer in self._mixers]
        return fixed_length_strings(spell(words, self._length))


class TabledKeys:
    """Keys listed one by one.

    Parameters
    ----------
    table : pyarrow.Array
        The key of each rank.
    """

    def __init__(self, table: ArrowArray) -> None:
        self.arrow_type: pa.DataType = table.type
        self._table = table

    def keys(self, ranks: Ranks) -> ArrowArray:
        """Return the key of each rank."""
        return self._table.take(pa.array(ranks))


def spell(words: list[Words], length: int) -> npt.NDArray[np.uint8]:
    """Write words as letters and digits, 12 a word.

    Parameters
    ----------
    words : list of ndarray of uint64, shape (n,)
        At least ``length / 12`` of them.
    length : int
        Characters a row.

    Returns
    -------
    ndarray of uint8, shape (n, length)
        ASCII.
    """
    characters = np.empty((len(words[0]), length), dtype=np.uint8)
    for position in range(length):
        word, place = divmod(position, _CHARACTERS_PER_WORD)
        shift = np.uint64(place * _BITS_PER_CHARACTER)
        characters[:, position] = _ALPHABET[(words[word] >> shift) & np.uint64(31)]
    return characters


def fixed_length_strings(characters: npt.NDArray[np.uint8]) -> ArrowArray:
    """Return the rows of a matrix of ASCII as strings, without copying it."""
    rows, length = characters.shape
    offsets: Any = np.arange(rows + 1, dtype=np.int32) * np.int32(length)
    data: Any = np.ascontiguousarray(characters)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), rows, buffers)
