"""The options of every command that reads a trace."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from adhash.config_values import Size, Whole
from adhash.options.base import CommandOptions, InputFile, option

# A limit stands inside of the annotation, so that it binds the number and not its absence.
Rows = Annotated[Whole, Field(ge=0, le=10**15)]
TraceBytes = Annotated[Size, Field(ge=0, le=1 << 50)]


class TraceOptions(CommandOptions):
    """Which trace, how its columns are read, and how large it may be."""

    csv: InputFile | None = option(
        "The trace: CSV, Parquet or Arrow IPC, also .gz, .zst, .xz; - for standard input."
    )
    sample: str | None = option("A bundled trace instead of a file.")
    key_type: Literal["auto", "int64", "uint64", "str", "bytes"] | None = option(
        "The type of the keys; auto takes integers when every key is a canonical integer."
    )
    value_type: Literal["auto", "int64", "bytes"] | None = option(
        "The type of the values; auto takes integers when every value is one."
    )
    csv_max_rows: Rows | None = option("Refuse a trace with more rows; 0 for no limit.")
    csv_max_bytes: TraceBytes | None = option(
        "Refuse a trace with more bytes once decompressed, such as 2GiB; 0 for no limit."
    )

    @model_validator(mode="after")
    def _one_trace(self) -> Self:
        if (self.csv is None) == (self.sample is None):
            raise ValueError("give either csv (a trace) or sample (the name of a bundled one)")
        return self
