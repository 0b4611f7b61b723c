"""Choosing an engine for a trace: `profile`, or `run_profile` with a model of options.

The story, module by module: `sampling` draws pieces of the trace, and `history` infers what the
table held before each. Where the machine is calibrated, `traffic` says what follows for the whole
trace, `forecast` prices that in each engine, `expectation` joins it with a race of the finalists,
and `forecast_wording` puts it into words. `race` runs engines on the pieces in turns, `standing`
ranks the laps; where every candidate is raced, `recommendation` says what came of it.

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
