"""A replay that is slower by a known fraction: what a self-test of comparisons has to find.

The native loop runs as ever; each time it comes back, the thread spins for a fraction of the CPU
time that the process took since the last time. So the slowdown is real: it is spent in the replay,
counted by the clock of the replay, and disturbed like everything else. CPU time, because a process
that has to wait for its core takes no more work for it. Nothing but the self-test starts this.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from adhash.cancellation import CancelToken
from adhash.clock import SystemClock
from adhash.replay.execution import Surroundings, execute
from adhash.replay.machinery import Driver, NativeMachinery, Table
from adhash.replay.outputs import announce_on_stderr
from adhash.replay.progress import ignore_progress
from adhash.replay.run import plan_run
from adhash.replay.summary import Summary


def replay_slowed(csv: str, *, config: str, seed: int, slowdown: float) -> Summary:
    """Replay a trace, slowed down.

    Parameters
    ----------
    csv : str
        The trace.
    config : str
        A file of settings with one mode.
    seed : int
        The seed of the hash.
    slowdown : float
        The fraction of its time that the replay takes longer, 0 or more.

    Returns
    -------
    Summary
        As `adhash.replay.run_csv` gives it.

    Raises
    ------
    AdhashError
        As `adhash.replay.run_csv`.
    """
    options: Any = {"config": Path(config), "seed": seed}
    plan = plan_run(csv, mode=None, settings=None, environ={}, options=options)
    around = Surroundings(
        machinery=SlowedMachinery(slowdown),
        clock=SystemClock(),
        new_seed=lambda: seed,
        cancel=CancelToken(),
        progress=ignore_progress,
        announce=announce_on_stderr,
    )
    (summary,) = execute(plan, around)
    return summary


class SlowedMachinery(NativeMachinery):
    """The native module, with drivers that take longer.

    Parameters
    ----------
    slowdown : float
        The fraction of its time that a replay takes longer.
    """

    def __init__(self, slowdown: float) -> None:
        super().__init__()
        self._slowdown = slowdown

    def new_driver(self, table: Table, **settings: Any) -> Driver:
        """Return a driver that spins after each of its turns."""
        slowed: Any = SlowedDriver(super().new_driver(table, **settings), self._slowdown)
        return slowed  # type: ignore[no-any-return]


class SlowedDriver:
    """A driver that spins after each turn for a fraction of the CPU time since the last.

    Parameters
    ----------
    driver : Driver
        What does the work.
    slowdown : float
        That fraction.
    """

    def __init__(self, driver: Driver, slowdown: float) -> None:
        self._driver = driver
        self._slowdown = slowdown
        self._since_ns = time.process_time_ns()

    def advance(self, budget_ns: int) -> bool:
        """Run for about a time, and spin."""
        is_done = self._driver.advance(budget_ns)
        now_ns = time.process_time_ns()
        until_ns = now_ns + round((now_ns - self._since_ns) * self._slowdown)
        while time.process_time_ns() < until_ns:
            pass
        self._since_ns = until_ns
        return is_done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)
