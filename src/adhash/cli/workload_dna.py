"""``adhash workload-dna``: tell what a trace is like."""

from __future__ import annotations

import typer

from adhash.cli.interrupts import cancelled_by_signals
from adhash.cli.model_command import own_option, register_model_command
from adhash.cli.output import JsonOption, print_json
from adhash.options.workload_dna import WorkloadDnaOptions

COMMAND = "workload-dna"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    extra = [own_option("as_json", JsonOption, default=False)]
    register_model_command(app, COMMAND, WorkloadDnaOptions, workload_dna, extra=extra)


def workload_dna(options: WorkloadDnaOptions, *, as_json: bool) -> None:
    """Tell what a trace is like: operations, skew, hot keys, reuse, order, lengths."""
    from adhash.analysis.dna.run import run_workload_dna
    from adhash.cancellation import CancelToken
    from adhash.cli.dna_report import report, speed
    from adhash.cli.progress_bar import shown_work

    token = CancelToken()
    with cancelled_by_signals(token), shown_work() as progress:
        result = run_workload_dna(options, progress=progress, cancel=token)
    if as_json:
        print_json(COMMAND, result.to_dict())
        return
    print(report(result))
    print(f"\n{speed(result)}")
