"""The options of ``adhash verify-snapshot``."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from adhash.options.base import CommandOptions, InputFile, OutputFile, option


class VerifySnapshotOptions(CommandOptions):
    """Whether a snapshot is whole: its checksums and the structure of what it holds."""

    snapshot: InputFile = option("The snapshot to check.", default=..., positional=True)
    repair: bool = option(
        "Write every row that is left of a damaged snapshot to the file of --out.", default=False
    )
    out: OutputFile | None = option(
        "The repaired snapshot; needs --repair. It replaces the damaged one if that is named."
    )
    json_out: OutputFile | None = option("Write the result as JSON to this file.")

    @model_validator(mode="after")
    def _repair_with_out(self) -> Self:
        if self.repair != (self.out is not None):
            raise ValueError("repair and out are given together: what to do, and where to")
        return self
