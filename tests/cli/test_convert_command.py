"""``adhash convert`` and ``adhash formats``, as people type them; a plug-in as pip leaves one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PLUG_IN = """
import numpy as np
from adhash.workloads.formats.events import READ, Events
from adhash.workloads.formats.trace_format import TraceFormat

def read(content):
    for data in content.records(2):
        yield Events.of(READ, np.frombuffer(data, dtype="<u2").astype(np.int64), 100)

FORMAT = TraceFormat(
    name="netcache", summary="16-bit numbers", key_type="int64", read=read, suffixes=(".nc",)
)
"""


def adhash(
    *words: str, folder: Path, stdin: bytes = b"", path: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    environ = dict(os.environ) | ({"PYTHONPATH": str(path)} if path else {})
    command = [sys.executable, "-m", "adhash", *words]
    return subprocess.run(
        command, cwd=folder, input=stdin, env=environ, capture_output=True, check=False
    )


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    (tmp_path / "t.lis").write_bytes(b"5 2 0 0\n5 1 0 1\n")
    return tmp_path


def test_a_trace_is_converted_and_told_about(trace: Path) -> None:
    done = adhash("convert", "t.lis", "t.arrow", "--from", "arc", folder=trace)
    assert done.stdout.startswith(b"t.arrow: 5 operations (3 get, 2 put, 0 del) from arc")
    assert (done.returncode, done.stderr) == (0, b"")


def test_json_carries_the_whole_result(trace: Path) -> None:
    done = adhash("convert", "t.lis", "t.csv", "--fill", "none", "--json", folder=trace)
    told = json.loads(done.stdout)
    assert (told["ok"], told["command"], told["schema"]) == (True, "convert", "adhash.convert.v1")
    assert (told["trace_format"], told["out_format"], told["ops"]["total"]) == ("arc", "csv", 3)


def test_a_pipe_is_converted_into_a_pipe(trace: Path) -> None:
    done = adhash("convert", "-", "-", "--value-type", "int64", folder=trace, stdin=b"5 1 0 0\n")
    assert done.stdout == b"op,key,value\nget,5,\nput,5,512\n"


def test_every_command_takes_a_foreign_trace(trace: Path) -> None:
    for words in (
        ["run-csv", "--csv", "t.lis", "--mode", "swiss", "--format", "arc", "--fill", "preload"],
        ["run-csv", "--csv", "t.lis", "--dry-run"],
        ["workload-dna", "--csv", "t.lis", "--from", "arc", "--value-cap", "9"],
        ["profile", "--csv", "t.lis", "--rounds", "1", "--mode", "swiss,robinhood"],
        ["probe-visualize", "--key", "5", "--csv", "t.lis", "--format", "arc"],
    ):
        done = adhash(*words, "--json", folder=trace)
        assert done.returncode == 0, (words, done.stderr)
        assert json.loads(done.stdout)["ok"] is True


def test_a_comparison_passes_the_format_on_to_its_runs(trace: Path) -> None:
    (trace / "t.txt").write_bytes(b"a\nb\na\n")
    words = ["--csv", "t.txt", "--format", "lines", "--a", "mode=swiss", "--b", "mode=std"]
    done = adhash("ab-compare", *words, "--max-pairs", "3", "--json", folder=trace)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "error", "detail"),
    [
        (["t.lis", "t.arrow", "--from", "arx"], "BadInput", "no trace format is called 'arx'"),
        (["t.lis", "t.arrow", "--from", "A B"], "BadInput", "--format must match"),
        (["t.lis", "t.arrow", "--fill", "most"], "BadInput", "--fill must be 'through', 'preload'"),
        (["t.lis", "t.arrow", "--from", "twitter"], "BadInput", "line 1: it has 1 columns, not 7"),
        (["none.lis", "t.arrow"], "IO", "none.lis: no such file"),
        (["t.lis"], "BadInput", "OUT is missing"),
        ([], "BadInput", "TRACE is missing; OUT is missing"),
    ],
)
def test_errors_are_told_in_one_line(
    words: list[str], error: str, detail: str, trace: Path
) -> None:
    done = adhash("convert", *words, folder=trace)
    told = json.loads(done.stderr)
    assert told["error"] == error
    assert detail in told["detail"]
    assert done.returncode == {"BadInput": 2, "IO": 5}[error]


def install(folder: Path, target: str) -> None:
    """Leave what an installer leaves: a module, and metadata with its entry point."""
    (folder / "netcache_adhash.py").write_text(PLUG_IN, "utf-8")
    metadata = folder / "netcache_adhash-1.0.dist-info"
    metadata.mkdir(exist_ok=True)
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: netcache-adhash\nVersion: 1.0\n"
    )
    (metadata / "entry_points.txt").write_text(f"[adhash.trace_formats]\nnetcache = {target}\n")


def test_an_installed_plug_in_is_listed_recognised_and_read(trace: Path) -> None:
    site = trace / "site"
    site.mkdir()
    install(site, "netcache_adhash:FORMAT")
    (trace / "t.nc").write_bytes(b"\x05\x00\x06\x00")
    listed = json.loads(adhash("formats", "--json", folder=trace, path=site).stdout)["formats"]
    assert "netcache" in [each["format"] for each in listed]
    done = adhash("convert", "t.nc", "t.csv", "--json", folder=trace, path=site)
    assert json.loads(done.stdout)["trace_format"] == "netcache"
    assert b"get,6," in (trace / "t.csv").read_bytes()


def test_a_plug_in_that_does_not_load_is_named(trace: Path) -> None:
    site = trace / "site"
    site.mkdir()
    for target, words in (
        ("netcache_adhash:GONE", "cannot be loaded"),
        ("netcache_adhash:PLUG", "cannot be loaded"),
        ("os:getcwd", "brings a str, not a TraceFormat"),
    ):
        install(site, target)
        told = json.loads(adhash("formats", folder=trace, path=site).stderr)
        assert told["error"] == "BadInput"
        assert "netcache" in told["detail"]
        assert words in told["detail"]


@pytest.mark.parametrize("text", ["https://a.example/\n", "\n\nWell, Prince\n", "put,1,2\n"])
def test_a_text_that_no_format_recognises_is_told_of_formats(text: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text(text, "utf-8")
    told = json.loads(adhash("convert", "text", "t.csv", folder=tmp_path).stderr)
    assert told["error"] == "BadInput"
    assert "--format of the trace" in told["hint"]
    assert "adhash formats" in told["hint"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--fill", "none"], "adhash: --fill has no effect: t.csv holds operations already"),
        (
            ["--fill", "none", "--value-cap", "9"],
            "adhash: --fill and --value-cap have no effect: t.csv holds operations already",
        ),
        ([], ""),
    ],
)
def test_options_for_foreign_traces_are_told_to_have_no_effect_on_operations(
    trace: Path, words: list[str], told: str
) -> None:
    (trace / "t.csv").write_text("op,key,value\nput,1,2\n")
    for command in (
        ["convert", "t.csv", "t.parquet", "--force"],
        ["run-csv", "--csv", "t.csv", "--mode", "swiss,std"],
        ["run-csv", "--csv", "t.csv", "--dry-run"],
    ):
        done = adhash(*command, "--json", *words, folder=trace)
        assert (done.returncode, json.loads(done.stdout)["ok"]) == (0, True)
        assert done.stderr.decode().strip() == told


def test_options_for_foreign_traces_need_no_word_where_the_trace_is_one(trace: Path) -> None:
    for command in (["convert", "t.lis", "t.csv"], ["run-csv", "--csv", "t.lis"]):
        done = adhash(*command, "--fill", "none", "--value-cap", "9", folder=trace)
        assert (done.returncode, done.stderr) == (0, b"")
