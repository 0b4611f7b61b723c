"""Probe traces from every beginning, their files, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from adhash.analysis.probe_visualize import probe_visualize
from adhash.cancellation import CancelToken
from adhash.errors import BadInputError, InterruptedRunError, SnapshotError, StorageError
from adhash.maps import Map, engines
from adhash.options.base import read_options
from adhash.options.probe_visualize import ProbeVisualizeOptions


def root_of(picture: Path) -> ElementTree.Element:
    """Return the root of a picture that adhash drew."""
    return ElementTree.fromstring(picture.read_bytes())  # noqa: S314


@pytest.mark.parametrize("engine", engines())
@pytest.mark.parametrize("operation", ["get", "put"])
def test_every_engine_is_traced_in_an_empty_map(engine: str, operation: str) -> None:
    result = probe_visualize("x", mode=engine, operation=operation)
    assert (result.engine, result.size, result.found) == (engine, 0, False)
    assert result.lookup_steps == 1
    assert (result.landing is not None) == (operation == "put")


def test_modes_stand_for_engines() -> None:
    assert probe_visualize(1, mode="fast-insert").engine == "chaining"
    assert probe_visualize(1, mode="fast-lookup").engine == "robinhood"
    assert probe_visualize(1).engine == "adaptive"


@pytest.mark.parametrize(
    ("key", "seed", "key_type"),
    [
        ("1", ["2=3", "-4=5"], "int64"),
        ("1", [f"{2**64 - 1}=0"], "uint64"),
        ("1", ["-1=0", f"{2**64 - 1}=0"], "str"),
        ("1", ["01=0"], "str"),
        ("-0", [], "str"),
        ("a", ["2=3"], "str"),
        ("9" * 30, [], "str"),
    ],
)
def test_the_type_of_keys_is_the_narrowest_that_takes_them(
    key: str, seed: list[str], key_type: str
) -> None:
    assert probe_visualize(key, seed=seed).key_type == key_type


def test_entries_are_put_in_order_and_may_hold_equals_signs() -> None:
    result = probe_visualize("a", seed=["a=1", "b=x=y", "a=2", "c="])
    assert result.found
    assert result.size == 3


def test_a_snapshot_keeps_engine_seed_and_types(tmp_path: Path) -> None:
    path = tmp_path / "map.arrow"
    held = Map({f"k{i}": i for i in range(100)}, key="str", engine="chaining", seed=77)
    held.save(path)
    result = probe_visualize("k3", snapshot=str(path))
    assert (result.engine, result.hash_seed, result.found, result.size) == (
        "chaining",
        77,
        True,
        100,
    )
    assert probe_visualize("k3", snapshot=str(path), mode="swiss").engine == "swiss"
    with pytest.raises(BadInputError, match="the snapshot's keys are str, not int64"):
        probe_visualize("3", snapshot=str(path), key_type="int64")


def test_a_damaged_snapshot_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.arrow"
    Map({i: i for i in range(100)}).save(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(SnapshotError):
        probe_visualize("3", snapshot=str(path))
    path.write_bytes(b"")
    with pytest.raises(SnapshotError):
        probe_visualize("3", snapshot=str(path))


def test_a_trace_may_begin_the_map(tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("op,key,value\nput,1,1\nput,2,2\ndel,1,\n", "utf-8")
    assert probe_visualize("1", csv=str(trace), rows=2).found
    assert not probe_visualize("1", csv=str(trace), rows=3).found
    assert probe_visualize("1", csv=str(trace), rows=0).size == 0


def test_files_hold_what_the_result_holds(tmp_path: Path) -> None:
    exported, drawn = tmp_path / "probe.json", tmp_path / "probe.svg"
    result = probe_visualize(
        "a", seed=["a=1"], export_json=str(exported), svg_out=str(drawn), operation="put"
    )
    assert json.loads(exported.read_text("utf-8")) == result.to_dict()
    assert result.to_dict()["schema"] == "adhash.probe_visualize.v1"
    assert result.artifacts == {"json": str(exported), "svg": str(drawn)}
    assert root_of(drawn).tag == "{http://www.w3.org/2000/svg}svg"


def test_the_same_options_give_the_same_files(tmp_path: Path) -> None:
    pictures = []
    for name in ("a.svg", "b.svg"):
        probe_visualize("a", seed=["a=1", "b=2"], svg_out=str(tmp_path / name))
        pictures.append((tmp_path / name).read_bytes())
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize(
    "key", ["k" * 1_000_000, "\0\n\x1b[31m", "<&>\"'", "ключ \U0001f511", "\u202eabc"]
)
@pytest.mark.parametrize("key_type", ["str", "bytes"])
def test_any_key_can_be_shown_and_drawn(tmp_path: Path, key: str, key_type: str) -> None:
    files = {"svg_out": str(tmp_path / "x.svg"), "export_json": str(tmp_path / "x.json")}
    result = probe_visualize(key, key_type=key_type, **files)
    assert result.key_length == len(key)
    assert len(result.key) <= 10 * 120
    assert result.key.isprintable()
    assert root_of(tmp_path / "x.svg").get("width") == "960"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key": "a", "mode": "hopscotch"}, "unknown mode 'hopscotch'"),
        ({"key": "a", "mode": "all"}, "unknown mode 'all'"),
        ({"key": "a", "key_type": "int64"}, "the keys are int64, which 'a' is not"),
        ({"key": "-1", "key_type": "uint64"}, "the keys are uint64, which '-1' is not"),
        ({"key": "9" * 5_000, "key_type": "int64"}, "the keys are int64, which '999"),
        ({"key": "1", "seed": ["a=1"], "key_type": "int64"}, "the keys are int64, which 'a'"),
        ({"key": "1", "seed": ["novalue"]}, "seed: an entry is written KEY=VALUE; got 'novalue'"),
        ({"key": "1", "seed": ["=1"]}, "an entry is written KEY=VALUE"),
        ({"key": "1", "seed": ["a=1"], "csv": "t.csv"}, "begin with one of snapshot"),
        ({"key": ""}, "key"),
        ({"key": "\ud800"}, "key"),
        ({"key": "1", "rows": -1}, "rows"),
        ({"key": "1", "operation": "del"}, "operation"),
        ({"key": "1", "svg_out": "x", "export_json": "x"}, "--export-json and --svg-out are the"),
        ({"key": "1", "frob": 1}, "frob is not an option"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError) as refused:
        probe_visualize(**options)
    assert message in refused.value.detail
    assert len(refused.value.detail) < 500


def test_what_is_read_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "map.arrow"
    Map({1: 1}).save(path)
    before = path.read_bytes()
    with pytest.raises(BadInputError, match="--snapshot and --svg-out are the same file"):
        probe_visualize("1", snapshot=str(path), svg_out=str(path))
    assert path.read_bytes() == before


def test_missing_files_and_folders_are_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="none"):
        probe_visualize("1", snapshot=str(tmp_path / "none.arrow"))
    with pytest.raises(StorageError, match="none"):
        probe_visualize("1", csv=str(tmp_path / "none.csv"))
    with pytest.raises(StorageError, match="cannot write"):
        probe_visualize("1", svg_out=str(tmp_path / "none" / "probe.svg"))


def test_a_cancelled_run_writes_nothing(tmp_path: Path) -> None:
    from adhash.analysis.probe_visualize import run_probe_visualize

    token = CancelToken()
    token.cancel()
    drawn = tmp_path / "probe.svg"
    options = read_options(ProbeVisualizeOptions, {"key": "1", "svg_out": str(drawn)})
    with pytest.raises(InterruptedRunError):
        run_probe_visualize(options, cancel=token)
    assert not drawn.exists()
