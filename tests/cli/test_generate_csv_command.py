"""``adhash generate-csv``: options, errors and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adhash.analysis.generate_csv import generate_csv
from adhash.cancellation import CancelToken
from adhash.cli import main
from adhash.errors import InterruptedRunError
from adhash.progress import WorkProgress
from adhash.workloads import adversarial


def run(*args: str) -> int:
    return main(["generate-csv", *args])


def test_a_trace_is_written_and_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "t.csv"
    assert run("--out", str(out), "--rows", "1000", "--keys", "10") == 0
    assert "1,000 operations" in capsys.readouterr().out
    assert len(out.read_text().splitlines()) == 1001


def test_json_says_what_was_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "t.parquet"
    assert run("--out", str(out), "--rows", "10", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer.pop("elapsed_s") > 0
    assert answer.pop("rows_per_second") > 0
    assert answer == {
        "ok": True,
        "command": "generate-csv",
        "schema": "adhash.generate-csv.v1",
        "out": str(out),
        "rows": 10,
        "keys": 1_000_000,
        "seed": 1,
        "fit": None,
    }


def test_workloads_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--list") == 0
    assert "ycsb-e" in capsys.readouterr().out
    assert run("--list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)["workloads"]
    assert {each["name"] for each in listed} >= {"ycsb-a", "hotspot", "queue"}


def test_a_named_workload_loads_its_keys_first(tmp_path: Path) -> None:
    out = tmp_path / "t.csv"
    args = ["--keys", "100", "--rows", "300", "--key-type", "str", "--ycsb-compat"]
    assert run("-o", str(out), "--workload", "ycsb-b", *args) == 0
    rows = out.read_text().splitlines()[1:]
    assert rows[0].startswith("put,user6284781860667377211,")
    assert len({row.split(",")[1] for row in rows[:100]}) == 100


def test_a_trace_like_another_one_is_written_with_the_error_of_its_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace, out = tmp_path / "trace.csv", tmp_path / "like.csv"
    assert run("-o", str(trace), "--workload", "ycsb-b", "--keys", "500", "--rows", "9000") == 0
    capsys.readouterr()
    assert run("-o", str(out), "--like", str(trace)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{out}: 9,000 operations on a key space of 500 keys"
    assert any(line.split()[0] == "hit_share" for line in lines[2:] if line)
    assert lines[-1].startswith("compared over 9,000 rows: the fit is ")
    assert run("-o", str(out), "--like", str(trace), "--force", "--json") == 0
    fit = json.loads(capsys.readouterr().out)["fit"]
    assert fit["trace"] == str(trace)
    assert run("-o", "-", "--like", str(trace), "--rows", "5") == 0
    streams = capsys.readouterr()
    assert len(streams.out.splitlines()) == 6
    assert "hit_share" in streams.err


def test_a_bad_fit_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = tmp_path / "walk.csv"
    # Runs that begin and end anywhere: no keys are always together.
    starts = [(i * 7919) % 400 for i in range(300)]
    keys = [start + i for start in starts for i in range(1 + start % 37)]
    trace.write_text("op,key,value\n" + "".join(f"get,{key},\n" for key in keys))
    assert run("-o", str(tmp_path / "like.csv"), "--like", str(trace)) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert "the fit is poor in" in last
    assert "sequential_share" in last


def test_python_takes_the_same_options(tmp_path: Path) -> None:
    made = [tmp_path / "cli.csv", tmp_path / "python.csv"]
    assert run("-o", str(made[0]), "--rows", "500", "--get", "1", "--put", "1", "--del", "1") == 0
    result = generate_csv(made[1], rows=500, get=1, put=1, delete=1)
    assert result.rows == 500
    assert made[0].read_bytes() == made[1].read_bytes()


def test_a_run_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    token = CancelToken()
    seen: list[int] = []

    def watch(progress: WorkProgress) -> None:
        seen.append(progress.done)
        token.cancel()

    with pytest.raises(InterruptedRunError, match="interrupted"):
        generate_csv(tmp_path / "t.csv", rows=10**9, progress=watch, cancel=token)
    assert len(seen) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_dash_writes_csv_and_nothing_else_to_stdout(
    capfdbinary: pytest.CaptureFixture[bytes],
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
        (["--rows", "5"], 2),
        (["--out", "t.csv", "--workload", "tpc-c"], 2),
        (["--out", "t.csv", "--like", "missing.csv"], 5),
        (["--out", "t.csv", "--like", "."], 5),
        (["--out", "t.csv", "--like", "exists.csv"], 2),
        (["--out", "t.csv", "--like", "exists.csv", "--workload", "ycsb-a"], 2),
        (["--out", "t.csv", "--workload", "ycsb-a", "--rows", "5"], 2),
        (["--out", "t.csv", "--adversarial", "swiss", "--keys", "5"], 2),
        (["--out", "exists.csv"], 4),
        (["--out", "none/t.csv"], 5),
    ],
)
def test_an_error_has_an_envelope_and_a_code(
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
    pytest.importorskip("adhash._native")
    for count in (0, adversarial.MAX_COLLIDING_KEYS + 1):
        with pytest.raises(Exception, match="count must be in"):
            adversarial.colliding_key_space("swiss", hash_seed=1, count=count, key_type="int64")


def longest_probe(engine: str, key_type: str, seed: int, keys: list[object]) -> int:
    maps = pytest.importorskip("adhash.maps")
    table = maps.Map(engine=engine, key=key_type, value="int64", seed=seed)
    for value, key in enumerate(keys):
        table[key] = value
    longest: int = table.stats().max_group_len
    return longest


@pytest.mark.parametrize("key_type", ["int64", "uint64", "str"])
@pytest.mark.parametrize("engine", ["chaining", "robinhood", "swiss", "std"])
def test_adversarial_keys_collide_under_their_seed_and_only_there(
    tmp_path: Path, engine: str, key_type: str
) -> None:
    pytest.importorskip("adhash._native")
    out = tmp_path / "t.csv"
    args = ["--out", str(out), "--adversarial", engine, "--hash-seed", "42"]
    assert run(*args, "--count", "2000", "--key-type", key_type) == 0
    rows = [line.split(",") for line in out.read_text().splitlines()[1:]]
    assert len(rows) == 4000
    assert {op for op, _, _ in rows[:2000]} == {"put"}
    keys: list[object] = [key if key_type == "str" else int(key) for _, key, _ in rows[:2000]]
    assert len(set(keys)) == 2000
    aimed = longest_probe(engine, key_type, 42, keys)
    elsewhere = longest_probe(engine, key_type, 43, keys)
    assert aimed > 20 * elsewhere


@pytest.mark.parametrize("key_type", ["int64", "uint64", "str"])
def test_keys_aimed_at_the_adaptive_engine_are_answered_with_a_new_seed(
    tmp_path: Path, key_type: str
) -> None:
    pytest.importorskip("adhash._native")
    out = tmp_path / "t.csv"
    args = ["--adversarial", "adaptive", "--hash-seed", "42", "--count", "2000"]
    assert run("--out", str(out), *args, "--key-type", key_type) == 0
    lines = [line.split(",") for line in out.read_text().splitlines()[1:2001]]
    keys: list[object] = [key if key_type == "str" else int(key) for _, key, _ in lines]
    assert len(set(keys)) == 2000
    assert longest_probe("adaptive", key_type, 42, keys) < 20
