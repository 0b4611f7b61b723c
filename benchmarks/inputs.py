"""The traces that are measured on: made once, kept under build/bench/."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / "build" / "bench"

_CONVERTER = "convert.py"


def replay_spec(*, quick: bool) -> dict[str, Any]:
    """Return the workload of the replay claims: uniform, 75 % get, 20 % put, 5 % del."""
    size = 1_000_000 if quick else 10_000_000
    return {"rows": size, "keys": size // 10, "get": 75.0, "put": 20.0, "delete": 5.0}


def growth_spec(*, quick: bool) -> dict[str, Any]:
    """Return a workload that inserts distinct keys and does nothing else."""
    size = 4_000_000 if quick else 10_000_000
    return {"rows": size, "keys": size, "preload": size}


def generated(name: str, spec: dict[str, Any]) -> Path:
    """Return a generated trace, made by adhash's own generator where it is not there yet.

    Parameters
    ----------
    name : str
        The file's name; its suffix chooses the format.
    spec : dict
        The arguments of `adhash.workloads.generators.TraceSpec`.

    Raises
    ------
    ChildError
        If it cannot be made.
    """
    from benchmarks.children import in_child

    path = CACHE / f"{spec['rows']}-{name}"
    description = path.with_name(path.name + ".json")
    wanted = json.dumps(spec, sort_keys=True)
    if path.exists() and description.exists() and description.read_text("utf-8") == wanted:
        return path
    CACHE.mkdir(parents=True, exist_ok=True)
    in_child(generate_trace, path=str(path), spec=spec)
    description.write_text(wanted, "utf-8")
    return path


def generate_trace(*, path: str, spec: dict[str, Any]) -> int:
    """Write a trace and return the number of its rows."""
    from adhash.workloads.batch_output import write_trace
    from adhash.workloads.generators import TraceSpec, generate, trace_schema

    chosen = TraceSpec(**spec)
    return write_trace(generate(chosen), trace_schema(chosen), path, force=True)


def recorded(folder: Path) -> list[Path]:
    """Return the recorded traces of a folder as CSV, converted by the folder's own script.

    Parameters
    ----------
    folder : Path
        Holds ``convert.py`` and ``stats.json``; where it does not, there are no traces.

    Raises
    ------
    subprocess.CalledProcessError
        If the script fails.
    """
    if not (folder / _CONVERTER).exists() or not (folder / "stats.json").exists():
        return []
    out = CACHE / "traces"
    names = [each["name"] for each in json.loads((folder / "stats.json").read_text("utf-8"))]
    for name in names:
        if not (out / f"{name}.csv").exists():
            _convert(folder, name, out)
    return [out / f"{name}.csv" for name in names]


def _convert(folder: Path, name: str, out: Path) -> None:
    """Convert into a folder of its own first, so that a cut-off run leaves no half trace behind."""
    fresh = out / "unfinished"
    command = [sys.executable, str(folder / _CONVERTER), name, "--out", str(fresh)]
    subprocess.run(command, check=True, capture_output=True)
    (fresh / f"{name}.csv").replace(out / f"{name}.csv")
