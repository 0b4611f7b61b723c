"""The hottest keys: counted, or from the sketch where not all keys could be followed."""

from __future__ import annotations

from typing import Any

import numpy as np

from adhash.analysis.dna.result import HotKey, HotKeys
from adhash.analysis.dna.trace_analysis import TraceAnalysis

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
    keys, rows = analysis.sketch.top(count)
    error = analysis.sketch.error
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
    best = np.argsort(-analysis.table.rows, kind="stable")[:count]
    keys = analysis.table.keys_of(best) if count else []
    rows = analysis.table.rows[best].tolist()
    return HotKeys(
        is_exact=True,
        method="counted",
        error_bound=0,
        keys=[
            _hot_key(key, rows=row, error=0, total=analysis.rows)
            for key, row in zip(keys, rows, strict=True)
        ],
    )


def _hot_key(key: Any, *, rows: int, error: int, total: int) -> HotKey:
    if isinstance(key, bytes):
        # A cut within a character would show as a broken one: none has more than four bytes.
        text = key[: 4 * _SHOWN_CHARACTERS].decode("utf-8", "backslashreplace")
        shown: int | str = text[:_SHOWN_CHARACTERS]
    else:
        shown = key
    size = len(key) if isinstance(key, bytes) else len(str(key))
    return HotKey(key=shown, key_bytes=size, count=rows, count_error=error, share=rows / total)
