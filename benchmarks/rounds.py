"""Measuring candidates in turns: A B, then B A, and again.

Frequency, temperature and neighbours change over seconds. Candidates measured one after the other,
each for long, get different machines; candidates measured in turns share theirs.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeVar

T = TypeVar("T")
ClockName = Literal["cpu", "wall"]


@dataclass(kw_only=True)
class Cost:
    """What a piece of work took.

    Parameters
    ----------
    wall_s : float
        Seconds by the clock on the wall.
    cpu_s : float
        Seconds of CPU time, of all threads of the process, in user and in kernel mode.
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0

    def by(self, clock: ClockName) -> float:
        """Return the seconds by one of the clocks."""
        return self.cpu_s if clock == "cpu" else self.wall_s


@contextmanager
def stopwatch() -> Iterator[Cost]:
    """Measure the time inside; the garbage collector waits meanwhile."""
    cost = Cost()
    gc.collect()
    gc.disable()
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    try:
        yield cost
    finally:
        cost.cpu_s = time.process_time() - cpu_s
        cost.wall_s = time.perf_counter() - wall_s
        gc.enable()


def timed(work: Callable[[], object]) -> Cost:
    """Return what a call takes."""
    with stopwatch() as cost:
        work()
    return cost


def interleave(candidates: Mapping[str, Callable[[], T]], *, rounds: int) -> dict[str, list[T]]:
    """Run all candidates once a round, in an order that turns around with every round.

    Parameters
    ----------
    candidates : mapping
        What to run, by name.
    rounds : int
        How often, at least 1.

    Returns
    -------
    dict
        The results by name, in the order of the rounds.
    """
    results: dict[str, list[T]] = {name: [] for name in candidates}
    names = list(candidates)
    for turn in range(rounds):
        for name in names if turn % 2 == 0 else reversed(names):
            results[name].append(candidates[name]())
    return results
