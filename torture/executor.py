"""The executor of this machine, whose runners also know the kinds of `torture.misbehaviour`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from adhash.clock import Clock
from adhash.service.attempts import AttemptOrder
from adhash.service.executors.local import LocalExecutor
from adhash.service.settings import ServiceSettings
from torture.misbehaviour import meant_by

_PROGRAM = Path(__file__).with_name("runner_program.py")


class TortureExecutor(LocalExecutor):
    """Runs what a request means instead of what it says.

    Parameters
    ----------
    settings : ServiceSettings
        As of a `LocalExecutor`.
    environ : mapping of str to str
        The environment of the server.
    clock : Clock or None
        What tells the time.
    """

    def __init__(
        self, settings: ServiceSettings, *, environ: Mapping[str, str], clock: Clock | None = None
    ) -> None:
        command = (sys.executable, "-P", str(_PROGRAM))
        # With a spare, as the server has one: half of all jobs then start from it.
        super().__init__(settings, environ=environ, clock=clock, command=command, keeps_spare=True)

    def submit(self, order: AttemptOrder, *, slots: int = 1) -> dict[str, Any]:
        """Start an attempt, see `LocalExecutor.submit`."""
        meant = meant_by(order.options)
        if meant is not None:
            order = replace(order, kind=meant[0], options=meant[1])
        return super().submit(order, slots=slots)
