"""The options of ``adhash probe-visualize``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from adhash.config_values import HashSeed, Mode, Whole
from adhash.options.base import InputFile, OutputFile, option
from adhash.options.traces import ForeignOptions


def _require_pair(entry: str) -> str:
    key, equals, _ = entry.partition("=")
    if not (key and equals):
        raise ValueError("an entry is written KEY=VALUE")
    return entry


Entry = Annotated[str, Field(max_length=65_536), AfterValidator(_require_pair)]


class ProbeVisualizeOptions(ForeignOptions):
    """Which slots one operation visits: of which key, in which engine, holding what."""

    key: str = option("The key that is looked for or put.", default=..., min_length=1)
    operation: Literal["get", "put"] = option("What is done with the key.", default="get")
    mode: Mode | None = option(
        "The engine, by mode or name; the one of the snapshot, else adaptive, by default."
    )
    snapshot: InputFile | None = option("Begin with the entries of a snapshot.")
    seed: tuple[Entry, ...] = option(
        "An entry KEY=VALUE to begin with; repeat it.", default=(), max_length=1_000_000
    )
    csv: InputFile | None = option("Begin with the first operations of a trace.")
    rows: Whole = option(
        "How many operations of the trace are carried out first.",
        default=100_000,
        ge=0,
        le=1_000_000_000,
    )
    key_type: Literal["auto", "int64", "uint64", "str", "bytes"] = option(
        "The type of the keys; auto takes integers when every key is one.", default="auto"
    )
    hash_seed: HashSeed = option(
        "The seed of the hash, or random; a snapshot keeps its own.", default=0
    )
    export_json: OutputFile | None = option("Write the probe trace as JSON to this file.")
    svg_out: OutputFile | None = option("Draw the probe trace as SVG into this file.")

    @model_validator(mode="after")
    def _one_beginning(self) -> Self:
        if sum((self.snapshot is not None, bool(self.seed), self.csv is not None)) > 1:
            raise ValueError("begin with one of snapshot, seed entries and csv, not with several")
        return self
