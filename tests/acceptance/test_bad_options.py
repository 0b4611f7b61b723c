"""Options and settings that are wrong are named, with the value and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from command_line import adhash, refused

TRACE = b"op,key,value\nput,1,10\nget,1,\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a small trace in it."""
    (tmp_path / "t.csv").write_bytes(TRACE)
    return tmp_path


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--mode", "btree"), ("unknown mode 'btree'", "swiss")),
        (("--mode", "swiss,,std"), ("replay.mode", "all")),
        (("--rate", "-1"), ("replay.rate", "0 to 1000000000", '"-1"')),
        (("--rate", "nan"), ("replay.rate", '"nan"')),
        (("--key-type", "float"), ("replay.key_type", "uint64", '"float"')),
        (("--value-type", "json"), ("replay.value_type", "bytes", '"json"')),
        (("--seed", "-1"), ("replay.seed", "random", '"-1"')),
        (("--csv-max-rows", "many"), ("replay.csv_max_rows", '"many"')),
        (("--csv-max-bytes", "12XB"), ("replay.csv_max_bytes", '"12XB"')),
        (("--compact-interval", "-5"), ("replay.compact_interval_s", '"-5"')),
        (("--compress", "brotli"), ("replay.compress", "zstd", '"brotli"')),
        (("--latency-sample-every", "-1"), ("replay.latency_sample_every", '"-1"')),
        (("--latency-buckets", "5,1"), ("replay.latency_buckets_ms", "ascending", '"5,1"')),
        (("--metrics-port", "70000"), ("metrics.port", "auto", '"70000"')),
        (("--metrics-max-ticks", "x"), ("metrics.max_ticks", '"x"')),
        (("--metrics-out-dir", ""), ("metrics.out_dir", '""')),
        (("--preset", "nosuch"), ("no preset 'nosuch'", "low-latency")),
        (("--frob",), ("--frob", "--help")),
        (("extra",), ("extra", "--help")),
    ],
    ids=lambda each: "=".join(each)[:30],
)
def test_wrong_option_is_named_with_what_is_allowed(
    folder: Path, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    refused(
        folder,
        *("run-csv", "--csv", "t.csv", "--snapshot-out", "new/map.arrow", *options),
        code=2,
        error="BadInput",
        words=words,
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), ("--csv", "--sample")),
        (("--csv", "t.csv", "--sample", "zipf"), ("exactly one of",)),
        (("--sample", "nosuch"), ("nosuch", "identifiers")),
        (("--csv", "-", "--mode", "all"), ("read once", "one --mode")),
        (("--csv", "t.csv", "--mode", "all", "--snapshot-out", "m"), ("--snapshot-out",)),
        (("--csv", "t.csv", "--snapshot-out", "./t.csv"), ("same file",)),
        (("--csv", "t.csv", "--json-summary-out", "t.csv"), ("same file",)),
        (("--csv", "t.csv", "--json-summary-out", "x", "--snapshot-out", "x"), ("same file",)),
        (
            ("--csv", "t.csv", "--metrics-out-dir", ".", "--json-summary-out", "metrics.ndjson"),
            ("same file", "--metrics-out-dir"),
        ),
    ],
    ids=lambda each: " ".join(each)[:40],
)
def test_options_that_contradict_each_other_are_refused(
    folder: Path, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    refused(folder, "run-csv", *options, code=2, error="BadInput", words=words)


def test_snapshot_of_other_types_is_refused(folder: Path) -> None:
    (folder / "words.csv").write_bytes(b"op,key,value\nput,tea,10\n")
    saved = adhash("run-csv", "--csv", "t.csv", "--snapshot-out", "map.arrow", cwd=folder)
    assert saved.code == 0
    for options, words in (
        (("--csv", "t.csv", "--key-type", "str"), ("keys are int64, not str", "--key-type")),
        (("--csv", "t.csv", "--value-type", "bytes"), ("int64, not bytes", "--value-type")),
        (("--csv", "words.csv"), ("words.csv: line 2, column 5", "tea", "int64 keys")),
        (("--csv", "t.csv", "--json-summary-out", "map.arrow"), ("same file", "--snapshot-in")),
    ):
        refused(
            *(folder, "run-csv", "--snapshot-in", "map.arrow", *options),
            code=2,
            error="BadInput",
            words=words,
        )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("[replay]\nspeed = 3\n", ("replay.speed is not a setting", "did you mean")),
        ("[replays]\nrate = 3\n", ("replays.rate", "did you mean replay.rate?")),
        ("rate = 3\n", ("rate is not a setting", "replay.rate")),
        ("[watchdog]\nload_factor = 7\n", ("watchdog.load_factor", "at most 1", "got 7")),
        ('[replay]\nrate = "fast"\nverify = 3\n', ("2 settings", '"fast"', "true or false")),
        ("[replay\nrate = 3\n", ("not valid TOML", "line 1, column 8")),
    ],
    ids=lambda each: each.split("\n")[0] if isinstance(each, str) else "",
)
def test_wrong_settings_file_is_refused(
    folder: Path, settings: str, words: tuple[str, ...]
) -> None:
    (folder / "own.toml").write_text(settings, encoding="utf-8")
    refused(
        *(folder, "run-csv", "--csv", "t.csv", "--config", "own.toml"),
        code=2,
        error="BadInput",
        words=("own.toml", *words),
    )


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"ADHASH_REPLAY__RATE": "fast"}, ("ADHASH_REPLAY__RATE", "replay.rate", '"fast"')),
        ({"ADHASH_REPLAY__RATE": ""}, ("ADHASH_REPLAY__RATE", '""')),
        ({"ADHASH_METRICS__PORT": ""}, ("ADHASH_METRICS__PORT", "off")),
        ({"ADHASH_REPLAY__SPEED": "1"}, ("ADHASH_REPLAY__SPEED", "not a setting")),
        ({"ADHASH_PRESETS_DIR": "absent"}, ("ADHASH_PRESETS_DIR", "absent")),
    ],
    ids=lambda each: str(each)[:30],
)
def test_wrong_environment_is_refused(
    folder: Path, environ: Mapping[str, str], words: tuple[str, ...]
) -> None:
    refused(
        *(folder, "run-csv", "--csv", "t.csv", "--preset", "ci"),
        code=2,
        error="BadInput",
        words=words,
        environ=environ,
    )
