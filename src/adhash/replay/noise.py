"""How much the machine disturbed a run, so that its numbers can be judged.

A run is called noisy if one of these holds, and `Noise.reasons` says which:

- the hypervisor stole more than 1 % of the CPU time (``/proc/stat``, all CPUs; Linux only);
- the thread that replays lost its CPU involuntarily more than 100 times a second;
- executing took more than 1.1 times as long on the wall clock as in CPU time. Only time inside the
  native replay counts: waiting for a pipe or a disk is not noise. With ``--rate`` waiting is the
  point, so the rule does not apply.

Runs shorter than a tenth of a second are judged by the same rules, with at least 10 switches.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from adhash.clock import Clock

MAX_STEAL = 0.01
MAX_SWITCHES_PER_S = 100.0
MIN_SWITCHES = 10
MAX_WALL_OVER_CPU = 1.1

_PROC_STAT = Path("/proc/stat")
_STEAL_FIELD = 7
# Guest time is counted in user time already: only the first eight fields add up.
_FIELDS = 8
_WHO = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)


class Noise(BaseModel):
    """How much the machine disturbed a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steal: float | None = Field(
        description="Share of all CPU time that the hypervisor took; null where not known."
    )
    involuntary_switches: int = Field(
        description="How often the replaying thread lost its CPU (macOS: the process)."
    )
    wall_over_cpu: float | None = Field(
        description="Wall time divided by CPU time while operations ran; null where none did."
    )
    verdict: Literal["quiet", "noisy"] = Field(description="quiet, or noisy by the rule below.")
    reasons: list[str] = Field(description="Why the run is called noisy; empty if it is quiet.")


class NoiseMeter:
    """Measures the noise between its making and its reading, in the thread that replays.

    Parameters
    ----------
    clock : Clock
        What tells wall time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start_ns = clock.monotonic_ns()
        self._switches = _involuntary_switches()
        self._cpu_times = read_cpu_times()
        self._wall_ns = 0
        self._cpu_ns = 0

    @contextmanager
    def executing(self) -> Iterator[None]:
        """Count the time inside as time in which operations run."""
        wall, cpu = self._clock.monotonic_ns(), time.thread_time_ns()
        yield
        self._wall_ns += self._clock.monotonic_ns() - wall
        self._cpu_ns += time.thread_time_ns() - cpu

    def read(self, *, is_paced: bool, side_cpu_ns: int = 0) -> Noise:
        """Return the noise so far.

        Parameters
        ----------
        is_paced : bool
            Whether the run waits on purpose (``--rate``).
        side_cpu_ns : int
            CPU time that operations took in other threads while this one waited, in nanoseconds.

        Returns
        -------
        Noise
            The figures and the verdict.
        """
        cpu_ns = self._cpu_ns + side_cpu_ns
        return judge(
            steal=steal_share(self._cpu_times, read_cpu_times()),
            involuntary_switches=_involuntary_switches() - self._switches,
            wall_over_cpu=self._wall_ns / cpu_ns if cpu_ns else None,
            elapsed_s=(self._clock.monotonic_ns() - self._start_ns) / 1e9,
            is_paced=is_paced,
        )


def judge(
    *,
    steal: float | None,
    involuntary_switches: int,
    wall_over_cpu: float | None,
    elapsed_s: float,
    is_paced: bool,
) -> Noise:
    """Return the figures with the verdict that the rule of this module gives them.

    Parameters
    ----------
    steal : float or None
        Share of CPU time stolen, in [0, 1].
    involuntary_switches : int
        Times the CPU was taken away.
    wall_over_cpu : float or None
        Wall time divided by CPU time.
    elapsed_s : float
        How long the run took, in seconds.
    is_paced : bool
        Whether the run waited on purpose.

    Returns
    -------
    Noise
        The figures and the verdict.
    """
    reasons = []
    if steal is not None and steal > MAX_STEAL:
        reasons.append(f"{steal:.1%} of the CPU time was stolen; limit {MAX_STEAL:.0%}")
    limit = max(MIN_SWITCHES, round(MAX_SWITCHES_PER_S * elapsed_s))
    if involuntary_switches > limit:
        reasons.append(f"{involuntary_switches} involuntary context switches; limit {limit}")
    if wall_over_cpu is not None and wall_over_cpu > MAX_WALL_OVER_CPU and not is_paced:
        reasons.append(
            f"wall time was {wall_over_cpu:.2f} times CPU time; limit {MAX_WALL_OVER_CPU}"
        )
    return Noise(
        steal=steal,
        involuntary_switches=involuntary_switches,
        wall_over_cpu=wall_over_cpu,
        verdict="noisy" if reasons else "quiet",
        reasons=reasons,
    )


def read_cpu_times(path: Path = _PROC_STAT) -> list[int] | None:
    """Return the CPU times of the whole machine, in ticks of the kernel; None if not known."""
    try:
        first, *fields = path.read_text(encoding="ascii").split("\n", 1)[0].split()
        times = [int(field) for field in fields[:_FIELDS]]
    except (OSError, ValueError):
        return None
    return times if first == "cpu" and len(times) == _FIELDS else None


def steal_share(before: list[int] | None, after: list[int] | None) -> float | None:
    """Return the share of stolen time between two readings; None if not known."""
    if before is None or after is None:
        return None
    total = sum(after) - sum(before)
    return max(0, after[_STEAL_FIELD] - before[_STEAL_FIELD]) / total if total > 0 else 0.0


def _involuntary_switches() -> int:
    return resource.getrusage(_WHO).ru_nivcsw
