"""What each operation costs in each engine on this machine: `calibrate`, or `run_calibrate`.

The story, module by module: `classes` says which kinds of keys and values are told apart, `laps`
measures an engine on one kind, `calibration` is what was measured, as a file has it, `costs` reads
figures between the sizes that were measured, and `cache` keeps the file for the next command.

Names are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adhash.analysis.calibration.calibration import Calibration
    from adhash.analysis.calibration.run import CalibrateResult, calibrate, run_calibrate

__all__ = ["CalibrateResult", "Calibration", "calibrate", "run_calibrate"]

_HOMES = {
    "CalibrateResult": "adhash.analysis.calibration.run",
    "Calibration": "adhash.analysis.calibration.calibration",
    "calibrate": "adhash.analysis.calibration.run",
    "run_calibrate": "adhash.analysis.calibration.run",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
