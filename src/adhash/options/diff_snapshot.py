"""The options of ``adhash diff-snapshot``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from adhash.config_values import Size, Whole
from adhash.options.base import CommandOptions, InputFile, OutputFile, option


class DiffSnapshotOptions(CommandOptions):
    """In which entries and settings two snapshots differ."""

    a: InputFile = option("The first snapshot.", default=..., positional=True)
    b: InputFile = option("The second one.", default=..., positional=True)
    limit: Whole = option(
        "How many added, removed and changed entries are shown, of each.",
        default=20,
        ge=0,
        le=10_000,
    )
    memory: Annotated[Size, Field(ge=1 << 20)] | None = option(
        "Take about this much memory at most, such as 512MiB, and read the files several times "
        "where that is needed; half of what is free by default."
    )
    json_out: OutputFile | None = option("Write the result as JSON to this file.")
