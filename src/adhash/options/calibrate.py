"""The options of ``adhash calibrate``."""

from __future__ import annotations

from adhash.config_values import Whole
from adhash.options.base import CommandOptions, OutputFile, OutputFolder, option


class CalibrateOptions(CommandOptions):
    """What each operation costs in each engine here: how carefully to measure, where to keep it."""

    force: bool = option("Measure again, though a calibration lies there.", default=False)
    show: bool = option("Show the calibration that lies there; measure nothing.", default=False)
    rounds: Whole = option(
        "How often every engine runs; the least of every figure counts.", default=3, ge=1, le=100
    )
    largest: Whole = option(
        "The largest table, in entries; beyond it costs are extrapolated.",
        default=262_144,
        ge=4_096,
        le=100_000_000,
    )
    cache_dir: OutputFolder | None = option(
        "The folder that keeps the calibration; the user's folder for caches by default."
    )
    json_out: OutputFile | None = option("Write the calibration as JSON to this file as well.")
