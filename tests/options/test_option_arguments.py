"""Options become words, and the command made from the same model reads the same options back."""

from __future__ import annotations

from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from adhash.cli.app import build_app
from adhash.cli.model_command import register_model_command
from adhash.errors import BadInputError
from adhash.options.arguments import as_arguments
from adhash.options.base import CommandOptions, read_options
from adhash.options.commands import SUITE_COMMANDS
from adhash.options.probe_visualize import ProbeVisualizeOptions
from adhash.options.run_csv import RunCsvOptions

TRACE: dict[str, Any] = {
    "csv": "-a trace, with spaces.csv",
    "key_type": "uint64",
    "value_type": "bytes",
    "format": "arc",
    "fill": "preload",
    "value_cap": "1KiB",
    "csv_max_rows": 10,
    "csv_max_bytes": "2GiB",
}
# Every field of every model but those that exclude each other, which follow in EXCLUDED.
GIVEN: dict[str, dict[str, Any]] = {
    "run-csv": TRACE
    | {
        "dry_run": True,
        "snapshot_in": "in.arrow",
        "snapshot_out": "--out.arrow",
        "json_summary_out": "s.json",
        "metrics_out_dir": "ticks",
        "config": "c.toml",
        "preset": "ci",
        "mode": ["swiss", "std"],
        "rate": 1e-3,
        "verify": False,
        "seed": 2**64 - 1,
        "latency_sample_every": 7,
        "latency_buckets": [0.1, 1, 2.5],
        "compact_interval": 0.5,
        "compress": "lz4",
        "metrics_max_ticks": 5,
        "metrics_host": "::1",
        "metrics_port": "auto",
    },
    "profile": TRACE
    | {
        "mode": "swiss,adaptive",
        "method": "forecast",
        "budget": 0.5,
        "calibration": "own.json",
        "sample_rows": 2_000,
        "pieces": 3,
        "rounds": 4,
        "seed": 5,
        "json_out": "p.json",
        "config": "c.toml",
        "preset": "ci",
    },
    "calibrate": {
        "force": True,
        "show": True,
        "rounds": 2,
        "largest": 5000,
        "cache_dir": "caches",
        "json_out": "c.json",
    },
    "probe-visualize": {
        "format": "twitter",
        "fill": "none",
        "value_cap": 9,
        "key": "--help",
        "operation": "put",
        "mode": "swiss",
        "seed": ["a=1,2", "-b==", 'c="'],
        "rows": 5,
        "key_type": "str",
        "hash_seed": 9,
        "export_json": "e.json",
        "svg_out": "e.svg",
    },
    "inspect-snapshot": {
        "snapshot": "-s.arrow",
        "key": "-k",
        "limit": 3,
        "load": False,
        "mode": "std",
        "json_out": "i.json",
    },
    "compact-snapshot": {
        "snapshot": "-s.arrow",
        "out": "d.arrow",
        "compress": "lz4",
        "sort": False,
        "json_out": "c.json",
    },
    "diff-snapshot": {
        "a": "-a.arrow",
        "b": "b.arrow",
        "limit": 3,
        "memory": 1 << 20,
        "json_out": "d.json",
    },
    "verify-snapshot": {
        "snapshot": "-s.arrow",
        "repair": True,
        "out": "r.arrow",
        "json_out": "v.json",
    },
    "ab-compare": TRACE
    | {
        "a": {"mode": "swiss", "replay.verify": "true"},
        "b": {"mode": "std", "replay.rate": "5.5", "watchdog.enabled": "false"},
        "self_test": False,
        "self_test_pairs": 30,
        "replays": 3,
        "metric": ["p99_ns", "cpu_s"],
        "min_pairs": 3,
        "max_pairs": 4,
        "budget_s": 1.5,
        "confidence": 0.9,
        "min_effect": 0,
        "seed": 1,
        "fail_if_worse": True,
        "json_out": "ab.json",
        "config": "c.toml",
        "preset": "ci",
    },
    "generate-csv": {
        "out": "-o.csv",
        "like": "-t.csv",
        "like_rows": 99,
        "check_fit": False,
        "workload": "ycsb-d",
        "rows": 300,
        "keys": 200,
        "distribution": "hotspot",
        "exponent": 0.5,
        "hot_set": 0,
        "hot_ops": 1,
        "exp_percentile": 50,
        "exp_frac": 1e-3,
        "get": 1,
        "put": 2.5,
        "delete": 3,
        "insert": 4,
        "scan": 5,
        "rmw": 6,
        "replace": 7,
        "lifetime": "skewed",
        "ttl": 8,
        "ttl_spread": "uniform",
        "phase": ["5:get=1,put=2", "9:move=0.5"],
        "move_every": 10,
        "move_by": 0.5,
        "max_scan": 7,
        "preload": 0,
        "ycsb_compat": True,
        "key_type": "str",
        "key_bits": 20,
        "key_length": 9,
        "value_length": 8,
        "dense": True,
        "seed": 2**64 - 1,
        "adversarial": "swiss",
        "hash_seed": 3,
        "count": 5,
        "force": True,
    },
    "convert": {name: value for name, value in TRACE.items() if name != "csv"}
    | {
        "trace": "-a trace.csv",
        "out": "-new.arrow",
        "to": "arrow",
        "codec": "zstd",
        "force": True,
    },
    "workload-dna": TRACE
    | {"hot_keys": 0, "max_tracked_keys": 5_000, "max_key_bytes": 1 << 20, "json_out": "d.json"},
}
GIVEN["report"] = {
    "summary": ["-a.json", "b c.json"],
    "title": "--two",
    "html_report": "r.html",
    "report": "r.md",
}
EXCLUDED = {"sample", "snapshot", "csv"}


