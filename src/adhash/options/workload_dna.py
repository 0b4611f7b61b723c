"""The options of ``adhash workload-dna``."""

from __future__ import annotations

from adhash.config_values import Size, Whole
from adhash.options.base import OutputFile, option
from adhash.options.traces import TraceOptions


class WorkloadDnaOptions(TraceOptions):
    """What a trace is like: how much of the answer is listed and how much memory it may take."""

    hot_keys: Whole = option("How many hottest keys are listed.", default=20, ge=0, le=10_000)
    max_tracked_keys: Whole = option(
        "How many distinct keys are followed exactly; beyond that, figures are of a sample of the "
        "keys and say so.",
        default=4_000_000,
        ge=1_000,
        le=1_000_000_000,
    )
    max_key_bytes: Size = option(
        "How many bytes of distinct keys are held, with the same consequence; such as 512MiB.",
        default=1 << 30,
        ge=1 << 10,
        le=1 << 50,
    )
    json_out: OutputFile | None = option("Write the result as JSON to this file.")
