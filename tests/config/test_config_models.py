"""The settings: defaults, ranges, and the spellings each takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adhash.config_models import (
    AdaptiveSettings,
    MetricsSettings,
    ReplaySettings,
    Settings,
    WatchdogSettings,
    setting_catalogue,
    setting_text,
)

# Where each engine grows; an alert at or above all of these could never be raised.
GROWTH_LOADS = {"swiss": 0.875, "robinhood": 0.8, "chaining": 5 / 7}


def read(key: str, value: object) -> object:
    """Return the setting `key` after validation of `value`."""
    table, name = key.split(".")
    return getattr(getattr(Settings.model_validate({table: {name: value}}), table), name)


def test_the_documented_defaults_hold() -> None:
    settings = Settings()
    assert settings.adaptive == AdaptiveSettings(
        initial_layout="swiss",
        layout_switching=True,
        migration_step=16,
        free_slice_bytes=2 << 20,
        decision_window=65536,
        hysteresis=0.10,
        probe_alarm=8,
    )
    assert settings.replay.mode == ("adaptive",)
    assert settings.replay.latency_sample_every == 1024
    assert settings.replay.block_bytes == 1 << 20
    assert settings.replay.seed is None
    assert settings.metrics == MetricsSettings(
        interval_ms=200, max_ticks=0, out_dir=None, port=None, host="127.0.0.1"
    )


def test_the_default_load_alert_can_fire_on_every_engine() -> None:
    threshold = WatchdogSettings().load_factor
    assert threshold is not None
    assert threshold < min(GROWTH_LOADS.values())


def test_settings_cannot_be_changed_once_made() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().replay.rate = 5.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("adaptive.free_slice_bytes", "64MiB", 64 << 20),
        ("adaptive.free_slice_bytes", 65536, 65536),
        ("adaptive.migration_step", "4096", 4096),
        ("adaptive.layout_switching", "false", False),
        ("watchdog.load_factor", "off", None),
        ("watchdog.load_factor", False, None),
        ("watchdog.load_factor", "0.5", 0.5),
        ("watchdog.load_factor", 1, 1.0),
        ("watchdog.max_group_len", "OFF", None),
        ("replay.mode", "all", ("all",)),
        ("replay.mode", "swiss, fast-insert", ("swiss", "fast-insert")),
        ("replay.mode", ["adaptive", "std"], ("adaptive", "std")),
        ("replay.rate", "1e3", 1000.0),
        ("replay.rate", 0, 0.0),
        ("replay.seed", "random", None),
        ("replay.seed", 2**64 - 1, 2**64 - 1),
        ("replay.seed", "12", 12),
        ("replay.latency_buckets_ms", "0.1,1,10", (0.1, 1.0, 10.0)),
        ("metrics.port", "auto", "auto"),
        ("metrics.port", "9100", 9100),
        ("metrics.port", "off", None),
        ("metrics.out_dir", "runs/ticks", Path("runs/ticks")),
        ("metrics.out_dir", "off", None),
    ],
)
def test_a_setting_takes_the_spellings_of_every_source(
    key: str, value: object, expected: object
) -> None:
    found = read(key, value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("adaptive.initial_layout", "cuckoo"),
        ("adaptive.migration_step", 0),
        ("adaptive.migration_step", 4097),
        ("adaptive.migration_step", True),
        ("adaptive.migration_step", 1.5),
        ("adaptive.free_slice_bytes", "63KiB"),
        ("adaptive.free_slice_bytes", "2GiB"),
        ("adaptive.free_slice_bytes", "much"),
        ("adaptive.hysteresis", -0.1),
        ("adaptive.hysteresis", float("nan")),
        ("adaptive.probe_alarm", 1.4),
        ("watchdog.load_factor", 0),
        ("watchdog.load_factor", 1.01),
        ("watchdog.load_factor", True),
        ("watchdog.max_group_len", 0),
        ("watchdog.hold_ticks", "off"),
        ("replay.mode", []),
        ("replay.mode", ""),
        ("replay.mode", "Swiss!"),
        ("replay.mode", ["swiss", "swiss"]),
        ("replay.key_type", "float64"),
        ("replay.value_type", "str"),
        ("replay.rate", True),
        ("replay.rate", -1),
        ("replay.rate", float("inf")),
        ("replay.seed", -1),
        ("replay.seed", 2**64),
        ("replay.latency_buckets_ms", [2.0, 1.0]),
        ("replay.latency_buckets_ms", [1.0, 1.0]),
        ("replay.latency_buckets_ms", [0.0]),
        ("replay.latency_buckets_ms", []),
        ("replay.compress", "gzip"),
        ("metrics.interval_ms", 9),
        ("metrics.interval_ms", 60_001),
        ("metrics.port", 0),
        ("metrics.port", 65_536),
        ("metrics.port", True),
        ("metrics.host", ""),
    ],
)
def test_a_value_out_of_range_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValidationError):
        read(key, value)


@pytest.mark.parametrize(
    "kind", [AdaptiveSettings, WatchdogSettings, ReplaySettings, MetricsSettings, Settings]
)
def test_an_unknown_name_is_refused(kind: type[Settings]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        kind.model_validate({"no_such_name": 1})


def test_every_setting_is_described_in_full() -> None:
    catalogue = setting_catalogue()
    expected = sum(len(f.annotation.model_fields) for f in Settings.model_fields.values())  # type: ignore[union-attr]
    assert len(catalogue) == expected > 25
    for info in catalogue.values():
        assert re.fullmatch(r"[A-Z].*\.", info.meaning), info.key
        assert info.allowed, info.key
        assert info.default, info.key
        assert info.unit or not re.search(r"_(bytes|ms|s)$", info.name), info.key


RANGES = {
    key: bounds.groups()
    for key, info in setting_catalogue().items()
    if (bounds := re.match(r"([\d.]+\w*) to ([\d.]+\w*)", info.allowed))
    and "ascending" not in info.allowed
}


def test_most_settings_have_a_range_of_numbers() -> None:
    assert len(RANGES) > 15


@pytest.mark.parametrize(("key", "bounds"), RANGES.items(), ids=RANGES)
def test_the_limits_in_words_are_the_limits_in_force(key: str, bounds: tuple[str, str]) -> None:
    for bound in bounds:
        read(key, bound)
    beyond = {"1GiB": "1025MiB", "1024TiB": "1025TiB"}.get(bounds[1], f"{bounds[1]}1")
    with pytest.raises(ValidationError):
        read(key, beyond)


@given(st.data())
def test_a_written_value_reads_back_as_itself(data: st.DataObject) -> None:
    import tomllib

    seed = data.draw(st.none() | st.integers(0, 2**64 - 1))
    folder = data.draw(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
    rate = data.draw(st.floats(0, 1e9))
    settings = {"replay.seed": seed, "metrics.out_dir": Path(f"x{folder}"), "replay.rate": rate}
    for key, value in settings.items():
        written = tomllib.loads(f"it = {setting_text(key, value)}")["it"]
        assert read(key, written) == value
