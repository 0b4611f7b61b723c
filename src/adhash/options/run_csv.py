"""The options of ``adhash run-csv``: settings of a replay by their short names, and its files."""

from __future__ import annotations

from typing import Any

from pydantic import create_model
from pydantic.fields import FieldInfo

from adhash.config_models import Settings
from adhash.options.base import InputFile, OutputFile, OutputFolder, option
from adhash.options.traces import TraceOptions

# The options that are settings by another name. Every other option is about this one call.
OPTION_SETTINGS: dict[str, str] = {
    "mode": "replay.mode",
    "key_type": "replay.key_type",
    "value_type": "replay.value_type",
    "format": "replay.format",
    "fill": "replay.fill",
    "value_cap": "replay.value_cap",
    "rate": "replay.rate",
    "verify": "replay.verify",
    "seed": "replay.seed",
    "csv_max_rows": "replay.csv_max_rows",
    "csv_max_bytes": "replay.csv_max_bytes",
    "latency_sample_every": "replay.latency_sample_every",
    "latency_buckets": "replay.latency_buckets_ms",
    "compact_interval": "replay.compact_interval_s",
    "compress": "replay.compress",
    "metrics_out_dir": "metrics.out_dir",
    "metrics_max_ticks": "metrics.max_ticks",
    "metrics_host": "metrics.host",
    "metrics_port": "metrics.port",
}


class _RunCsvFiles(TraceOptions):
    dry_run: bool = option("Check every row and execute nothing.", default=False)
    snapshot_in: InputFile | None = option("Begin with the entries of a snapshot.")
    snapshot_out: OutputFile | None = option("Save the map at the end (one mode).")
    json_summary_out: OutputFile | None = option(
        "Write the summary as JSON; a list of them for several modes."
    )
    metrics_out_dir: OutputFolder | None = option("Write ticks to metrics.ndjson in this folder.")
    config: InputFile | None = option("A TOML file of settings.")
    preset: str | None = option("The name of a preset of settings.")


def _as_option(key: str) -> tuple[Any, Any]:
    """Return the annotation and the field of the setting `key` as an option that may be absent."""
    table, name = key.split(".")
    model = Settings.model_fields[table].annotation
    setting: FieldInfo = model.model_fields[name]  # type: ignore[union-attr]
    annotation: Any = setting.rebuild_annotation()
    return (annotation | None, option(setting.description or ""))


_SETTINGS: dict[str, Any] = {
    name: _as_option(key)
    for name, key in OPTION_SETTINGS.items()
    if name not in _RunCsvFiles.model_fields
}

RunCsvOptions = create_model(
    "RunCsvOptions",
    __base__=_RunCsvFiles,
    __module__=__name__,
    __doc__="A replay of a trace; an option that is not given keeps its setting.",
    **_SETTINGS,
)
