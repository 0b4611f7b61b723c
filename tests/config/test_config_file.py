"""The text of a settings file: complete when written, untouched but for one line when changed."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhash.config_file import change, render, render_with_origins
from adhash.config_models import Settings, setting_catalogue
from adhash.config_sources import load_settings, merge_layers, origins, parse_text
from adhash.errors import BadInputError, ConfigError


@pytest.mark.parametrize(
    "preset", ["default", "low-latency", "memory-lean", "adversarial-guard", "ci"]
)
def test_a_written_file_reads_back_as_the_settings(preset: str) -> None:
    settings = load_settings(preset=preset)
    assert merge_layers([parse_text(render(settings), source="written")]) == settings
    assert (
        merge_layers([parse_text(render_with_origins(settings, origins([])), source="shown")])
        == settings
    )


def test_a_written_file_explains_every_setting() -> None:
    text = " ".join(render(Settings()).replace("\n# ", " ").split())
    for info in setting_catalogue().values():
        assert info.meaning in text
        assert f"Default: {info.default}." in text


def test_no_line_of_comment_is_longer_than_a_screen() -> None:
    assert max(len(line) for line in render(Settings()).splitlines() if line[:1] == "#") <= 100


FILE = """\
# mine
[replay]
# how fast
rate = 5   # slow
mode = ["swiss"]

[metrics]  # ticks
port = "off"
"""


def test_a_change_touches_only_its_line_and_keeps_its_comment() -> None:
    assert change(FILE, "replay.rate", 7.5) == FILE.replace("rate = 5   #", "rate = 7.5   #")
    assert change(FILE, "metrics.port", 9100) == FILE.replace('"off"', "9100")


def test_a_setting_that_is_missing_is_added_to_its_table() -> None:
    text = change(FILE, "metrics.interval_ms", 50)
    assert "[metrics]  # ticks\ninterval_ms = 50\nport" in text


def test_a_table_that_is_missing_is_added_at_the_end() -> None:
    text = change(FILE, "watchdog.load_factor", None)
    assert text == FILE + '\n[watchdog]\nload_factor = "off"\n'
    assert change("", "replay.rate", 1.0) == "[replay]\nrate = 1.0\n"


@pytest.mark.parametrize(
    "text",
    [
        "replay = { rate = 5 }\n",
        "replay.rate = 5\n",
        "[replay]\nrate = 5\n[replay.x]\ny = 1\n[replay.rate]\n",
        '[metrics]\nhost = """\n[replay]\nrate = 5\n"""\n',
    ],
)
def test_a_form_that_no_line_can_change_is_left_to_an_editor(text: str) -> None:
    with pytest.raises(BadInputError, match="cannot be changed line by line"):
        change(text, "replay.rate", 7.0)


def test_an_array_over_lines_is_left_to_an_editor() -> None:
    text = '[replay]\nmode = [\n  "swiss",\n]\n'
    with pytest.raises(BadInputError, match="cannot be changed line by line"):
        change(text, "replay.mode", ("std",))
    assert tomllib.loads(change(text, "replay.rate", 1.0))["replay"]["mode"] == ["swiss"]


def test_an_unknown_key_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"did you mean replay\.rate") as caught:
        change(FILE, "replay.raet", 1)
    assert caught.value.key == "replay.raet"


@given(
    st.sampled_from(["", "# x", '"a#b" # c', "5 # y"]),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20),
)
def test_a_changed_file_says_what_was_asked(before: str, host: str) -> None:
    text = f"[metrics]\nhost = {before}\n" if before[:1] in '"5' and before else "[metrics]\n"
    changed = tomllib.loads(change(text, "metrics.host", host))
    assert changed == {"metrics": {"host": host}}