def read_back(model: type[CommandOptions], words: list[str]) -> CommandOptions:
    """Return what a command made from `model` reads from `words`."""
    found: list[CommandOptions] = []
    app = typer.Typer()
    register_model_command(app, "it", model, found.append)
    command = typer.main.get_command(app)
    with command.make_context("it", list(words)) as context:
        command.invoke(context)
    (options,) = found
    return options


def test_every_command_of_a_suite_has_an_example_of_every_option() -> None:
    assert GIVEN.keys() == SUITE_COMMANDS.keys()
    for command, model in SUITE_COMMANDS.items():
        assert set(model.model_fields) - set(GIVEN[command]) <= EXCLUDED, command


@pytest.mark.parametrize("command", GIVEN)
def test_the_words_of_options_are_read_as_the_same_options(command: str) -> None:
    options = read_options(SUITE_COMMANDS[command], GIVEN[command])
    words = as_arguments(options)
    assert len(words) >= len(GIVEN[command])
    again = read_back(SUITE_COMMANDS[command], words)
    assert again == options
    assert as_arguments(again) == words


@pytest.mark.parametrize(
    ("command", "values"),
    [
        ("run-csv", {"sample": "zipf"}),
        ("run-csv", {"sample": "zipf", "seed": "random", "metrics_port": "off", "verify": True}),
        ("probe-visualize", {"key": "7", "snapshot": "s.arrow", "seed": []}),
        ("probe-visualize", {"key": "7", "csv": "t.csv", "hash_seed": "random"}),
        ("ab-compare", {"sample": "zipf", "a": ["mode=std"], "b": "mode=swiss,replay.rate=1"}),
    ],
)
def test_options_left_out_and_words_for_none_are_kept(command: str, values: dict[str, Any]) -> None:
    options = read_options(SUITE_COMMANDS[command], values)
    assert read_back(SUITE_COMMANDS[command], as_arguments(options)) == options


def test_a_word_that_stands_for_none_is_said_and_not_left_to_a_default() -> None:
    options = read_options(RunCsvOptions, {"sample": "zipf", "seed": "random"})
    assert "--seed=random" in as_arguments(options)


def test_typed_settings_of_a_variant_are_spelled_as_settings_are() -> None:
    values = {"sample": "zipf", "a": {"replay.verify": True}, "b": {"replay.rate": 2.5}}
    words = as_arguments(read_options(SUITE_COMMANDS["ab-compare"], values))
    assert {"--a=replay.verify=true", "--b=replay.rate=2.5"} <= set(words)


def test_a_nul_character_is_refused_because_no_process_can_be_given_one() -> None:
    options = read_options(ProbeVisualizeOptions, {"key": "a\0b"})
    with pytest.raises(BadInputError, match="NUL"):
        as_arguments(options)


PRINTABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(key=PRINTABLE, snapshot=PRINTABLE)
def test_any_text_arrives_as_it_is_and_never_becomes_an_option(key: str, snapshot: str) -> None:
    options = read_options(ProbeVisualizeOptions, {"key": key, "snapshot": snapshot})
    assert read_back(ProbeVisualizeOptions, as_arguments(options)) == options


def test_the_words_are_options_of_the_real_commands() -> None:
    commands: dict[str, Any] = typer.main.get_command(build_app()).commands  # type: ignore[attr-defined]
    built = SUITE_COMMANDS.keys() & commands.keys()
    assert "run-csv" in built
    for name in built:
        words = as_arguments(read_options(SUITE_COMMANDS[name], GIVEN[name]))
        known = {
            flag for each in commands[name].params for flag in (*each.opts, *each.secondary_opts)
        }
        named = {word.partition("=")[0] for word in words if word.startswith("--")} - {"--"}
        assert named <= known


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "--key is missing"),
        ({"key": ""}, "--key must have at least 1 character; got ''"),
        ({"key": "1", "rows": -1}, "--rows must be greater than or equal to 0; got -1"),
        ({"key": "1", "hash_seed": 1 << 64}, "less than or equal to 18446744073709551615; got"),
        ({"key": "1", "seed": ["2"]}, "--seed: an entry is written KEY=VALUE; got '2'"),
    ],
)
def test_a_wrong_value_is_told_in_a_sentence(given: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInputError) as caught:
        read_options(ProbeVisualizeOptions, given, spelled_as_flags=True)
    assert words in caught.value.detail
