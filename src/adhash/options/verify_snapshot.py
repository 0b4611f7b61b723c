"""The options of ``adhash verify-snapshot``."""

from __future__ import annotations

from adhash.options.base import CommandOptions, InputFile, OutputFile, option


class VerifySnapshotOptions(CommandOptions):
    """Whether a snapshot is whole: its checksums and the structure of what it holds."""

    snapshot: InputFile = option("The snapshot to check.", default=..., positional=True)
    json_out: OutputFile | None = option("Write the result as JSON to this file.")
