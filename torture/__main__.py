"""Run the scenarios: ``python -m torture [--only NAME] [--scale 0.1]``."""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from pathlib import Path

SCENARIOS = (
    "server_kills",
    "runner_kills",
    "restart",
    "cancels",
    "followers",
    "big_logs",
    "hostile",
    "faults",
)


def main() -> int:
    """Run what was asked for, print what was found, and return 1 if anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    parser.add_argument("--only", action="append", choices=SCENARIOS, help="repeat it for several")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is the whole; 0.1 a tenth")
    given = parser.parse_args()
    is_good = True
    for name in given.only or SCENARIOS:
        scenario = importlib.import_module(f"torture.scenarios.{name}")
        with tempfile.TemporaryDirectory(prefix=f"adhash-{name}-") as folder:
            report = scenario.run(Path(folder), given.scale)
        print(report, flush=True)
        is_good = is_good and report.is_good
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
