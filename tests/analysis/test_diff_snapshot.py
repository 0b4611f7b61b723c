"""A comparison of two snapshots tells exactly the entries that they do not share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("adhash.maps", reason="the native module is not built", exc_type=ImportError)

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adhash import Map
from adhash.analysis.diff_snapshot import DiffSnapshotResult, diff_snapshot
from adhash.analysis.snapshot_differences import part_of
from adhash.cancellation import CancelToken
from adhash.errors import BadInputError, InterruptedRunError, SnapshotError
from adhash.progress import WorkProgress

TEXTS = st.text(max_size=5)
NUMBERS = st.integers(-5, 5)
FLOATS = st.sampled_from([0.0, -0.0, float("nan"), 1.5])


def saved(path: Path, entries: dict[Any, Any], **options: Any) -> Path:
    Map(entries, **options).save(path)
    return path


def listed(result: DiffSnapshotResult) -> set[tuple[str, str, str | None, str | None]]:
    return {
        (each.kind, each.key.text, each.a and each.a.text, each.b and each.b.text)
        for each in result.changes
    }


def test_added_removed_and_changed_entries_are_told_apart(tmp_path: Path) -> None:
    a = saved(tmp_path / "a.arrow", {1: 10, 2: 20, 3: 30})
    b = saved(tmp_path / "b.arrow", {2: 20, 3: 31, 4: 40})
    result = diff_snapshot(a, b)
    assert (result.added, result.removed, result.changed, result.unchanged) == (1, 1, 1, 1)
    assert listed(result) == {
        ("added", "4", None, "40"),
        ("removed", "1", "10", None),
        ("changed", "3", "30", "31"),
    }
    assert (result.status, result.is_complete) == ("different", True)


def test_a_snapshot_is_the_same_as_itself_in_any_engine_and_order(tmp_path: Path) -> None:
    entries = {f"k{n}": float(n) for n in range(2_000)}
    types = {"key": "str", "value": "float64"}
    a = saved(tmp_path / "a.arrow", entries, engine="swiss", seed=1, **types)
    b = saved(tmp_path / "b.arrow", dict(reversed(entries.items())), engine="std", seed=2, **types)
    result = diff_snapshot(a, b)
    assert (result.status, result.unchanged, result.changes) == ("same", 2_000, [])
    assert {(each.name, each.a, each.b) for each in result.header} == {
        ("engine", "swiss", "std"),
        ("layout", "swiss", "std"),
        ("seed", "1", "2"),
    }


def test_settings_are_compared_by_name(tmp_path: Path) -> None:
    from adhash.config_models import AdaptiveSettings

    entries = {1: 1}
    a = saved(tmp_path / "a.arrow", entries, seed=1, settings=AdaptiveSettings(migration_step=9))
    b = saved(tmp_path / "b.arrow", entries, seed=1, settings=AdaptiveSettings(migration_step=8))
    [change] = diff_snapshot(a, b).header
    assert (change.name, change.a, change.b) == ("settings.migration_step", "9", "8")


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data(), st.sampled_from([None, 1 << 20]))
def test_the_counts_are_those_of_two_dicts(
    tmp_path: Path, data: st.DataObject, memory: int | None
) -> None:
    kinds = data.draw(st.sampled_from([("str", "float64"), ("int64", "str"), ("bytes", "int64")]))
    items = {
        "str": TEXTS,
        "int64": NUMBERS,
        "float64": FLOATS,
        "bytes": st.binary(max_size=3),
    }
    maps = [data.draw(st.dictionaries(items[kinds[0]], items[kinds[1]], max_size=12)) for _ in "ab"]
    paths = [tmp_path / "a.arrow", tmp_path / "b.arrow"]
    for path, entries in zip(paths, maps, strict=True):
        saved(path, entries, key=kinds[0], value=kinds[1], engine="swiss")
    result = diff_snapshot(*paths, memory=memory)
    a, b = maps
    bits = [{k: v.hex() if isinstance(v, float) else v for k, v in m.items()} for m in maps]
    assert result.added == len(b.keys() - a.keys())
    assert result.removed == len(a.keys() - b.keys())
    assert result.changed == sum(bits[0][key] != bits[1][key] for key in a.keys() & b.keys())
    assert result.unchanged + result.changed == len(a.keys() & b.keys())
    assert len(result.changes) == result.added + result.removed + result.changed


@pytest.mark.parametrize("key", ["int64", "str"])
def test_what_does_not_fit_into_memory_is_compared_in_passes(tmp_path: Path, key: str) -> None:
    def item(number: int) -> Any:
        return number if key == "int64" else f"key {number}"

    size = 40_000
    one = {item(n): n for n in range(size)}
    other = {item(n): n + (n % 1000 == 7) for n in range(100, size + 50)}
    a = saved(tmp_path / "a.arrow", one, key=key)
    b = saved(tmp_path / "b.arrow", other, key=key)
    at_once = diff_snapshot(a, b, limit=200)
    in_passes = diff_snapshot(a, b, limit=200, memory="1MiB")
    assert (at_once.passes, in_passes.passes >= 4) == (1, True)
    assert (at_once.added, at_once.removed, at_once.changed) == (50, 100, 39)
    assert listed(in_passes) == listed(at_once)
    assert in_passes.unchanged == at_once.unchanged


@pytest.mark.parametrize("kind", ["numbers", "texts"])
def test_parts_are_alike_in_size_and_depend_on_the_key_alone(kind: str) -> None:
    size, parts = 60_000, 7
    keys: Any = np.arange(size, dtype=np.int64) << 8
    if kind == "texts":
        rows = [b"/a/path/like/others/%d" % n for n in range(size)]
        keys = (
            np.cumsum([0, *map(len, rows)], dtype=np.int64),
            np.frombuffer(b"".join(rows), dtype=np.uint8),
        )
    found = part_of(keys, parts)
    counts = np.bincount(found, minlength=parts)
    assert len(counts) == parts
    assert counts.min() > 0.9 * size / parts
    half = (
        (keys[0][100:] - keys[0][100], keys[1][keys[0][100] :]) if kind == "texts" else keys[100:]
    )
    assert (part_of(half, parts) == found[100:]).all()


def test_no_more_is_listed_of_each_kind_than_asked_for(tmp_path: Path) -> None:
    a = saved(tmp_path / "a.arrow", dict.fromkeys(range(100), 0))
    b = saved(tmp_path / "b.arrow", dict.fromkeys(range(50, 150), 1))
    result = diff_snapshot(a, b, limit=3)
    assert (result.added, result.removed, result.changed) == (50, 50, 50)
    assert (
        sorted(each.kind for each in result.changes)
        == ["added"] * 3 + ["changed"] * 3 + ["removed"] * 3
    )
    assert not result.is_complete
    assert diff_snapshot(a, b, limit=0).changes == []


def test_different_types_cannot_be_compared(tmp_path: Path) -> None:
    a = saved(tmp_path / "a.arrow", {1: 1})
    b = saved(tmp_path / "b.arrow", {"1": 1}, key="str")
    with pytest.raises(BadInputError, match="int64 to int64 and str to int64"):
        diff_snapshot(a, b)


def test_a_damaged_snapshot_is_refused(tmp_path: Path) -> None:
    a = saved(tmp_path / "a.arrow", {1: 1})
    (tmp_path / "b.arrow").write_bytes(a.read_bytes()[:-20])
    with pytest.raises(SnapshotError, match=r"b\.arrow"):
        diff_snapshot(a, tmp_path / "b.arrow")


def test_cancelling_ends_it_and_the_result_is_written(tmp_path: Path) -> None:
    a = saved(tmp_path / "a.arrow", {1: 1})
    out = tmp_path / "told" / "diff.json"
    result = diff_snapshot(a, a, json_out=out)
    assert DiffSnapshotResult.model_validate_json(out.read_text("utf-8")) == result
    for note in ("checking the checksum", "comparing the entries"):
        token = CancelToken()

        def stop(told: WorkProgress, token: CancelToken = token, note: str = note) -> None:
            if told.note == note:
                token.cancel()

        with pytest.raises(InterruptedRunError):
            diff_snapshot(a, a, progress=stop, cancel=token)
