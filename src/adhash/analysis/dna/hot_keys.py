"""The hottest keys: counted, or from the sketch where not all keys could be followed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from adhash.analysis.dna.result import HotKey, HotKeys
from adhash.analysis.dna.trace_analysis import Sketch, TraceAnalysis, listed, taken

_SHOWN_CHARACTERS = 200


def hot_keys(analysis: TraceAnalysis, *, count: int) -> HotKeys:
    """Return the hottest keys of a trace.

    Parameters
    ----------
    analysis : TraceAnalysis
        Of the trace.
    count : int
        How many to list at most.

    Returns
    -------
    HotKeys
        The hottest first; of equally hot ones, the one that came first where they were counted.
    """
    if analysis.sketch is None:
        return _counted(analysis, count)
    return _sketched(analysis, analysis.sketch, count)


def _sketched(analysis: TraceAnalysis, sketch: Sketch, count: int) -> HotKeys:
    best = _greatest(sketch.rows, count)
    keys = listed(taken(sketch.keys, best), analysis.key_type)
    rows, error = sketch.rows[best].tolist(), sketch.error
    return HotKeys(
        is_exact=False,
        method="misra-gries",
        error_bound=error,
        keys=[
            _hot_key(key, rows=row, error=error, total=analysis.rows)
            for key, row in zip(keys, rows, strict=True)
        ],
    )


def _counted(analysis: TraceAnalysis, count: int) -> HotKeys:
    best = _greatest(analysis.histories["rows"], count)
    keys = listed(analysis.keys_of(best), analysis.key_type)
    rows = analysis.histories["rows"][best].tolist()
    return HotKeys(
        is_exact=True,
        method="counted",
        error_bound=0,
        keys=[
            _hot_key(key, rows=row, error=0, total=analysis.rows)
            for key, row in zip(keys, rows, strict=True)
        ],
    )


def _greatest(numbers: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the places of the greatest numbers, the greatest first; of equal ones the first."""
    if not count or not len(numbers):
        return np.empty(0, dtype=np.int64)
    # Sorting is faster than a partition where most numbers are the same.
    least = np.sort(numbers)[-count] if count < len(numbers) else 0
    candidates = np.flatnonzero(numbers >= least)
    return candidates[np.argsort(-numbers[candidates], kind="stable")][:count]


def _hot_key(key: Any, *, rows: int, error: int, total: int) -> HotKey:
    if isinstance(key, bytes):
        # A cut within a character would show as a broken one: none has more than four bytes.
        text = key[: 4 * _SHOWN_CHARACTERS].decode("utf-8", "backslashreplace")
        shown: int | str = text[:_SHOWN_CHARACTERS]
    else:
        shown = key
    size = len(key) if isinstance(key, bytes) else len(str(key))
    return HotKey(key=shown, key_bytes=size, count=rows, count_error=error, share=rows / total)
