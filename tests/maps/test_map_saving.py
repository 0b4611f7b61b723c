"""Maps survive the way to disk and back."""

from __future__ import annotations

import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from map_samples import ENGINES, EXTREMES, KEY_TYPES, VALUE_TYPES, exact_items, nth

from adhash.config_models import AdaptiveSettings
from adhash.errors import ConfigError, SnapshotError, StorageError
from adhash.maps import Map
from adhash.snapshots import SnapshotHeader, open_snapshot, write_snapshot


@pytest.mark.parametrize(
    ("engine", "key_type", "value_type"), list(product(ENGINES, KEY_TYPES, VALUE_TYPES))
)
def test_every_engine_and_type_comes_back(
    tmp_path: Path, engine: str, key_type: str, value_type: str
) -> None:
    values = EXTREMES[value_type]
    entries = {nth(key_type, n): values[n % len(values)] for n in range(500)}
    entries |= dict.fromkeys(EXTREMES[key_type], values[0])
    found = Map(entries, engine=engine, key=key_type, value=value_type)
    found.save(tmp_path / "map.arrow")
    loaded = Map.load(tmp_path / "map.arrow")
    assert exact_items(loaded) == exact_items(entries)
    assert (loaded.engine, loaded.key_type, loaded.value_type, loaded.seed) == (
        engine,
        key_type,
        value_type,
        found.seed,
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_snapshot_loads_into_any_engine(tmp_path: Path, engine: str) -> None:
    Map({1: 2, 3: 4}, engine="std").save(tmp_path / "map.arrow")
    loaded = Map.load(tmp_path / "map.arrow", engine=engine)
    assert loaded.engine == engine
    assert loaded == {1: 2, 3: 4}


@pytest.mark.parametrize("compress", [None, "lz4", "zstd"])
def test_a_large_map_is_saved_in_many_batches(tmp_path: Path, compress: Any) -> None:
    keys = np.arange(200_000)
    found = Map()
    found.put_many(keys, -keys)
    found.save(tmp_path / "map.arrow", compress)
    with open_snapshot(tmp_path / "map.arrow") as snapshot:
        batches = list(snapshot.batches())
    assert len(batches) >= 4
    assert Map.load(tmp_path / "map.arrow") == found


def test_settings_come_back(tmp_path: Path) -> None:
    chosen = AdaptiveSettings(migration_step=3, layout_switching=False)
    Map({1: 1}, settings=chosen).save(tmp_path / "map.arrow")
    with open_snapshot(tmp_path / "map.arrow") as snapshot:
        assert snapshot.header.settings["migration_step"] == 3
        assert snapshot.header.settings["layout_switching"] is False
    Map.load(tmp_path / "map.arrow").save(tmp_path / "again.arrow")
    with open_snapshot(tmp_path / "again.arrow") as snapshot:
        assert AdaptiveSettings.model_validate(dict(snapshot.header.settings)) == chosen


def test_the_header_says_what_was_saved(tmp_path: Path) -> None:
    found = Map({1: 1}, engine="robinhood", seed=99)
    found.save(tmp_path / "map.arrow")
    with open_snapshot(tmp_path / "map.arrow") as snapshot:
        header = snapshot.header
    assert (header.engine, header.layout, header.size, header.seed) == (
        "robinhood",
        found.stats().layout,
        1,
        99,
    )


def test_other_programs_read_the_entries(tmp_path: Path) -> None:
    Map({"a": 1, "b": 2}, key="str").save(tmp_path / "map.arrow")
    with pa.ipc.open_file(tmp_path / "map.arrow") as reader:
        rows = reader.read_all().to_pylist()
    assert sorted((row["key"], row["value"]) for row in rows) == [("a", 1), ("b", 2)]


def test_an_unknown_engine_is_refused_by_name(tmp_path: Path) -> None:
    Map({1: 1}).save(tmp_path / "map.arrow")
    with pytest.raises(ConfigError, match="got 'hashbrown'"):
        Map.load(tmp_path / "map.arrow", engine="hashbrown")


def _header(**changes: Any) -> SnapshotHeader:
    fields = {
        "engine": "adaptive",
        "layout": "swiss",
        "key_type": "int64",
        "value_type": "int64",
        "size": 2,
        "seed": 0,
        "created_at": "2026-01-01T00:00:00Z",
    }
    return SnapshotHeader.model_validate(fields | changes)


def test_a_snapshot_with_a_key_twice_is_refused(tmp_path: Path) -> None:
    column = np.array([7, 7])
    write_snapshot(tmp_path / "map.arrow", _header(), [(column, column)])
    with pytest.raises(SnapshotError, match="2 rows but only 1 different keys"):
        Map.load(tmp_path / "map.arrow")


def test_a_snapshot_with_settings_of_another_version_is_refused(tmp_path: Path) -> None:
    column = np.array([7, 8])
    header = _header(settings={"telepathy": 1})
    write_snapshot(tmp_path / "map.arrow", header, [(column, column)])
    with pytest.raises(SnapshotError, match="telepathy"):
        Map.load(tmp_path / "map.arrow")


def test_a_damaged_snapshot_makes_no_map(tmp_path: Path) -> None:
    path = tmp_path / "map.arrow"
    Map({number: number for number in range(1000)}).save(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(SnapshotError, match="damaged"):
        Map.load(path)


def test_a_failed_save_keeps_the_old_snapshot_and_the_map(tmp_path: Path) -> None:
    found = Map({1: 1})
    found.save(tmp_path / "map.arrow")
    found[2] = 2
    with pytest.raises(SnapshotError, match="gzip"):
        found.save(tmp_path / "map.arrow", compress="gzip")  # type: ignore[arg-type]
    with pytest.raises(StorageError):
        found.save(tmp_path)
    assert Map.load(tmp_path / "map.arrow") == {1: 1}
    assert found == {1: 1, 2: 2}


def test_a_missing_snapshot_is_an_error_of_storage(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        Map.load(tmp_path / "missing.arrow")


_LIMITED_SAVE = """
import gc, inspect, resource, sys
from adhash.errors import StorageError
from adhash.maps import Map

stock = Map({each: each for each in range(200_000)}, engine="swiss")
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    stock.save(sys.argv[1])
except StorageError as error:
    kept = error  # with its traceback, as a handler of errors keeps it
reading = [each for each in gc.get_objects() if inspect.isgenerator(each) and each.gi_frame]
print(type(kept).__name__, [each.__name__ for each in reading])
"""


def test_a_save_that_failed_reads_the_map_no_longer(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED_SAVE, str(tmp_path / "map.arrow")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("StorageError []\n", "")
