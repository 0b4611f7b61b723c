"""Choosing an engine for a trace: `profile`, or `run_profile` with a model of options.

The story, module by module: `sampling` draws pieces of the trace, `history` infers what the table
held before each, `race` runs the engines on them in turns, `standing` ranks the laps and says how
sure the ranking is, and `recommendation` puts it into words.

Names are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adhash.analysis.profile.result import Candidate, ProfileResult
    from adhash.analysis.profile.run import profile, run_profile

__all__ = ["Candidate", "ProfileResult", "profile", "run_profile"]

_HOMES = {
    "Candidate": "adhash.analysis.profile.result",
    "ProfileResult": "adhash.analysis.profile.result",
    "profile": "adhash.analysis.profile.run",
    "run_profile": "adhash.analysis.profile.run",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
