"""The options of ``adhash generate-csv``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from adhash.config_values import Real, Whole
from adhash.options.base import CommandOptions, InputFile, OutputFile, option

WorkloadName = Literal[
    "ycsb-a",
    "ycsb-b",
    "ycsb-c",
    "ycsb-d",
    "ycsb-e",
    "ycsb-f",
    "uniform",
    "zipf",
    "hotspot",
    "latest",
    "exponential",
    "churn",
    "expiry",
    "moving",
    "queue",
]
Share = Annotated[Real, Field(ge=0, le=1e9)]
Fraction = Annotated[Real, Field(ge=0, le=1)]
Number = Annotated[Whole, Field(ge=0, le=1 << 48)]
Some = Annotated[Whole, Field(ge=1, le=1 << 48)]
Word = Annotated[Whole, Field(ge=0, le=2**64 - 1)]
Characters = Annotated[Whole, Field(ge=0, le=4096)]


class GenerateCsvOptions(CommandOptions):
    """A trace to generate; what is not given is that of the workload, or a default."""

    out: OutputFile = option(
        "The trace: .csv, .csv.gz, .csv.zst, .csv.xz, .parquet, .arrow; - is standard output.",
        default=...,
        short="-o",
    )
    workload: WorkloadName | None = option(
        "A workload by its name, which --list explains; other options change what it sets: "
        "ycsb-a to ycsb-f, uniform, zipf, hotspot, latest, exponential, churn, expiry, "
        "moving, queue."
    )
    like: InputFile | None = option(
        "Make a trace like this one: a generator is fitted to it, and the error of the fit is told."
    )
    like_rows: Annotated[Whole, Field(ge=1, le=1_000_000_000)] = option(
        "With --like: fit at most so many rows, from the beginning; each takes some 150 bytes.",
        default=10_000_000,
    )
    check_fit: bool = option(
        "With --like: compare a generated trace of the same length with the one it is like.",
        default=True,
    )
    rows: Some | None = option(
        "Operations; as many as were fitted with --like, else 1,000,000 and, with a workload that "
        "loads its keys first, these; with --adversarial, twice its keys."
    )
    keys: Some | None = option(
        "Size of the key space: 1,000,000, or 100,000 with a workload; where keys are inserted, "
        "the size it begins with."
    )
    distribution: (
        Literal["uniform", "zipf", "hotspot", "latest", "exponential", "sequential"] | None
    ) = option(
        "How often each key is used: uniform, zipf, hotspot, latest, exponential or sequential "
        "(a queue). Without a workload: uniform."
    )
    exponent: Annotated[Real, Field(ge=0, le=100)] | None = option(
        "Exponent of zipf and latest, at least 0: 0.99."
    )
    hot_set: Fraction | None = option("Of hotspot: the fraction of the keys that is hot: 0.2.")
    hot_ops: Fraction | None = option(
        "Of hotspot: the fraction of the requests that go to hot keys: 0.8."
    )
    exp_percentile: Annotated[Real, Field(gt=0, lt=100)] | None = option(
        "Of exponential: so many percent of the requests go to the newest keys: 95."
    )
    exp_frac: Annotated[Real, Field(gt=0, le=1e9)] | None = option(
        "Of exponential: the fraction of the keys that these are: 0.8571428571."
    )
    get: Share | None = option("Share of gets; proportions count. Without a workload: 75.")
    put: Share | None = option("Share of puts of keys as they are drawn. Without a workload: 20.")
    delete: Share | None = option(
        "Share of deletes, of keys put before. Without a workload: 5.", flag="--del"
    )
    insert: Share | None = option("Share of puts of a new key: 0.")
    scan: Share | None = option(
        "Share of scans: gets of a key and of those that follow it in the key space: 0."
    )
    rmw: Share | None = option("Share of read-modify-writes: get and put of the same key: 0.")
    replace: Share | None = option(
        "Share of replacements: del of a key that is there and put of a new one: 0."
    )
    lifetime: Literal["geometric", "fixed", "skewed"] | None = option(
        "Which keys are replaced: geometric (any), fixed (the oldest), skewed (most of them soon, "
        "some hardly ever): geometric."
    )
    ttl: Annotated[Whole, Field(ge=0, le=1 << 47)] | None = option(
        "Delete a key so many rows after it was put, on average; 0 for never: 0."
    )
    ttl_spread: Literal["fixed", "uniform", "exponential"] | None = option(
        "How that time differs from put to put: fixed, uniform or exponential: fixed."
    )
    phase: tuple[str, ...] = option(
        "What changes at a row, as ROW:NAME=VALUE,NAME=VALUE; move=0.5 moves the working set by "
        "half of the keys; repeat it.",
        default=(),
        max_length=1000,
    )
    move_every: Number | None = option(
        "Move the working set each time so many rows have passed; 0 for never: 0."
    )
    move_by: Fraction | None = option("By which fraction of the keys: 0.1.")
    max_scan: Annotated[Whole, Field(ge=1, le=65_536)] | None = option(
        "Scans are of 1 to so many keys, each length equally often: 100."
    )
    preload: Number | None = option(
        "Put so many keys first, as part of the rows; all of them with most workloads, else 0."
    )
    ycsb_compat: bool = option(
        "Draw Zipf samples, and name keys, as YCSB does: hashed, among ten billion.",
        default=False,
    )
    key_type: Literal["int64", "uint64", "str"] | None = option("int64, uint64 or str: int64.")
    key_bits: Annotated[Whole, Field(ge=0, le=64)] | None = option(
        "Integer keys are below 2**BITS; 0 for all bits: 0."
    )
    key_length: Characters | None = option("Characters of a string key: 16.")
    value_length: Characters | None = option("Characters of a value; 0 for integers: 0.")
    dense: bool = option("Keys 0, 1, 2, ... instead of scattered.", default=False)
    seed: Word = option("Same seed and options, same trace.", default=1)
    adversarial: str | None = option("Keys that collide in this engine.")
    hash_seed: Word | None = option("The hash seed of the map that --adversarial aims at: 0.")
    count: Annotated[Whole, Field(ge=1, le=1_000_000)] | None = option(
        "How many colliding keys: 10,000; with --adversarial."
    )
    force: bool = option("Replace an existing file.", default=False)
