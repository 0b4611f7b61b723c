"""What is refused before anything runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from adhash.config_models import MetricsSettings, ReplaySettings, Settings
from adhash.errors import AdhashError, BadInputError, ConfigError, StorageError
from adhash.options.run_csv import OPTION_SETTINGS
from adhash.replay.plan import Plan, ReplayOptions, make_plan

ENGINES = ["adaptive", "chaining", "robinhood", "swiss", "std"]


def plan(
    csv: str | Path = "trace.csv",
    mode: Any = None,
    settings: Settings | None = None,
    environ: dict[str, str] | None = None,
    **options: Any,
) -> Plan:
    return make_plan(
        csv,
        mode=mode,
        options=options,
        settings=settings,
        environ=environ or {},
        engines=lambda: ENGINES,
    )


def names(made: Plan) -> list[tuple[str, str]]:
    return [(mode.name, mode.engine) for mode in made.modes]


def test_default_mode_is_adaptive() -> None:
    assert names(plan()) == [("adaptive", "adaptive")]


def test_modes_stand_for_engines() -> None:
    made = plan(mode=["fast-insert", "fast-lookup", "std"])
    assert names(made) == [("fast-insert", "chaining"), ("fast-lookup", "robinhood"), ("std",) * 2]


def test_all_is_every_engine_each_once() -> None:
    assert names(plan(mode="swiss,all")) == [
        (name, name) for name in ("swiss", "adaptive", "chaining", "robinhood", "std")
    ]


@pytest.mark.parametrize("mode", ["btree", ["swiss", "btree"], "Swiss", ""])
def test_unknown_mode_is_refused(mode: Any) -> None:
    with pytest.raises(BadInputError, match="mode"):
        plan(mode=mode)


def test_unknown_option_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadInputError, match="unknown option ratee") as refused:
        plan(ratee=1)
    assert "rate" in refused.value.hint


def test_every_option_that_is_a_setting_is_a_setting() -> None:
    for name, key in OPTION_SETTINGS.items():
        table, field = key.split(".")
        assert field in type(getattr(Settings(), table)).model_fields
        assert name in {"mode", *ReplayOptions.__annotations__}


def test_options_win_over_settings_which_win_over_defaults() -> None:
    given = Settings(replay=ReplaySettings(rate=5.0, seed=7), metrics=MetricsSettings(max_ticks=3))
    made = plan(settings=given, rate=9, metrics_port="auto").settings
    assert (made.replay.rate, made.replay.seed) == (9.0, 7)
    assert (made.metrics.max_ticks, made.metrics.port) == (3, "auto")


def test_settings_come_from_file_and_environment(tmp_path: Path) -> None:
    file = tmp_path / "adhash.toml"
    file.write_text('[replay]\nmode = ["std"]\nrate = 3.0\n', encoding="utf-8")
    made = plan(config=file, environ={"ADHASH_REPLAY__RATE": "4"})
    assert names(made) == [("std", "std")]
    assert made.settings.replay.rate == 4.0


def test_settings_and_a_file_of_them_are_refused_together() -> None:
    with pytest.raises(BadInputError, match="as well"):
        plan(settings=Settings(), config="adhash.toml")


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"rate": -1}, "replay.rate"),
        ({"rate": float("nan")}, "replay.rate"),
        ({"key_type": "float64"}, "replay.key_type"),
        ({"value_type": "str"}, "replay.value_type"),
        ({"csv_max_rows": -1}, "replay.csv_max_rows"),
        ({"csv_max_bytes": "2 parsecs"}, "replay.csv_max_bytes"),
        ({"latency_sample_every": 1.5}, "replay.latency_sample_every"),
        ({"latency_buckets": [2.0, 1.0]}, "replay.latency_buckets_ms"),
        ({"compact_interval": -1}, "replay.compact_interval_s"),
        ({"compress": "gzip"}, "replay.compress"),
        ({"seed": 2**64}, "replay.seed"),
        ({"metrics_max_ticks": "many"}, "metrics.max_ticks"),
        ({"metrics_port": 70_000}, "metrics.port"),
        ({"metrics_host": ""}, "metrics.host"),
        ({"verify": "maybe"}, "replay.verify"),
    ],
)
@pytest.mark.parametrize("settings", [None, Settings()])
def test_value_out_of_range_is_refused_with_its_setting(
    options: dict[str, Any], key: str, settings: Settings | None
) -> None:
    with pytest.raises(ConfigError) as refused:
        plan(settings=settings, **options)
    assert refused.value.key == key
    assert refused.value.allowed


@pytest.mark.parametrize(("given", "codec"), [(True, "zstd"), (False, "none"), ("lz4", "lz4")])
def test_compress_may_be_a_codec_or_a_yes(given: Any, codec: str) -> None:
    assert plan(compress=given).settings.replay.compress == codec


def test_standard_input_serves_one_mode_only() -> None:
    with pytest.raises(BadInputError, match="read once"):
        plan("-", mode="all")
    assert len(plan("-", mode="all", dry_run=True).modes) == len(ENGINES)


def test_one_snapshot_cannot_hold_the_maps_of_several_modes(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="names one file"):
        plan(mode="swiss,std", snapshot_out=tmp_path / "map.arrow")


@pytest.mark.parametrize(
    ("first", "second"),
    [("snapshot_out", "csv"), ("json_summary_out", "csv"), ("snapshot_out", "json_summary_out")],
)
def test_outputs_must_not_overwrite_each_other_or_the_trace(
    tmp_path: Path, first: str, second: str
) -> None:
    (tmp_path / "a").mkdir()
    options = {first: tmp_path / "file", second: tmp_path / "a" / ".." / "file"}
    with pytest.raises(BadInputError, match="are the same file"):
        plan(**{"csv": "trace.csv", **options})


@pytest.mark.parametrize("option", ["snapshot_out", "json_summary_out"])
@pytest.mark.parametrize(
    ("place", "complaint"),
    [("file/map", "not a folder"), ("folder", "not a regular file"), ("fifo", "not a regular")],
)
def test_place_that_cannot_be_written_is_refused(
    tmp_path: Path, option: str, place: str, complaint: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(StorageError, match=complaint):
        plan(**{option: tmp_path / place})


def test_missing_snapshot_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no snapshot"):
        plan(snapshot_in=tmp_path / "absent.arrow")


def test_no_refusal_leaves_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AdhashError):
        plan(metrics_out_dir=tmp_path / "out", snapshot_out=tmp_path / "file" / "map")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
