"""The program of one run of a comparison: it replays a trace several times and tells each.

It is run by its path, ``python -P ab_child.py ORDER``, by the Python of the build that is measured,
which may be of another version. So it takes nothing from adhash but what its manual promises
(`adhash.replay.run_csv` and the error classes), gives whole summaries, and leaves it to who started
it to pick from them. ORDER is JSON; without one it tells which build it is.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any


def main(arguments: list[str]) -> int:
    """Carry out an order and print the answer as one line of JSON.

    Parameters
    ----------
    arguments : list of str
        The order; empty to describe the build.

    Returns
    -------
    int
        The exit code: 0, or that of the error, which is then told on stderr as every command does.
    """
    try:
        import adhash
        from adhash.errors import AdhashError, StorageError
    except ImportError as error:
        _tell("BadInput", f"it cannot import adhash: {error}", "install adhash for this Python")
        return 2
    try:
        answer = _replay(json.loads(arguments[0])) if arguments else _describe(adhash)
    except AdhashError as error:
        _tell(error.name, error.detail, error.hint)
        return error.exit_code
    except OSError as error:
        _tell("IO", f"{error.filename or ''}: {error.strerror or error}", "")
        return StorageError.exit_code
    except MemoryError:
        _tell("IO", "there is not enough memory", "use a smaller trace")
        return StorageError.exit_code
    print(json.dumps({"ok": True, **answer}))
    sys.stdout.flush()
    # What is left to do is to free tables and to unload modules, and nobody waits for that.
    os._exit(0)


def _tell(error: str, detail: str, hint: str) -> None:
    print(json.dumps({"error": error, "detail": detail, "hint": hint}), file=sys.stderr)


def _describe(adhash: Any) -> dict[str, Any]:
    from adhash.maps import engines

    return {
        "version": adhash.__version__,
        "python": sys.version.split()[0],
        "location": os.path.dirname(os.path.abspath(adhash.__file__)),  # noqa: PTH100, PTH120
        "engines": list(engines()),
    }


def _replay(order: dict[str, Any]) -> dict[str, Any]:
    """Replay as often as asked; wall and CPU time of every replay are those of the process."""
    run = _runner(order)
    replays = []
    for _ in range(order["replays"]):
        wall_ns, cpu_ns = time.perf_counter_ns(), time.process_time_ns()
        summary = run()
        wall_ns, cpu_ns = time.perf_counter_ns() - wall_ns, time.process_time_ns() - cpu_ns
        replays.append({"summary": summary, "wall_s": wall_ns / 1e9, "cpu_s": cpu_ns / 1e9})
    return {"replays": replays}


def _runner(order: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    if order["slowdown"]:
        from adhash.analysis.slowed_replay import replay_slowed

        return lambda: replay_slowed(
            order["csv"], config=order["config"], seed=order["seed"], slowdown=order["slowdown"]
        ).to_dict()
    from adhash.replay import run_csv

    return lambda: run_csv(
        order["csv"], config=order["config"], seed=order["seed"], environ={}
    ).to_dict()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
