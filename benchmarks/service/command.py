"""The command line of the benchmarks of the service."""

from __future__ import annotations

import argparse
import importlib
import json
import tempfile
from pathlib import Path

from benchmarks.machine import describe_machine
from benchmarks.report import CaseReport
from benchmarks.service.plan import ServicePlan

CASES = ("submissions", "listing", "replays", "streams")
_UNMET = 3


def main(arguments: list[str] | None = None) -> int:
    """Run the cases asked for and return the exit code.

    Parameters
    ----------
    arguments : list of str or None
        The arguments; None takes those of the process.

    Returns
    -------
    int
        0; with ``--check`` 3 if a bar was not met.
    """
    options = _parser().parse_args(arguments)
    # No CPU is chosen: server, runner and client have to share what there is, as in use.
    machine = describe_machine(None)
    print("machine\n" + "\n".join(f"  {name}: {value}" for name, value in machine.items()))
    reports = []
    with tempfile.TemporaryDirectory(prefix="adhash-bench-", dir=options.folder) as folder:
        plan = ServicePlan(
            quick=options.quick, rounds=options.rounds, folder=Path(folder), trace=options.trace
        )
        for name in options.only or CASES:
            report: CaseReport = importlib.import_module(f"benchmarks.service.{name}").run(plan)
            print(report.text() + "\n", flush=True)
            reports.append(report)
    machine["load_average_after"] = describe_machine(None)["load_average"]
    if options.json:
        found = {
            "schema": "adhash.benchmarks.v1",
            "machine": machine,
            "quick": options.quick,
            "cases": [report.to_dict() for report in reports],
        }
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return _conclude(reports, is_checked=options.check)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description=__doc__)
    parser.add_argument("--only", action="append", choices=CASES, help="repeat it for several")
    parser.add_argument("--quick", action="store_true", help="smaller sizes: a first look")
    parser.add_argument("--rounds", type=int, help="rounds of what is measured in turns")
    parser.add_argument("--trace", type=Path, help="a CSV to replay [one is made]")
    parser.add_argument("--folder", type=Path, help="where job roots lie [the temporary]")
    parser.add_argument("--check", action="store_true", help="exit with 3 if a bar is not met")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write what was found to a file")
    return parser


def _conclude(reports: list[CaseReport], *, is_checked: bool) -> int:
    judged = [each for report in reports for each in report.findings if each.bar is not None]
    unmet = [finding for finding in judged if not finding.is_met]
    print(f"bars met: {len(judged) - len(unmet)} of {len(judged)}")
    for finding in unmet:
        print(f"  not met: {finding.claim}")
    return _UNMET if unmet and is_checked else 0
