"""The layers: who wins, and that a refusal names its source, key, value and range."""

from __future__ import annotations

from pathlib import Path

import pytest

from adhash.config_models import Settings, setting_catalogue
from adhash.config_sources import (
    find_preset,
    list_presets,
    load_settings,
    merge_layers,
    origins,
    parse_text,
    read_layers,
)
from adhash.errors import ConfigError, StorageError


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "adhash.toml"


@pytest.fixture
def presets(tmp_path: Path) -> Path:
    folder = tmp_path / "presets"
    folder.mkdir()
    (folder / "mine.toml").write_text("# What I like.\n[replay]\nrate = 1\nseed = 1\n", "utf-8")
    return folder


def test_without_sources_the_defaults_hold() -> None:
    assert load_settings() == Settings()


def test_each_source_wins_over_the_one_before(config: Path, presets: Path) -> None:
    config.write_text("[replay]\nrate = 2\nseed = 2\nverify = true\n", "utf-8")
    environ = {"ADHASH_REPLAY__RATE": "3", "ADHASH_REPLAY__SEED": "3", "ADHASH_TOKEN": "secret"}
    sources = {
        "preset": "mine",
        "presets_dir": presets,
        "config": config,
        "environ": environ,
        "overrides": {"replay.rate": 4, "replay.mode": None},
    }
    rates = []
    for count in range(2, len(sources) + 1):
        given = dict(list(sources.items())[:count])
        rates.append(load_settings(**given).replay.rate)  # type: ignore[arg-type]
    assert rates == [1.0, 2.0, 3.0, 4.0]

    layers = read_layers(**sources)  # type: ignore[arg-type]
    assert merge_layers(layers).replay.seed == 3
    found = origins(layers)
    assert found["replay.rate"] == "command line"
    assert found["replay.seed"] == "environment"
    assert found["replay.verify"] == str(config)
    assert found["replay.mode"] == "default"


def test_a_layer_changes_only_the_settings_it_names(config: Path) -> None:
    config.write_text("[watchdog]\nload_factor = 'off'\n", "utf-8")
    settings = load_settings(config=config, environ={"ADHASH_WATCHDOG__AVG_PROBE": "9"})
    assert settings.watchdog.load_factor is None
    assert settings.watchdog.avg_probe == 9
    assert settings.watchdog.max_group_len == Settings().watchdog.max_group_len


def refusal(**sources: object) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_settings(**sources)  # type: ignore[arg-type]
    return caught.value


def test_a_bad_value_in_a_file_names_file_key_value_and_range(config: Path) -> None:
    config.write_text("[adaptive]\nmigration_step = 5000\n", "utf-8")
    error = refusal(config=config)
    expected = f"{config}: adaptive.migration_step must be 1 to 4096 entries; got 5000"
    assert error.detail == expected
    assert (error.key, error.value, error.allowed) == ("adaptive.migration_step", 5000, "1 to 4096")


def test_a_bad_value_in_the_environment_names_the_variable() -> None:
    error = refusal(environ={"ADHASH_REPLAY__RATE": "fast"})
    assert error.detail.startswith("environment variable ADHASH_REPLAY__RATE: ")
    assert 'got "fast"' in error.detail


def test_a_bad_option_names_the_command_line() -> None:
    error = refusal(overrides={"metrics.port": 70_000})
    assert error.detail == (
        'command line: metrics.port must be 1 to 65535, "auto" or "off"; got 70000'
    )


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ("[replay]\nraet = 1", "replay.raet", "did you mean replay.rate?"),
        ("[reply]\nrate = 1", "reply.rate", "did you mean replay.rate?"),
        ("rate = 1", "rate", "did you mean replay.rate?"),
        ("[metrics]\nwindow = 1", "metrics.window", "known here: metrics.interval_ms"),
        ("[replay.rate]\nx = 1", "replay.rate", ""),
        ("replay = 3", "replay", "write [replay] on a line of its own"),
        ("[xyz]", "xyz", "known here: adaptive.initial_layout"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_one(
    config: Path, text: str, key: str, hint: str
) -> None:
    config.write_text(text, "utf-8")
    error = refusal(config=config)
    assert error.key == key
    assert error.hint.startswith(hint)
    assert str(config) in error.detail


def test_an_unknown_variable_is_refused_with_the_nearest_setting() -> None:
    error = refusal(environ={"ADHASH_REPLAY__RAET": "1"})
    assert "ADHASH_REPLAY__RAET" in error.detail
    assert error.hint == "did you mean replay.rate?"


def test_all_faults_of_all_sources_are_told_at_once(config: Path) -> None:
    config.write_text("[replay]\nrate = -1\nraet = 2\n[metrics]\nport = 0\n", "utf-8")
    error = refusal(config=config, environ={"ADHASH_METRICS__HOST": ""})
    assert {cause.key for cause in error.causes} == {
        "replay.rate",
        "replay.raet",
        "metrics.port",
        "metrics.host",
    }
    assert error.detail.startswith("4 settings are wrong: ")
    assert all(cause.detail in error.detail for cause in error.causes)


def test_a_wrong_line_is_refused_even_where_an_option_hides_it(config: Path) -> None:
    config.write_text("[replay]\nrate = -1\n", "utf-8")
    assert refusal(config=config, overrides={"replay.rate": 5}).key == "replay.rate"


def test_a_long_value_is_shortened_in_the_message(config: Path) -> None:
    config.write_text(f"[replay]\ncompress = '{'z' * 5000}'\n", "utf-8")
    assert len(refusal(config=config).detail) < 400


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[replay\nrate = 1", "is not valid TOML"),
        (b"rate = 1\nrate = 2", "is not valid TOML"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"#" * (1 << 20) + b"#", "is longer than 1 MiB"),
        (b"x = " + b"[" * 100_000, "is n"),
    ],
)
def test_a_file_that_is_no_settings_file_is_refused(
    config: Path, content: bytes, said: str
) -> None:
    config.write_bytes(content)
    assert said in refusal(config=config).detail


