"""The runs of a comparison: each a process of its own, by the Python of its side."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from adhash.analysis.ab_observation import Observation, observe
from adhash.analysis.ab_sides import Side
from adhash.analysis.child_run import child_command, run_child, without_settings
from adhash.cancellation import CancelToken
from adhash.clock import Clock
from adhash.config_file import render_given
from adhash.replay.noise import read_cpu_times, steal_share


class RunSide(Protocol):
    """What runs a side."""

    def __call__(
        self, side: Side, seed: int, *, replays: int, slowdown: float = 0.0
    ) -> Observation:
        """Run a side with a seed of the hash, so many replays, each slowed by a fraction."""
        ...


@contextmanager
def processes(
    csv: str,
    *,
    environ: Mapping[str, str],
    core: int | None,
    clock: Clock,
    cancel: CancelToken,
) -> Iterator[RunSide]:
    """Give what runs a side in a process, for as long as the block lasts.

    Parameters
    ----------
    csv : str
        The trace.
    environ : mapping
        What the environment of a process is made of.
    core : int or None
        The core that every process is bound to; None for any.
    clock : Clock
        What measures the processes.
    cancel : CancelToken
        Ends the process that runs.

    Yields
    ------
    RunSide
        It raises what `run_child` raises.
    """
    bare = without_settings(environ)
    with tempfile.TemporaryDirectory(prefix="adhash-ab-") as name:
        folder = Path(name)

        def run_side(side: Side, seed: int, *, replays: int, slowdown: float = 0.0) -> Observation:
            config = folder / f"{side.label}.toml"
            if not config.exists():
                config.write_text(render_given(side.settings), encoding="utf-8")
            order = {
                "csv": csv,
                "config": str(config),
                "seed": seed,
                "replays": replays,
                "slowdown": slowdown,
            }
            before = read_cpu_times()
            finished = run_child(
                child_command(side.interpreter.python, order),
                who=f"the run of {side.name}",
                folder=folder,
                environ=side.interpreter.environ(bare),
                core=core,
                clock=clock,
                cancel=cancel,
            )
            steal = steal_share(before, read_cpu_times())
            return observe(finished.answer["replays"], who=side.name, core=core, steal=steal)

        yield run_side
