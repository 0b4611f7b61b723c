"""Replaying traces on engines: `run_csv` for one mode, `run_modes` for several.

Names are loaded when they are first used: the models alone take a tenth of a second.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adhash.cancellation import CancelToken
    from adhash.replay.plan import ReplayOptions
    from adhash.replay.progress import Progress
    from adhash.replay.run import run_csv, run_modes
    from adhash.replay.summary import Summary

__all__ = ["CancelToken", "Progress", "ReplayOptions", "Summary", "run_csv", "run_modes"]

_HOMES = {
    "CancelToken": "adhash.cancellation",
    "Progress": "adhash.replay.progress",
    "ReplayOptions": "adhash.replay.plan",
    "Summary": "adhash.replay.summary",
    "run_csv": "adhash.replay.run",
    "run_modes": "adhash.replay.run",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
