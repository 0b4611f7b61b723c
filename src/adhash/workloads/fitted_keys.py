"""Keys for the objects of a fitted trace: the integers they were, or strings of their lengths."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from adhash.workloads.columns import ArrowArray
from adhash.workloads.fitted_trace import FittedTrace, Ints
from adhash.workloads.key_spaces import BitMixer, Words
from adhash.workloads.seeded import SeededStream

_ALPHABET = np.frombuffer(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", dtype=np.uint8
)
_BITS = 6
# So many characters make a key unique; the others only make it longer.
_TELLING = 10
# What begins a key that is longer than it should be, because there are no shorter ones left.
_LONGER = ord("~")
_LONGER_LENGTH = 12
# Behind so many characters a key repeats itself.
_VARIED = 80


class ShiftedIntegers:
    """The integers of the trace; those that later epochs have anew lie behind its greatest one.

    Parameters
    ----------
    fitted : FittedTrace
        Of integer keys.
    stream : SeededStream
        The source of keys where there is no room behind the greatest one.
    """

    def __init__(self, fitted: FittedTrace, stream: SeededStream) -> None:
        self.arrow_type: pa.DataType = pa.int64() if fitted.key_type == "int64" else pa.uint64()
        self._keys = fitted.integers
        greatest = int(self._keys.max())
        self._span = greatest - int(self._keys.min()) + 1
        limit = 2**63 - 1 if fitted.key_type == "int64" else 2**64 - 1
        self._epochs = (limit - greatest) // self._span
        self._scattered = BitMixer(63, stream)

    def keys(self, places: Ints, epochs: Ints) -> ArrowArray:
        """Return the key of each row.

        Parameters
        ----------
        places : ndarray of int64, shape (n,)
            Where the key stands among those of the fitted trace.
        epochs : ndarray of int64, shape (n,)
            The epoch in which its object came into being.

        Returns
        -------
        pyarrow.Array
            Integers.
        """
        keys = self._keys[places]
        moved = np.flatnonzero(epochs)
        if len(moved):
            keys[moved] = self._moved(keys[moved], epochs[moved])
        return pa.array(keys)

    def _moved(self, keys: Any, epochs: Ints) -> Any:
        if int(epochs.max()) <= self._epochs:
            return keys + epochs.astype(keys.dtype) * keys.dtype.type(self._span)
        words = keys.view(np.uint64) + epochs.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        mixed = self._scattered.mix(words & np.uint64((1 << 63) - 1))
        return mixed.view(np.int64) if keys.dtype == np.int64 else mixed


class LookalikeStrings:
    """Strings as long as those of the trace, of letters and digits that say nothing.

    Parameters
    ----------
    fitted : FittedTrace
        Of strings.
    stream : SeededStream
        The source of the bijections from numbers to strings.
    """

    arrow_type: pa.DataType = pa.string()

    def __init__(self, fitted: FittedTrace, stream: SeededStream) -> None:
        self._lengths = fitted.lengths
        counts = np.bincount(fitted.lengths)
        order = np.argsort(fitted.lengths, kind="stable")
        begins = np.cumsum(counts) - counts
        self._counts = counts
        # The number of each string among those of its length.
        self._numbers = np.empty(len(order), dtype=np.int64)
        self._numbers[order] = np.arange(len(order)) - begins[fitted.lengths[order]]
        self._mixers = [BitMixer(_BITS * places, stream) for places in range(1, _TELLING + 1)]
        self._filler = BitMixer(64, stream)

    def keys(self, places: Ints, epochs: Ints) -> ArrowArray:
        """Return the key of each row; see `ShiftedIntegers.keys`."""
        lengths = self._lengths[places]
        numbers = self._numbers[places] + epochs * self._counts[lengths]
        telling = np.minimum(lengths, _TELLING)
        is_crowded = numbers >= 1 << np.minimum(_BITS * telling, 62)
        words = self._words(numbers, np.where(is_crowded, _TELLING, telling))
        # Of a crowded length: a mark, the length, and ten characters.
        shown = np.where(is_crowded, np.maximum(lengths, _LONGER_LENGTH), lengths)
        matrix = self._characters(words, numbers, int(shown.max(initial=1)))
        crowded = np.flatnonzero(is_crowded)
        if len(crowded):
            matrix[crowded, 2:_LONGER_LENGTH] = matrix[crowded, :_TELLING].copy()
            matrix[crowded, 0] = _LONGER
            matrix[crowded, 1] = _ALPHABET[lengths[crowded] & 63]
        return variable_length_strings(matrix, shown)

    def _words(self, numbers: Ints, places: Ints) -> Words:
        words = np.empty(len(numbers), dtype=np.uint64)
        for count in np.unique(places).tolist():
            of_count = places == count
            words[of_count] = self._mixers[count - 1].mix(numbers[of_count].astype(np.uint64))
        return words

    def _characters(self, words: Words, numbers: Ints, width: int) -> npt.NDArray[np.uint8]:
        matrix = np.empty((len(words), max(width, _LONGER_LENGTH)), dtype=np.uint8)
        filler = words
        for place in range(min(matrix.shape[1], _VARIED)):
            word, at = divmod(place, _TELLING)
            if at == 0 and word:
                salt = np.uint64(word) << np.uint64(48)
                filler = self._filler.mix(numbers.astype(np.uint64) + salt)
            shift = np.uint64(at * _BITS)
            matrix[:, place] = _ALPHABET[(filler >> shift) & np.uint64(63)]
        for start in range(_VARIED, matrix.shape[1], _VARIED):
            width = min(_VARIED, matrix.shape[1] - start)
            matrix[:, start : start + width] = matrix[:, :width]
        return matrix


def variable_length_strings(characters: npt.NDArray[np.uint8], lengths: Ints) -> ArrowArray:
    """Return the beginnings of the rows of a matrix of ASCII as strings.

    Parameters
    ----------
    characters : ndarray of uint8, shape (n, width)
        ASCII.
    lengths : ndarray of int64, shape (n,)
        How many characters of each row.

    Returns
    -------
    pyarrow.Array
        Strings.
    """
    offsets: Any = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    data: Any = characters[np.arange(characters.shape[1]) < lengths[:, None]]
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), len(lengths), buffers)
