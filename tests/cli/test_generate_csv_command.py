"""``adhash generate-csv``: options, errors and exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from adhash.cli import generate_csv, record
from adhash.cli.envelope import guarded
from adhash.workloads import adversarial

Run = Callable[..., int]


@pytest.fixture
def run() -> Run:
    """Return a function that runs the command and returns its exit code."""
    app = typer.Typer()
    generate_csv.register(app)
    record.register(app)
    command = typer.main.get_command(app)

    def call(*args: str) -> int:
        def invoke() -> None:
            with command.make_context("adhash", ["generate-csv", *args]) as context:
                command.invoke(context)

        return guarded(invoke, prog="adhash")

    return call


def test_a_trace_is_written_and_reported(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "t.csv"
    assert run("--out", str(out), "--rows", "1000", "--keys", "10") == 0
    assert "1,000 operations" in capsys.readouterr().out
    assert len(out.read_text().splitlines()) == 1001


def test_json_says_what_was_written(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "t.parquet"
    assert run("--out", str(out), "--rows", "10", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer == {
        "ok": True,
        "command": "generate-csv",
        "out": str(out),
        "rows": 10,
        "keys": 1_000_000,
    }


def test_a_dash_writes_csv_and_nothing_else_to_stdout(
    run: Run, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert run("--out", "-", "--rows", "3") == 0
    lines = capfdbinary.readouterr().out.splitlines()
    assert lines[0] == b"op,key,value"
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["--out", "t.csv", "--distribution", "pareto"], 2),
        (["--out", "t.txt"], 2),
        (["--out", "t.csv", "--rows", "0"], 2),
        (["--out", "-", "--json"], 2),
        (["--out", "t.csv", "--count", "5"], 2),
        (["--out", "t.csv", "--adversarial", "swiss", "--keys", "5"], 2),
        (["--out", "exists.csv"], 4),
        (["--out", "none/t.csv"], 5),
    ],
)
def test_an_error_has_an_envelope_and_a_code(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    args: list[str],
    code: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("exists.csv").write_text("precious")
    assert run(*args) == code
    assert set(json.loads(capsys.readouterr().err)) == {"error", "detail", "hint"}
    assert [path.name for path in tmp_path.iterdir()] == ["exists.csv"]


# ---- adversarial keys ----------------------------------------------------------------------------


def test_colliding_keys_are_limited_before_they_are_searched() -> None:
    pytest.importorskip("adhash.maps")
    for count in (0, adversarial.MAX_COLLIDING_KEYS + 1):
        with pytest.raises(Exception, match="count must be in"):
            adversarial.colliding_key_space("swiss", hash_seed=1, count=count, key_type="int64")


def longest_probe(engine: str, key: str, seed: int, keys: list[object]) -> int:
    maps = pytest.importorskip("adhash.maps")
    table = maps.Map(engine=engine, key=key, value="int64", seed=seed)
    for value, each in enumerate(keys):
        table[each] = value
    histogram: list[int] = table.stats()["probe_hist"]
    return max(length for length, count in enumerate(histogram, 1) if count)


@pytest.mark.parametrize("key_type", ["int64", "str"])
@pytest.mark.parametrize("engine", ["chaining", "robinhood", "swiss"])
def test_adversarial_keys_collide_under_their_seed_and_only_there(
    run: Run, tmp_path: Path, engine: str, key_type: str
) -> None:
    maps = pytest.importorskip("adhash.maps")
    if not hasattr(maps, "colliding_keys"):
        pytest.skip("this build has no colliding_keys")
    out = tmp_path / "t.csv"
    args = ["--out", str(out), "--adversarial", engine, "--hash-seed", "42"]
    assert run(*args, "--count", "2000", "--key-type", key_type, "--rows", "2000") == 0
    texts = [line.split(",")[1] for line in out.read_text().splitlines()[1:]]
    keys: list[object] = [int(text) if key_type == "int64" else text for text in texts]
    assert len(set(keys)) == 2000
    aimed = longest_probe(engine, key_type, 42, keys)
    elsewhere = longest_probe(engine, key_type, 43, keys)
    assert aimed > 8 * elsewhere
