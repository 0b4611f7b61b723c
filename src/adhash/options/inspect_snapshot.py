"""The options of ``adhash inspect-snapshot``."""

from __future__ import annotations

from adhash.config_values import Mode, Whole
from adhash.options.base import CommandOptions, InputFile, OutputFile, option


class InspectSnapshotOptions(CommandOptions):
    """What is in a snapshot: its header, how it lies on disk, and what its entries are like."""

    snapshot: InputFile = option("The snapshot.", default=..., positional=True)
    key: str | None = option("Look for this key, and tell its value and where it stands.")
    limit: Whole = option("How many entries are shown.", default=10, ge=0, le=10_000)
    load: bool = option(
        "Load the entries into an engine, for the probe lengths and the memory there.", default=True
    )
    mode: Mode | None = option(
        "The engine they are loaded into, by mode or name; the one of the snapshot by default."
    )
    json_out: OutputFile | None = option("Write the result as JSON to this file.")
