"""Every setting of adhash: its default, range, unit and meaning, in this one place.

The tables are plain pydantic models. They read neither files nor the environment: that is
`adhash.config_sources`, which also names the source of a value it refuses. Everything that shows
settings (the file that ``adhash config init`` writes, error messages, the reference in the
documentation) is made from `setting_catalogue`, so there is nothing to keep in step.

A threshold, a port or a folder that is off is None in Python and ``"off"`` in every source.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo

from adhash.config_values import (
    MAX_BUCKETS,
    Bounds,
    Count,
    Folder,
    Modes,
    Port,
    Real,
    Seed,
    Size,
    Threshold,
    Whole,
    write_toml,
)
from adhash.units import UINT64_MAX

# Which engine a mode of the user's stands for; any other mode is the engine of that name.
MODE_ENGINES = {"fast-insert": "chaining", "fast-lookup": "robinhood"}
ALL_MODES = "all"

# From 100 ns, a look-up that misses every cache, to 100 ms, a whole table moved at once. The steps
# keep the factor between neighbours at 2 to 5 where operations are, and at 10 where pauses are.
_BUCKETS_MS = (1e-4, 2.5e-4, 5e-4, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 10.0, 100.0)


def _setting(
    meaning: str, *, default: object, unit: str = "", allowed: str = "", **limits: Any
) -> Any:
    """Declare one setting; `allowed` says the range in words where `limits` cannot."""
    extra: JsonDict = {"unit": unit, "allowed": allowed}
    return Field(default, description=meaning, json_schema_extra=extra, **limits)


class _Table(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True
    )


# --- the settings ----------------------------------------------------------------------------


class AdaptiveSettings(_Table):
    """How the adaptive engine decides and moves."""

    initial_layout: Literal["swiss", "chaining", "robinhood"] = _setting(
        "The layout a new table starts with, before anything is known of its traffic.",
        default="swiss",
    )
    layout_switching: bool = _setting(
        "Whether the table may move to another layout; false keeps the initial one.", default=True
    )
    # Moving an entry costs up to 0.2 us on cold pages, so 16 keep an operation within about 3 us,
    # and still empty the old table long before the new one can fill.
    migration_step: Whole = _setting(
        "How many entries each operation moves while the table grows or changes its layout.",
        default=16,
        unit="entries",
        ge=1,
        le=4096,
    )
    # One munmap of 512 MiB of small pages stalls for 60 ms; a slice of 2 MiB, one huge page, for
    # a part in 256 of that.
    free_slice_bytes: Size = _setting(
        "How much of an emptied table is given back to the system at a time.",
        default=2 << 20,
        unit="bytes",
        ge=64 << 10,
        le=1 << 30,
        allowed="64KiB to 1GiB",
    )
    decision_window: Whole = _setting(
        "How many operations pass between two decisions at least.",
        default=65536,
        unit="operations",
        ge=1,
        le=1_000_000_000,
    )
    hysteresis: Real = _setting(
        "The gain, as a fraction of the present cost, that a move must promise before it is made.",
        default=0.10,
        unit="fraction",
        ge=0,
        le=10,
    )
    probe_alarm: Real = _setting(
        "How many times the probe length of a uniform hash is taken for an attack or a bad hash; "
        "the table then takes a new seed.",
        default=8.0,
        unit="factor",
        ge=1.5,
        le=1000,
    )


class WatchdogSettings(_Table):
    """When a replay raises an alert; each threshold may be ``"off"``."""

    enabled: bool = _setting("Whether a replay watches its table at all.", default=True)
    # A threshold above the load at which a table grows could never be reached. Growth happens at
    # 0.875 (swiss), 0.8 (robinhood) and 5/7 = 0.714 (chaining): the default is below them all.
    load_factor: Threshold = _setting(
        "Alert when the table is at least this full. Tables grow at 0.875 (swiss), 0.8 (robinhood) "
        "and 0.714 (chaining): a threshold above that never fires.",
        default=0.70,
        unit="fraction",
        gt=0,
        le=1,
        allowed='above 0 and at most 1, or "off"',
    )
    # Robin Hood at its highest load, 0.8, expects (1 + 1/(1 - 0.8)) / 2 = 3 slots for a key it
    # holds (Knuth, volume 3, 6.4): twice that means the hash no longer spreads the keys.
    avg_probe: Threshold = _setting(
        "Alert when a look-up visits at least this many slots or groups on average.",
        default=6.0,
        unit="slots",
        ge=1,
        le=1e6,
        allowed='1 to 1000000, or "off"',
    )
    max_group_len: Count = _setting(
        "Alert when the longest probe, bucket or chain has at least this length.",
        default=64,
        unit="slots",
        ge=1,
        le=1_000_000_000,
        allowed='1 to 1000000000, or "off"',
    )
    tombstone_ratio: Threshold = _setting(
        "Alert when at least this part of the slots is held by deleted entries.",
        default=0.25,
        unit="fraction",
        gt=0,
        le=1,
        allowed='above 0 and at most 1, or "off"',
    )
    # Three ticks, because every growing table passes through its highest load for a moment.
    hold_ticks: Whole = _setting(
        "How many ticks in a row a threshold must be reached before the alert is raised.",
        default=3,
        unit="ticks",
        ge=1,
        le=10_000,
    )


class ReplaySettings(_Table):
    """How a trace is run."""

    mode: Modes = _setting(
        "What to replay on: adaptive, fast-insert (chaining), fast-lookup (robinhood), an "
        'engine\'s name, or all; a list or "a,b" replays on each in turn.',
        default=("adaptive",),
        allowed="adaptive, fast-insert, fast-lookup, all or names of engines, each once",
    )
    key_type: Literal["auto", "int64", "uint64", "str", "bytes"] = _setting(
        "The type of the keys; auto takes integers when every key is a canonical integer.",
        default="auto",
    )
    value_type: Literal["auto", "int64", "bytes"] = _setting(
        "The type of the values; auto takes integers when every value is one.", default="auto"
    )
    format: str = _setting(
        "The format of the trace: auto recognises it where it can be; csv, parquet, arrow, or a "
        "foreign format by its name.",
        default="auto",
        pattern=r"^[a-z0-9][a-z0-9-]{0,63}$",
        allowed="auto, csv, parquet, arrow, or what adhash formats lists",
    )
    fill: Literal["through", "preload", "none"] = _setting(
        "What follows a read in a foreign trace that records reads only: through puts what was "
        "not found, preload puts every key first, none puts nothing.",
        default="through",
    )
    value_cap: Size = _setting(
        "The longest value made for a foreign trace, which records sizes only.",
        default=64,
        unit="bytes",
        ge=1,
        le=1 << 20,
        allowed="1B to 1MiB",
    )
    rate: Real = _setting(
        "How many operations to start a second; 0 runs each as soon as the last is done.",
        default=0.0,
        unit="operations/s",
        ge=0,
        le=1e9,
    )
    verify: bool = _setting(
        "Whether to check every answer against a reference model.", default=False
    )
    seed: Seed = _setting(
        'The seed of the hash; "random" takes a new one for every table.',
        default=None,
        ge=0,
        le=UINT64_MAX,
        allowed='0 to 18446744073709551615, or "random"',
    )
    csv_max_rows: Whole = _setting(
        "Refuse a trace with more rows; 0 for no limit.", default=0, unit="rows", ge=0, le=10**15
    )
    csv_max_bytes: Size = _setting(
        "Refuse a trace with more bytes, counted after decompression; 0 for no limit.",
        default=0,
        unit="bytes",
        ge=0,
        le=1 << 50,
        allowed="0 to 1024TiB",
    )
    max_line_bytes: Size = _setting(
        "Refuse a trace with a longer line.",
        default=1 << 20,
        unit="bytes",
        ge=64,
        le=1 << 30,
        allowed="64B to 1GiB",
    )
    # Timing an operation ends its overlap with its neighbours: one in 64 slows a replay by half,
    # so the default is far sparser.
    latency_sample_every: Whole = _setting(
        "Time one operation in this many, after the first 1024; 0 times none. Slow paths are "
        "always timed.",
        default=1024,
        unit="operations",
        ge=0,
        le=1_000_000_000,
    )
    latency_buckets_ms: Bounds = _setting(
        "The upper bounds of the latency histogram; one bucket above the last is always added.",
        default=_BUCKETS_MS,
        unit="ms",
        allowed=f"1 to {MAX_BUCKETS} ascending numbers above 0 and at most 1000000",
    )
    compact_interval_s: Real = _setting(
        "Compact the table every so often; 0 never does.", default=0.0, unit="s", ge=0, le=86_400
    )
    block_bytes: Size = _setting(
        "How much of the trace is read at a time.",
        default=1 << 20,
        unit="bytes",
        ge=4 << 10,
        le=1 << 30,
        allowed="4KiB to 1GiB",
    )
    compress: Literal["none", "lz4", "zstd"] = _setting(
        "How a snapshot written at the end is compressed.", default="none"
    )


class MetricsSettings(_Table):
    """What a replay tells about itself while it runs."""

    interval_ms: Whole = _setting(
        "The time between two ticks.", default=200, unit="ms", ge=10, le=60_000
    )
    max_ticks: Whole = _setting(
        "How many ticks a run keeps at most; 0 for no limit.",
        default=0,
        unit="ticks",
        ge=0,
        le=10**9,
    )
    out_dir: Folder = _setting(
        'The folder to write ticks into, or "off".', default=None, allowed='a folder, or "off"'
    )
    port: Port = _setting(
        'The port of the live endpoint: a number, "auto" for any free one, or "off".',
        default=None,
        allowed='1 to 65535, "auto" or "off"',
    )
    host: str = _setting(
        "The address the live endpoint listens on.",
        default="127.0.0.1",
        min_length=1,
        max_length=255,
        allowed="an address or host name",
    )


class Settings(_Table):
    """All settings: the four tables of a configuration file."""

    adaptive: AdaptiveSettings = Field(default_factory=AdaptiveSettings)
    watchdog: WatchdogSettings = Field(default_factory=WatchdogSettings)
    replay: ReplaySettings = Field(default_factory=ReplaySettings)
    metrics: MetricsSettings = Field(default_factory=MetricsSettings)


# --- what is known of each setting -----------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class SettingInfo:
    """One setting as documentation, messages and files need it.

    `allowed` is the range in words and `default` the default as it is written in TOML.
    """

    table: str
    name: str
    meaning: str
    unit: str
    allowed: str
    default: str

    @property
    def key(self) -> str:
        """Return the dotted name, such as ``"replay.rate"``."""
        return f"{self.table}.{self.name}"

    @property
    def variable(self) -> str:
        """Return the environment variable that sets it."""
        return f"ADHASH_{self.table}__{self.name}".upper()


@cache
def setting_catalogue() -> dict[str, SettingInfo]:
    """Return every setting by its dotted name, in the order of this module."""
    return {info.key: info for info in _settings()}


def _settings() -> Iterator[SettingInfo]:
    for table, field in Settings.model_fields.items():
        model = field.annotation
        assert isinstance(model, type)  # noqa: S101
        assert issubclass(model, BaseModel)  # noqa: S101
        for name, setting in model.model_fields.items():
            yield _describe(table, name, setting)


def _describe(table: str, name: str, field: FieldInfo) -> SettingInfo:
    extra = field.json_schema_extra
    assert isinstance(extra, dict)  # noqa: S101
    unit = str(extra["unit"])
    return SettingInfo(
        table=table,
        name=name,
        meaning=field.description or "",
        unit=unit,
        allowed=str(extra["allowed"]) or _allowed(field),
        default=write_toml(field.default, unit=unit, off=_off_word(name)),
    )


def _allowed(field: FieldInfo) -> str:
    if field.annotation is bool:
        return "true or false"
    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(get_args(field.annotation))
    low, high = (_limit(field, "ge"), _limit(field, "le"))
    return f"{low} to {high}"


def _limit(field: FieldInfo, kind: str) -> str:
    limit = next(getattr(item, kind) for item in field.metadata if hasattr(item, kind))
    return f"{limit:.0f}" if limit == int(limit) else str(limit)


def _off_word(name: str) -> str:
    return "random" if name == "seed" else "off"


def setting_text(key: str, value: object) -> str:
    """Return the value of the setting `key` as it is written in TOML."""
    info = setting_catalogue()[key]
    return write_toml(value, unit=info.unit, off=_off_word(info.name))
