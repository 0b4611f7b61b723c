"""One replay, with what it cost and what its summary says: what many cases are made of."""

from __future__ import annotations

from typing import Any

from benchmarks.rounds import Cost, stopwatch


def replay(*, csv: str, mode: str, **options: Any) -> dict[str, Any]:
    """Replay a trace and return cost and summary as plain data.

    The first imports of the package, and of what reads the format, are no part of the cost;
    everything else between the name of the file and the summary is.

    Parameters
    ----------
    csv : str
        The trace.
    mode : str
        The engine.
    **options : object
        As `adhash.replay.run_csv` takes them.
    """
    from adhash.replay import run_csv

    engines()  # loads the native module
    if not csv.endswith(".csv"):
        import adhash.workloads.column_source  # noqa: F401
    with stopwatch() as cost:
        summary = run_csv(csv, mode=mode, environ={}, seed=1, **options)
    return {"wall_s": cost.wall_s, "cpu_s": cost.cpu_s, "summary": summary.to_dict()}


def replay_anew(*, csv: str, mode: str) -> dict[str, Any]:
    """Replay as `replay` does, without memory at hand that an earlier replay has left."""
    from adhash.free_memory import give_back_free_memory

    give_back_free_memory()
    return replay(csv=csv, mode=mode)


def cost_of(result: dict[str, Any]) -> Cost:
    """Return the cost of a child's result."""
    return Cost(wall_s=result["wall_s"], cpu_s=result["cpu_s"])


def engines() -> list[str]:
    """Return the engines of this build."""
    from adhash import maps

    return maps.engines()
