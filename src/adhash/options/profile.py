"""The options of ``adhash profile``."""

from __future__ import annotations

from typing import Literal

from adhash.config_values import HashSeed, Modes, Real, Whole
from adhash.options.base import InputFile, OutputFile, option
from adhash.options.traces import TraceOptions


class ProfileOptions(TraceOptions):
    """Which engine suits a trace: what to race, on how much of it, how often."""

    mode: Modes | None = option(
        "The candidates: modes or names of engines, by commas; every engine of this build "
        "but the reference ones by default."
    )
    method: Literal["auto", "forecast", "race"] = option(
        "auto forecasts by the calibration of this machine and races the finalists, or races every "
        "candidate where there is none; forecast never races; race always does.",
        default="auto",
    )
    budget: Real = option(
        "How long a forecast and a race of its finalists may take, as a part of replaying the "
        "trace once on every candidate.",
        default=0.1,
        ge=0,
        le=100,
    )
    calibration: InputFile | None = option(
        "The calibration to forecast by; by default that of this machine and build."
    )
    sample_rows: Whole = option(
        "How many rows of the trace are looked at, at most, drawn across its whole length.",
        default=200_000,
        ge=1_000,
        le=1_000_000_000,
    )
    pieces: Whole = option(
        "How many places of the trace the rows are drawn from.", default=64, ge=1, le=10_000
    )
    rounds: Whole = option(
        "How often every candidate runs; medians are compared.", default=5, ge=1, le=1_000
    )
    seed: HashSeed = option("The seed of the hash and of the order of runs, or random.")
    json_out: OutputFile | None = option("Write the result as JSON to this file.")
    config: InputFile | None = option("A TOML file of settings.")
    preset: str | None = option("The name of a preset of settings.")
