"""Workload DNA: the measured character of a trace.

Names are loaded when they are first used: what they need takes a while to import.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adhash.analysis.dna.result import WorkloadDnaResult
    from adhash.analysis.dna.run import run_workload_dna, workload_dna

__all__ = ["WorkloadDnaResult", "run_workload_dna", "workload_dna"]

_HOMES = {
    "WorkloadDnaResult": "adhash.analysis.dna.result",
    "run_workload_dna": "adhash.analysis.dna.run",
    "workload_dna": "adhash.analysis.dna.run",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
