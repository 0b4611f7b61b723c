"""``adhash calibrate``: measure what operations cost in each engine on this machine."""

from __future__ import annotations

import typer

from adhash.cli.interrupts import cancelled_by_signals
from adhash.cli.model_command import own_option, register_model_command
from adhash.cli.output import JsonOption, print_json, print_table
from adhash.options.calibrate import CalibrateOptions

COMMAND = "calibrate"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    extra = [own_option("as_json", JsonOption, default=False)]
    register_model_command(app, COMMAND, CalibrateOptions, calibrate, extra=extra)


def calibrate(options: CalibrateOptions, *, as_json: bool) -> None:
    """Measure what each operation costs in each engine on this machine, for adhash profile."""
    from adhash.analysis.calibration import run_calibrate
    from adhash.calibration_presenters import calibration_notes, calibration_table
    from adhash.cancellation import CancelToken
    from adhash.cli.progress_bar import shown_work

    token = CancelToken()
    with cancelled_by_signals(token), shown_work() as progress:
        result = run_calibrate(options, progress=progress, cancel=token).to_dict()
    if as_json:
        print_json(COMMAND, result)
        return
    print_table(calibration_table(result))
    for line in calibration_notes(result):
        print(line)
