"""Phases as figures."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adhash.analysis.dna.phases import (
    Cut,
    WindowCharacter,
    distinct_of,
    find_cuts,
    hellinger,
)
from adhash.analysis.dna.result_changes import Phase, PhaseBoundary, Phases
from adhash.analysis.dna.trace_analysis import TraceAnalysis

_MOST = 128
# Narrower windows say more of chance than of the trace.
_FEWEST_ROWS = 4096
_VISIBLE_MIX = 0.1
_VISIBLE_RATIO = 1.5
_VISIBLE_POPULARITY = 0.25


@dataclass(frozen=True, kw_only=True)
class _Windows:
    """Windows that are all full, but for the last one if there is no other."""

    width: int
    character: WindowCharacter
    misses: NDArray[np.int64]


def phases(analysis: TraceAnalysis) -> Phases:
    """Return the stretches of a trace that differ from one another.

    Parameters
    ----------
    analysis : TraceAnalysis
        Of the trace.

    Returns
    -------
    Phases
        One phase for a trace of one kind.
    """
    windows = _windows(analysis)
    cuts = find_cuts(windows.character)
    starts = [0, *(cut.window for cut in cuts)]
    ends = [*starts[1:], len(windows.misses)]
    stretches = [slice(start, end) for start, end in zip(starts, ends, strict=True)]
    rows = [*(start * windows.width for start in starts), analysis.rows]
    return Phases(
        window_rows=windows.width,
        boundaries=[
            _boundary(windows, cut, stretches[at], stretches[at + 1]) for at, cut in enumerate(cuts)
        ],
        phases=[
            _phase(windows, stretch, first_row=first, rows=last - first)
            for stretch, first, last in zip(stretches, rows[:-1], rows[1:], strict=True)
        ],
    )


def _windows(analysis: TraceAnalysis) -> _Windows:
    counts = analysis.phase_windows
    width = counts["width"]
    ops = counts["ops"].reshape(_MOST, -1)
    misses = counts["misses"]
    cells = counts["cells"].reshape(_MOST, -1)
    registers = counts["registers"].reshape(_MOST, -1)
    while width < _FEWEST_ROWS:
        width *= 2
        ops, cells = ops[::2] + ops[1::2], cells[::2] + cells[1::2]
        misses = misses[::2] + misses[1::2]
        registers = np.maximum(registers[::2], registers[1::2])
        if len(misses) % 2:
            break
    full = max(1, analysis.rows // width)
    character = WindowCharacter(
        ops=ops[:full], cells=cells[:full], distinct=distinct_of(registers[:full])
    )
    return _Windows(width=width, character=character, misses=misses[:full])


def _boundary(windows: _Windows, cut: Cut, before: slice, behind: slice) -> PhaseBoundary:
    character = windows.character
    mix, popularity = (
        hellinger(each[before].sum(axis=0), each[behind].sum(axis=0), corrected=corrected)
        for each, corrected in ((character.ops, False), (character.cells, True))
    )
    ratio = float(character.distinct[behind].mean() / character.distinct[before].mean())
    apart = character.points[before].mean(axis=0) - character.points[behind].mean(axis=0)
    return PhaseBoundary(
        row=cut.window * windows.width,
        # Two parts have a distance of 2 at most when squared; a large working set may add to it.
        score=min(1.0, math.sqrt(float((apart**2).sum()) / 2)),
        strength=cut.strength,
        mix_change=mix,
        working_set_ratio=ratio,
        popularity_change=popularity,
        what=_what(mix, ratio, popularity),
    )


def _what(mix: float, ratio: float, popularity: float) -> str:
    changes = []
    if mix >= _VISIBLE_MIX:
        changes.append("operations")
    if not 1 / _VISIBLE_RATIO < ratio < _VISIBLE_RATIO:
        changes.append(f"working set x {ratio:.2g}")
    if popularity >= _VISIBLE_POPULARITY:
        changes.append("popular keys")
    return ", ".join(changes) or "a little of everything"


def _phase(windows: _Windows, stretch: slice, *, first_row: int, rows: int) -> Phase:
    gets, puts, dels = (int(each) for each in windows.character.ops[stretch].sum(axis=0))
    total = gets + puts + dels
    misses = int(windows.misses[stretch].sum())
    return Phase(
        first_row=first_row,
        rows=rows,
        get_share=gets / total,
        put_share=puts / total,
        del_share=dels / total,
        miss_share=min(1.0, misses / gets) if gets else None,
        distinct_per_window=round(float(windows.character.distinct[stretch].mean())),
    )
