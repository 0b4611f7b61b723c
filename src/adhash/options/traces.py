"""The options of every command that reads a trace."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from adhash.config_values import Size, Whole
from adhash.options.base import CommandOptions, InputFile, option

# A limit stands inside of the annotation, so that it binds the number and not its absence.
Rows = Annotated[Whole, Field(ge=0, le=10**15)]
TraceBytes = Annotated[Size, Field(ge=0, le=1 << 50)]


FormatName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
ValueCap = Annotated[Size, Field(ge=1, le=1 << 20)]


# Options of every command that reads a trace which are settings of a replay by the same name.
SHARED_SETTINGS = (
    "key_type",
    "value_type",
    "format",
    "fill",
    "value_cap",
    "csv_max_rows",
    "csv_max_bytes",
)


class ForeignOptions(CommandOptions):
    """How a trace of a foreign format is read."""

    format: FormatName | None = option(
        "The format of the trace: auto, csv, parquet, arrow, or one that adhash formats lists.",
        short="--from",
    )
    fill: Literal["through", "preload", "none"] | None = option(
        "What follows a read in a foreign trace: through puts what was not found, preload puts "
        "every key first, none puts nothing."
    )
    value_cap: ValueCap | None = option(
        "The longest value made for a foreign trace, in bytes; 64 by default."
    )


class ReadingOptions(ForeignOptions):
    """How the columns of a trace are read, and how large it may be."""

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


class _NamedTrace(CommandOptions):
    csv: InputFile | None = option(
        "The trace: CSV, Parquet, Arrow IPC or a foreign format, also .gz, .zst, .xz; - for "
        "standard input."
    )
    sample: str | None = option("A bundled trace instead of a file.")


class TraceOptions(ReadingOptions, _NamedTrace):
    """Which trace, how its columns are read, and how large it may be."""

    @model_validator(mode="after")
    def _one_trace(self) -> Self:
        if (self.csv is None) == (self.sample is None):
            raise ValueError("give either csv (a trace) or sample (the name of a bundled one)")
        return self
