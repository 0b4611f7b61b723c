"""A compacted snapshot holds the same entries in fewer bytes, or nothing has changed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("adhash.maps", reason="the native module is not built", exc_type=ImportError)

from adhash import Map
from adhash.analysis import compact_snapshot as module
from adhash.analysis.compact_snapshot import compact_snapshot
from adhash.analysis.verify_snapshot import verify_snapshot
from adhash.cancellation import CancelToken
from adhash.errors import InterruptedRunError, SnapshotError
from adhash.progress import WorkProgress
from adhash.snapshots import SnapshotHeader, write_snapshot

SORTS = pytest.mark.parametrize("sort", [True, False])


def some_map(size: int = 100_000, **options: Any) -> Map[int, int]:
    made: Map[int, int] = Map(engine="swiss", seed=5, **options)
    made.put_many(np.arange(size) * 17, np.arange(size))
    return made


@SORTS
@pytest.mark.parametrize("compress", ["none", "lz4", "zstd"])
def test_the_entries_stay_and_the_bytes_before_and_after_are_told(
    tmp_path: Path, sort: bool, compress: Any
) -> None:
    whole = some_map()
    path, out = tmp_path / "m.arrow", tmp_path / "dense.arrow"
    whole.save(path)
    result = compact_snapshot(path, out=out, sort=sort, compress=compress)
    assert Map.load(out) == whole
    assert verify_snapshot(out).status == "intact"
    assert (result.bytes_before, result.bytes_after) == (path.stat().st_size, out.stat().st_size)
    assert (result.rows_before, result.rows_after, result.duplicates_dropped) == (100_000,) * 2 + (
        0,
    )
    keys = pa.ipc.open_file(out).read_all().column(0).to_numpy()
    assert bool((np.diff(keys) > 0).all()) is sort
    if compress != "none" and sort:
        assert result.ratio < 0.8


@pytest.mark.parametrize(("key", "value"), [("str", "bytes"), ("bytes", "float64")])
def test_text_is_sorted_as_bytes(tmp_path: Path, key: str, value: str) -> None:
    texts = ["", "b", "a", "ключ", "a" * 70, "B"]
    keys = texts if key == "str" else [text.encode() for text in texts]
    values: list[Any] = [float("nan"), -0.0, 1.0, 2.0, 3.0, 4.0]
    if value == "bytes":
        values = [b"\xff" * n for n in range(6)]
    whole = Map(dict(zip(keys, values, strict=True)), key=key, value=value)
    path = tmp_path / "m.arrow"
    whole.save(path)
    compact_snapshot(path, out=path)
    table = pa.ipc.open_file(path).read_all()
    found = table.column(0).to_pylist()
    assert [f.encode() if isinstance(f, str) else f for f in found] == sorted(
        text.encode() for text in texts
    )
    assert repr(dict(Map.load(path))) == repr({k: whole[k] for k in Map.load(path)})


def twice(path: Path) -> Path:
    header = SnapshotHeader.model_validate(
        {
            "engine": "adaptive",
            "layout": "std",
            "key_type": "int64",
            "value_type": "int64",
            "size": 5,
            "seed": 1,
            "settings": {"hysteresis": -1.0},
            "created_at": "2026-01-02T03:04:05Z",
        }
    )
    columns = (np.array([4, 5, 4, 6, 5]), np.array([1, 2, 3, 4, 5]))
    write_snapshot(path, header, [columns])
    return path


@SORTS
def test_of_rows_with_one_key_the_first_is_kept(tmp_path: Path, sort: bool) -> None:
    path = twice(tmp_path / "m.arrow")
    result = compact_snapshot(path, out=tmp_path / "out.arrow", sort=sort)
    assert (result.rows_before, result.rows_after, result.duplicates_dropped) == (5, 3, 2)
    assert dict(Map.load(tmp_path / "out.arrow")) == {4: 1, 5: 2, 6: 4}
    assert [each.partition(":")[0] for each in result.replaced] == ["settings", "layout"]


@SORTS
@pytest.mark.parametrize("size", [0, 1])
def test_the_smallest_snapshots_are_compacted(tmp_path: Path, sort: bool, size: int) -> None:
    path = tmp_path / "m.arrow"
    Map({n: n for n in range(size)}).save(path)
    assert compact_snapshot(path, out=path, sort=sort).rows_after == size
    assert len(Map.load(path)) == size


def test_to_compact_again_changes_nothing_but_the_time(tmp_path: Path) -> None:
    path = tmp_path / "m.arrow"
    some_map(1_000).save(path)
    compact_snapshot(path, out=path)
    before = path.read_bytes()
    compact_snapshot(path, out=path)
    assert path.read_bytes() == before


def test_a_damaged_snapshot_is_refused_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "m.arrow"
    some_map(100).save(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(SnapshotError, match="damaged"):
        compact_snapshot(path, out=path)
    assert path.read_bytes() == content


def test_what_cannot_be_sorted_in_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.arrow"
    some_map(1_000).save(path)
    monkeypatch.setattr(module, "free_memory_bytes", lambda: 10_000)
    with pytest.raises(SnapshotError, match=r"to sort .* takes 48,000 bytes"):
        compact_snapshot(path, out=path)
    assert compact_snapshot(path, out=path, sort=False).rows_after == 1_000


@SORTS
def test_cancelling_at_any_point_leaves_the_old_file(tmp_path: Path, sort: bool) -> None:
    path = tmp_path / "m.arrow"
    some_map(2_000).save(path)
    before = path.read_bytes()
    notes: list[str] = []
    compact_snapshot(
        path,
        out=tmp_path / "out.arrow",
        sort=sort,
        progress=lambda told: notes.append(told.note),
    )
    (tmp_path / "out.arrow").unlink()
    last = notes[-1]
    for note in dict.fromkeys(notes):
        token = CancelToken()

        def stop(told: WorkProgress, token: CancelToken = token, note: str = note) -> None:
            if told.note == note:
                token.cancel()

        if note != last:
            with pytest.raises(InterruptedRunError):
                compact_snapshot(path, out=path, sort=sort, progress=stop, cancel=token)
            assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


_KILLED = """
import sys
from adhash.analysis.compact_snapshot import compact_snapshot
compact_snapshot(sys.argv[1], out=sys.argv[1], progress=lambda told: print(told.note, flush=True))
"""


@pytest.mark.parametrize("stop_at", ["writing the entries", "putting the rows into a map"])
def test_sigkill_leaves_the_old_file_or_the_new_one(tmp_path: Path, stop_at: str) -> None:
    path = tmp_path / "m.arrow"
    whole = some_map(2_000)
    whole.save(path)
    child = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert any(line.strip() == stop_at for line in child.stdout)
    child.kill()
    child.wait()
    child.stdout.close()
    assert verify_snapshot(path).status == "intact"
    assert Map.load(path) == whole
