"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.children import ChildError
from benchmarks.inputs import ROOT
from benchmarks.machine import describe_machine, pin_to_one_cpu
from benchmarks.plan import Plan
from benchmarks.report import CaseReport

CASES = (
    "replay_csv",
    "replay_columns",
    "memory",
    "overhead",
    "single_get",
    "get_many",
    "growth_pauses",
    "adversarial",
    "generate",
    "traces",
    "profile",
    "workload_dna",
)
_FAILED = 1
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
        0; 1 if a case failed; with ``--check`` 3 if a bar was not met.
    """
    options = _parser().parse_args(arguments)
    if options.list:
        print("\n".join(CASES))
        return 0
    plan = Plan(
        quick=options.quick, rounds=options.rounds, clock=options.clock, traces=options.traces
    )
    machine = describe_machine(None if options.no_pin else pin_to_one_cpu())
    print(_headline(machine, plan), flush=True)
    reports = [report for name in options.only or CASES if (report := _run_case(name, plan))]
    machine["load_average_after"] = describe_machine(None)["load_average"]
    if options.json:
        _write(options.json, machine, plan, reports)
    if len(reports) < len(options.only or CASES):
        return _FAILED
    return _conclude(reports, is_checked=options.check)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=CASES, metavar="NAME", help="a case; may be repeated"
    )
    parser.add_argument("--quick", action="store_true", help="smaller sizes: seconds each")
    parser.add_argument("--rounds", type=_at_least_one, help="rounds of every case")
    parser.add_argument(
        "--clock", choices=("cpu", "wall"), default="cpu", help="what is held against the bars"
    )
    parser.add_argument("--check", action="store_true", help="exit with 3 if a bar is not met")
    parser.add_argument(
        "--json", type=Path, metavar="OUT", help="write every measurement to a file"
    )
    parser.add_argument(
        "--traces",
        type=Path,
        default=ROOT / "traces",
        metavar="DIR",
        help="a folder of recorded traces with their convert.py [traces]",
    )
    parser.add_argument("--no-pin", action="store_true", help="do not bind to one CPU")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    return parser


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1; got {text}")
    return number


def _headline(machine: dict[str, object], plan: Plan) -> str:
    facts = "\n".join(f"  {name}: {value}" for name, value in machine.items())
    sizes = "; quick: not the sizes that the claims are about" if plan.quick else ""
    return f"machine\n{facts}\nratios by {plan.clock} time{sizes}\n"


def _run_case(name: str, plan: Plan) -> CaseReport | None:
    try:
        report: CaseReport = importlib.import_module(f"benchmarks.cases.{name}").run(plan)
    except (ChildError, OSError, subprocess.CalledProcessError) as error:
        print(f"== {name}: failed: {error}\n", file=sys.stderr, flush=True)
        return None
    print(report.text() + "\n", flush=True)
    return report


def _write(path: Path, machine: dict[str, object], plan: Plan, reports: list[CaseReport]) -> None:
    found = {
        "schema": "adhash.benchmarks.v1",
        "machine": machine,
        "quick": plan.quick,
        "clock": plan.clock,
        "cases": [report.to_dict() for report in reports],
    }
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _conclude(reports: list[CaseReport], *, is_checked: bool) -> int:
    judged = [each for report in reports for each in report.findings if each.bar is not None]
    unmet = [finding for finding in judged if not finding.is_met]
    print(f"bars met: {len(judged) - len(unmet)} of {len(judged)}")
    for finding in unmet:
        print(f"  not met: {finding.claim}")
    return _UNMET if unmet and is_checked else 0
