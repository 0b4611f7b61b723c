"""The runs of a comparison: each a process of its own, and judged for noise."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adhash.analysis.ab_plan import Comparison
from adhash.analysis.ab_sides import Side
from adhash.analysis.child_run import Finished, run_child, run_csv_command, without_settings
from adhash.cancellation import CancelToken
from adhash.clock import Clock
from adhash.config_file import render
from adhash.replay.noise import MAX_STEAL, MAX_WALL_OVER_CPU
from adhash.replay.summary import Summary


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: its summary, and why it is called noisy, None if it was quiet."""

    summary: Summary
    noise: str | None


RunSide = Callable[[Side, int], Run]


@contextmanager
def processes(
    plan: Comparison, *, core: int | None, clock: Clock, cancel: CancelToken
) -> Iterator[RunSide]:
    """Give what runs a side in a process, for as long as the block lasts.

    Parameters
    ----------
    plan : Comparison
        What is compared.
    core : int or None
        The core that every process is bound to; None for any.
    clock : Clock
        What measures the processes.
    cancel : CancelToken
        Ends the process that runs.

    Yields
    ------
    callable
        Takes a side and a seed of the hash, and raises what `run_child` raises.
    """
    environ = without_settings(os.environ)
    with tempfile.TemporaryDirectory(prefix="adhash-ab-") as name:
        folder = Path(name)
        configs = {side.label: folder / f"{side.label}.toml" for side in (plan.a, plan.b)}
        for side in (plan.a, plan.b):
            configs[side.label].write_text(render(side.settings), encoding="utf-8")

        def run_side(side: Side, seed: int) -> Run:
            finished = run_child(
                run_csv_command(plan.csv, config=configs[side.label], seed=seed),
                who=f"the run of {side.name}",
                folder=folder,
                environ=environ,
                core=core,
                clock=clock,
                cancel=cancel,
            )
            summary = Summary.model_validate(finished.answer["summaries"][0])
            return Run(summary=summary, noise=disturbance(summary, finished, core=core))

        yield run_side


def disturbance(summary: Summary, finished: Finished, *, core: int | None) -> str | None:
    """Return why a run is called noisy; None if it was quiet.

    By the verdict of its manifest. A run that was bound to one core shares it with the thread that
    reads the trace for it, which the manifest takes for a disturbance: there the process as a whole
    is judged, by the same limits.

    Parameters
    ----------
    summary : Summary
        Of the run.
    finished : Finished
        What the process cost.
    core : int or None
        The core that it was bound to.

    Returns
    -------
    str or None
        The reason.
    """
    noise = summary.manifest.noise
    if core is None:
        return "; ".join(noise.reasons) if noise.verdict == "noisy" else None
    if noise.steal is not None and noise.steal > MAX_STEAL:
        return f"{noise.steal:.1%} of the CPU time was stolen; limit {MAX_STEAL:.0%}"
    paced = bool(summary.manifest.settings["replay"]["rate"])
    over = finished.wall_s / finished.cpu_s if finished.cpu_s > 0 else 1.0
    if over > MAX_WALL_OVER_CPU and not paced:
        return f"the process took {over:.2f} times its CPU time; limit {MAX_WALL_OVER_CPU}"
    return None
