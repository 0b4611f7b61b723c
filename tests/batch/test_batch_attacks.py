"""Nothing that a stranger writes into a suite reaches beyond its roots, in any command of jobs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from batch_samples import batch_options, job, suite, write_suite

from adhash.batch.plan import make_plan
from adhash.batch.supervisor import adhash_words
from adhash.errors import AdhashError, BadInputError, PolicyError
from adhash.options.base import files_read, files_written, read_options
from adhash.options.batch import BatchOptions
from adhash.options.commands import SUITE_COMMANDS

# What each command must be given beside the option that is attacked.
NEEDED: dict[str, dict[str, Any]] = {
    "probe-visualize": {"key": "a"},
    "verify-snapshot": {"snapshot": "trace.csv"},
    "generate-csv": {"out": "made.csv"},
    "convert": {"trace": "trace.csv", "out": "made.csv"},
    "report": {"summary": ["trace.csv"]},
    "ab-compare": {"a": {"mode": "std"}, "b": {"mode": "swiss"}},
}
READ = [(name, each) for name, model in SUITE_COMMANDS.items() for each in files_read(model)]
WRITTEN = [(name, each) for name, model in SUITE_COMMANDS.items() for each in files_written(model)]
OUTSIDE = ("../secret.csv", "/etc/passwd", "link.csv", "folder/secret.csv", "a/../../secret.csv")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return an allowed folder with links that lead out of it, and a suite's trace."""
    (tmp_path / "secret.csv").write_text("op,key,value\n", "utf-8")
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    (folder / "folder").symlink_to(tmp_path)
    return folder


def attack(root: Path, *jobs: dict[str, Any]) -> AdhashError:
    """Return what refuses a confined suite; fail where nothing does."""
    options = batch_options(write_suite(root, suite(*jobs)), out_dir=str(root.parent / "run"))
    with pytest.raises((PolicyError, BadInputError)) as caught:
        make_plan(options, roots=[root])
    return caught.value


def with_option(command: str, option: str, value: object) -> dict[str, Any]:
    own = {**NEEDED.get(command, {}), option: value}
    fields = SUITE_COMMANDS[command].model_fields
    if {"csv", "sample"} <= fields.keys() and option != "csv":
        own["sample"] = "zipf"
    return {"name": "one", "command": command, **own}


@pytest.mark.parametrize("named", OUTSIDE)
@pytest.mark.parametrize(("command", "option"), READ)
def test_no_command_reads_outside_of_the_roots(
    root: Path, command: str, option: str, named: str
) -> None:
    assert isinstance(attack(root, with_option(command, option, named)), PolicyError)


@pytest.mark.parametrize("named", OUTSIDE)
def test_no_file_of_a_list_is_outside_of_the_roots(root: Path, named: str) -> None:
    many = with_option("report", "summary", ["trace.csv", named])
    assert isinstance(attack(root, many), PolicyError)
    varied = {"name": "m", "command": "report", "matrix": {"summary": [["trace.csv"], [named]]}}
    assert isinstance(attack(root, varied), PolicyError)


@pytest.mark.parametrize("named", ["../x", "/tmp/x", "a/../../x", "."])  # noqa: S108
@pytest.mark.parametrize(("command", "option"), WRITTEN)
def test_no_command_writes_outside_of_the_folder_of_the_run(
    root: Path, command: str, option: str, named: str
) -> None:
    assert isinstance(attack(root, with_option(command, option, named)), PolicyError)


@pytest.mark.parametrize("command", ["batch", "serve", "config", "record", "sh", "run-csv ;", ""])
def test_only_commands_of_the_list_are_run(root: Path, command: str) -> None:
    assert "command" in attack(root, job(command=command)).detail


@pytest.mark.parametrize("option", ["then", "server", "env", "shell", "python", "plugin", "cwd"])
def test_there_is_no_option_that_names_a_program_or_a_server(root: Path, option: str) -> None:
    for command in SUITE_COMMANDS:
        assert "is not an option" in attack(root, with_option(command, option, "x")).detail


@pytest.mark.parametrize("preset", ["../../etc/passwd", "/etc/passwd", "ci/../ci"])
def test_a_preset_is_a_name_and_no_path(
    root: Path, preset: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from adhash.batch import run_batch

    path = write_suite(root, suite(job(preset=preset)))
    result = run_batch(batch_options(path, out_dir=str(tmp_path / "run")), roots=[root])
    assert result.jobs[0].error is not None
    assert "preset" in result.jobs[0].error.detail
    assert "root:" not in capfd.readouterr().out


def test_a_suite_cannot_make_the_settings_of_its_own_jobs(root: Path) -> None:
    make = {"name": "make", "command": "generate-csv", "out": "c.toml"}
    use = job("use", needs=["make"], config="c.toml")
    assert "settings for its own jobs" in attack(root, make, use).detail


def test_a_suite_in_a_suite_is_refused(root: Path) -> None:
    inner = {"name": "x", "jobs": [{"name": "y", "command": "run-csv", "csv": "/etc/passwd"}]}
    assert "command" in attack(root, job(command="batch", spec=inner)).detail


@pytest.mark.parametrize("value", ["--json-summary-out=/tmp/x", "-", "--config=/etc/passwd"])
def test_a_value_never_becomes_an_option(root: Path, value: str) -> None:
    table = suite({"name": "one", "command": "probe-visualize", "key": value})
    (planned,) = make_plan(
        batch_options(write_suite(root, table), out_dir=str(root.parent / "run")), roots=[root]
    ).jobs
    assert planned.arguments == (f"--key={value}",)
    words = adhash_words(planned)
    assert words[:5] == [sys.executable, "-P", "-m", "adhash", "probe-visualize"]


def test_a_link_that_is_made_after_the_check_is_not_followed_by_name(root: Path) -> None:
    (root / "later.csv").write_text("op,key,value\n", "utf-8")
    (root / "via.csv").symlink_to("later.csv")
    options = batch_options(
        write_suite(root, suite(job(csv="via.csv"))), out_dir=str(root.parent / "run")
    )
    (planned,) = make_plan(options, roots=[root]).jobs
    (root / "via.csv").unlink()
    (root / "via.csv").symlink_to("/etc/passwd")
    assert planned.arguments == (f"--csv={os.path.realpath(root / 'later.csv')}",)


def test_options_for_files_are_marked_wherever_their_names_tell_of_a_file() -> None:
    for command, model in SUITE_COMMANDS.items():
        marked = {*files_read(model), *files_written(model)}
        telling = {
            name
            for name in model.model_fields
            if name.endswith(("_out", "_dir", "_in", "_file", "_path", "_report", "_json"))
            or name in ("csv", "config", "out", "trace", "snapshot", "summary", "report")
        }
        assert telling <= marked, command


def test_a_table_in_place_is_held_to_the_same(root: Path) -> None:
    table = suite(with_option("report", "summary", ["/etc/passwd"]))
    options = read_options(BatchOptions, {"spec": table, "out_dir": str(root.parent / "run")})
    with pytest.raises(PolicyError):
        make_plan(options, roots=[root])