@pytest.mark.parametrize(
    "value",
    [
        f"0x{'f' * 5000}",
        "-1",
        '"' + "9" * 5000 + '"',
        '"' + "9" * 400 + '.5GiB"',
        "1e400",
        "nan",
        "2020-01-01",
        "[[1]]",
        "{ a = 1 }",
    ],
)
@pytest.mark.parametrize(
    "key", sorted(setting_catalogue().keys() - {"metrics.host", "metrics.out_dir"})
)
def test_an_odd_value_is_refused_in_a_short_message(config: Path, key: str, value: str) -> None:
    table, name = key.split(".")
    config.write_text(f"[{table}]\n{name} = {value}\n", "utf-8")
    error = refusal(config=config)
    assert error.key == key
    assert len(error.detail) < 500


def test_a_number_of_thousands_of_digits_is_refused(config: Path) -> None:
    config.write_text(f"[replay]\nseed = {'9' * 5000}\n", "utf-8")
    assert str(config) in refusal(config=config).detail


def test_a_missing_file_says_how_to_write_one(config: Path) -> None:
    with pytest.raises(StorageError) as caught:
        load_settings(config=config)
    assert str(config) in caught.value.detail
    assert caught.value.hint.startswith("adhash config init")


def test_a_folder_is_no_settings_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="directory"):
        load_settings(config=tmp_path)


def test_an_empty_file_changes_nothing(config: Path) -> None:
    config.write_bytes(b"\xef\xbb\xbf")
    assert load_settings(config=config) == Settings()


# --- presets


def test_every_bundled_preset_is_valid_and_says_what_it_is_for() -> None:
    bundled = list_presets()
    names = {"default", "low-latency", "memory-lean", "adversarial-guard", "ci"}
    assert {preset.name for preset in bundled} == names
    for preset in bundled:
        assert preset.summary
        assert load_settings(preset=preset.name)


def test_the_default_preset_changes_nothing() -> None:
    assert load_settings(preset="default") == Settings()


def test_a_preset_of_the_users_hides_the_bundled_one(presets: Path) -> None:
    (presets / "ci.toml").write_text("[replay]\nrate = 77\n", "utf-8")
    environ = {"ADHASH_PRESETS_DIR": str(presets)}
    assert load_settings(preset="ci", environ=environ).replay.rate == 77
    assert find_preset("mine", folder=presets).summary == "What I like."


def test_an_unknown_preset_is_refused_with_those_there_are() -> None:
    error = refusal(preset="low-latncy")
    assert "one of adversarial-guard, ci" in error.detail
    assert error.hint == "did you mean low-latency?"


def test_a_bad_value_in_a_preset_names_the_preset(presets: Path) -> None:
    (presets / "broken.toml").write_text("[replay]\nrate = -5\n", "utf-8")
    error = refusal(preset="broken", presets_dir=presets)
    assert error.detail.startswith("preset broken (")


def test_a_presets_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    error = refusal(preset="ci", presets_dir=tmp_path / "nowhere")
    assert "nowhere" in error.detail


def test_parse_text_checks_what_it_reads() -> None:
    assert parse_text("[replay]\nrate = 1\n", source="x").values() == {"replay.rate": 1}
    with pytest.raises(ConfigError, match=r"x: replay\.rate"):
        parse_text("[replay]\nrate = -1\n", source="x")
