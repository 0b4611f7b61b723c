"""The options of ``adhash compact-snapshot``."""

from __future__ import annotations

from typing import Literal

from adhash.options.base import CommandOptions, InputFile, OutputFile, option


class CompactSnapshotOptions(CommandOptions):
    """A snapshot written again as densely as it can be."""

    snapshot: InputFile = option("The snapshot.", default=..., positional=True)
    out: OutputFile = option("The dense snapshot; it may be the old one.", default=...)
    compress: Literal["none", "lz4", "zstd"] = option(
        "How the columns are compressed: none, lz4 or zstd.", default="zstd"
    )
    sort: bool = option(
        "Sort the entries by key, which makes them smaller; takes memory for all of them.",
        default=True,
    )
    json_out: OutputFile | None = option("Write the result as JSON to this file.")
