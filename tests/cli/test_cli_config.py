"""``adhash config``: what each command shows, writes and refuses."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adhash.config_models import Settings

# What the fixture `run` gives: a function that runs adhash and returns its Outcome.
Run = Callable[..., Any]


def editor(tmp_path: Path, script: str) -> str:
    """Return an editor that runs `script` on the file, ``$1``."""
    path = tmp_path / "my editor.sh"
    path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    path.chmod(0o755)
    return f"'{path}'"


# --- show


def test_show_prints_settings_that_can_be_read_back(run: Run) -> None:
    shown = tomllib.loads(run("config", "show").out)
    assert Settings.model_validate(shown) == Settings()


def test_show_says_where_each_value_comes_from(run: Run, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("[replay]\nrate = 5\n", "utf-8")
    args = ("config", "show", "--config", "my.toml", "--preset", "ci")
    lines = run(*args, ADHASH_METRICS__PORT="auto").out.splitlines()
    origin = {line.split(" = ")[0]: line.rpartition("  # ")[2] for line in lines if "=" in line}
    assert origin["rate"] == "my.toml"
    assert origin["seed"] == "preset ci"
    assert origin["port"] == "environment"
    assert origin["host"] == "default"

    answer = run(*args, "--json", ADHASH_METRICS__PORT="auto").answer
    assert answer["command"] == "config show"
    assert answer["settings"]["replay"]["rate"] == 5.0
    assert answer["settings"]["metrics"]["port"] == "auto"
    assert answer["origins"]["replay.rate"] == "my.toml"


def test_show_refuses_a_bad_variable(run: Run) -> None:
    outcome = run("config", "show", ADHASH_REPLAY__RAET="1")
    assert outcome.code == 2
    assert "ADHASH_REPLAY__RAET" in outcome.envelope["detail"]
    assert outcome.envelope["hint"] == "did you mean replay.rate?"


# --- init


def test_init_writes_every_setting_and_does_not_overwrite(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "adhash.toml"
    assert run("config", "init").out == "wrote adhash.toml\n"
    assert Settings.model_validate(tomllib.loads(target.read_text("utf-8"))) == Settings()

    target.write_text("mine", "utf-8")
    refused = run("config", "init")
    assert (refused.code, refused.envelope["error"]) == (4, "Policy")
    assert "--force" in refused.envelope["hint"]
    assert target.read_text("utf-8") == "mine"

    assert run("config", "init", "--force", "--json").answer["path"] == "adhash.toml"
    assert target.read_text("utf-8") != "mine"
    assert list(tmp_path.iterdir()) == [target]


def test_init_writes_the_values_of_a_preset(run: Run, tmp_path: Path) -> None:
    assert run("config", "init", "my.toml", "--preset", "ci").code == 0
    written = tomllib.loads((tmp_path / "my.toml").read_text("utf-8"))
    assert written["replay"]["seed"] == 1


def test_init_into_no_folder_is_an_io_error(run: Run) -> None:
    outcome = run("config", "init", "no/such/adhash.toml")
    assert (outcome.code, outcome.envelope["error"]) == (5, "IO")
    assert "no/such/adhash.toml" in outcome.envelope["detail"]


# --- validate


def test_validate_tells_all_that_is_wrong(run: Run, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("[replay]\nrate = -1\nraet = 1\n", "utf-8")
    outcome = run("config", "validate", "my.toml")
    assert outcome.code == 2
    for part in ("my.toml", "replay.rate must be 0 to 1000000000", "got -1", "replay.raet"):
        assert part in outcome.envelope["detail"]


def test_validate_accepts_what_init_wrote(run: Run) -> None:
    assert run("config", "init").code == 0
    answer = run("config", "validate", "adhash.toml", "--json").answer
    assert answer == {
        "ok": True,
        "command": "config validate",
        "path": "adhash.toml",
        "settings": 35,
    }
    assert "all valid" in run("config", "validate", "adhash.toml").out


@pytest.mark.parametrize(("name", "code"), [("absent.toml", 5), (".", 5)])
def test_validate_of_no_file_says_so(run: Run, name: str, code: int) -> None:
    outcome = run("config", "validate", name)
    assert outcome.code == code
    assert name in outcome.envelope["detail"]


# --- edit


def test_edit_replaces_the_file_by_a_valid_draft(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "adhash.toml"
    target.write_text("[replay]\nrate = 1.0\n", "utf-8")
    change = editor(tmp_path, """sed 's/1.0/9.0/' "$1" > "$1.new" && mv "$1.new" "$1" """)
    assert run("config", "edit", EDITOR=change).out == "adhash.toml: changed\n"
    assert target.read_text("utf-8") == "[replay]\nrate = 9.0\n"
    assert not (tmp_path / "adhash.draft.toml").exists()


def test_edit_of_no_file_starts_from_the_defaults(run: Run, tmp_path: Path) -> None:
    assert run("config", "edit", VISUAL=editor(tmp_path, "true")).code == 0
    written = tomllib.loads((tmp_path / "adhash.toml").read_text("utf-8"))
    assert Settings.model_validate(written) == Settings()


def test_edit_that_changes_nothing_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "adhash.toml").write_text("[replay]\n", "utf-8")
    assert run("config", "edit", VISUAL=editor(tmp_path, "true")).out == "adhash.toml: unchanged\n"
    assert not (tmp_path / "adhash.draft.toml").exists()


def test_a_wrong_draft_is_kept_and_never_replaces_the_file(run: Run, tmp_path: Path) -> None:
    target, draft = tmp_path / "adhash.toml", tmp_path / "adhash.draft.toml"
    target.write_text("[replay]\nrate = 1.0\n", "utf-8")
    spoil = editor(tmp_path, """echo 'speed = 3' >> "$1" """)
    outcome = run("config", "edit", VISUAL=spoil)
    assert outcome.code == 2
    assert "replay.speed" in outcome.envelope["detail"]
    assert "adhash.draft.toml" in outcome.envelope["hint"]
    assert target.read_text("utf-8") == "[replay]\nrate = 1.0\n"
    assert "speed = 3" in draft.read_text("utf-8")

    mend = editor(tmp_path, """grep -v speed "$1" > t; echo 'verify = true' >> t; mv t "$1" """)
    assert run("config", "edit", VISUAL=mend).code == 0
    assert target.read_text("utf-8") == "[replay]\nrate = 1.0\nverify = true\n"
    assert not draft.exists()


@pytest.mark.parametrize(
    ("visual", "code", "said"),
    [
        ("", 2, "neither VISUAL nor EDITOR"),
        ("/no/such/editor", 5, "cannot start the editor /no/such/editor"),
        ("false", 5, "ended with code 1"),
        ("'open", 2, "cannot be read"),
    ],
)
def test_an_editor_that_fails_changes_nothing(
    run: Run, tmp_path: Path, visual: str, code: int, said: str
) -> None:
    (tmp_path / "adhash.toml").write_text("[replay]\n", "utf-8")
    outcome = run("config", "edit", VISUAL=visual)
    assert outcome.code == code
    assert said in outcome.envelope["detail"]
    assert (tmp_path / "adhash.toml").read_text("utf-8") == "[replay]\n"


def test_set_changes_settings_without_an_editor(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "adhash.toml"
    target.write_text("# mine\n[replay]\nrate = 1.0  # slow\n", "utf-8")
    values = ("replay.rate=1000", "replay.mode=swiss,std", "metrics.port=off")
    options = [word for value in values for word in ("--set", value)]
    assert run("config", "edit", *options, "--json").answer["outcome"] == "changed"
    text = target.read_text("utf-8")
    assert text.startswith("# mine\n[replay]\n")
    assert "rate = 1000.0  # slow" in text
    expected = {"replay": {"mode": ["swiss", "std"], "rate": 1000.0}, "metrics": {"port": "off"}}
    assert tomllib.loads(text) == expected
    assert run("config", "edit", "--set", "replay.rate=1000").out == "adhash.toml: unchanged\n"


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("replay.rate=-1", "replay.rate must be 0 to 1000000000"),
        ("replay.raet=1", "replay.raet is not a setting"),
        ("rate=1", "--set takes KEY=VALUE"),
        ("replay.rate", "--set takes KEY=VALUE"),
    ],
)
def test_a_wrong_assignment_changes_nothing(
    run: Run, tmp_path: Path, assignment: str, said: str
) -> None:
    target = tmp_path / "adhash.toml"
    target.write_text("[replay]\nrate = 1.0\n", "utf-8")
    outcome = run("config", "edit", "--set", "replay.verify=true", "--set", assignment)
    assert outcome.code == 2
    assert said in outcome.envelope["detail"]
    assert target.read_text("utf-8") == "[replay]\nrate = 1.0\n"


def test_set_refuses_a_file_that_is_wrong_elsewhere(run: Run, tmp_path: Path) -> None:
    (tmp_path / "adhash.toml").write_text("[replay]\nspeed = 1\n", "utf-8")
    outcome = run("config", "edit", "--set", "replay.rate=2")
    assert outcome.code == 2
    assert "replay.speed" in outcome.envelope["detail"]


# --- presets


def test_presets_are_listed_and_shown(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("# What I like.\n[replay]\nrate = 1\n", "utf-8")
    environ = {"ADHASH_PRESETS_DIR": str(tmp_path)}
    for args in (["config", "presets"], ["config", "presets", "list"]):
        out = run(*args, **environ).out
        assert "low-latency" in out
        assert "What I like." in out
        names = [preset["name"] for preset in run(*args, "--json", **environ).answer["presets"]]
        assert names == sorted(names)
        assert "mine" in names
    assert run("config", "presets", "show", "mine", **environ).out.endswith("rate = 1\n")
    answer = run("config", "presets", "show", "mine", "--json", **environ).answer
    assert answer["settings"] == {"replay": {"rate": 1}}


def test_an_unknown_preset_is_bad_input(run: Run) -> None:
    outcome = run("config", "presets", "show", "nothing")
    assert outcome.code == 2
    assert "default" in outcome.envelope["detail"]
