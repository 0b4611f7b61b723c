"""Traces: reading them for replay, generating them, and recording them from a running program.

`Recorder` is loaded when it is first used, and loads neither pyarrow nor the generators. The rest
is imported from its modules: `sources`, `generators`, `samples`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adhash.workloads.recorder import Recorder

__all__ = ["Recorder"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from adhash.workloads.recorder import Recorder

    globals()[name] = Recorder
    return Recorder


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
