"""The options of ``adhash convert``."""

from __future__ import annotations

from typing import Literal

from adhash.options.base import CommandOptions, InputFile, OutputFile, option
from adhash.options.traces import ReadingOptions


class _Places(CommandOptions):
    trace: InputFile = option(
        "The trace to convert, of any format; - for standard input.", default=..., positional=True
    )
    out: OutputFile = option(
        "The new trace: .csv, .parquet, .arrow or .arrows; all but .parquet also with .gz, .zst "
        "or .xz.",
        default=...,
        positional=True,
    )


class ConvertOptions(ReadingOptions, _Places):
    """A trace in one format, to be written in another."""

    to: Literal["csv", "parquet", "arrow", "arrows"] | None = option(
        "The format to write, whatever the new trace is called."
    )
    codec: Literal["none", "lz4", "zstd"] | None = option(
        "How the columns of Parquet and Arrow are compressed; zstd in Parquet, and in Arrow lz4 "
        "where it halves the first rows, by default."
    )
    force: bool = option("Replace an existing file.", default=False)
