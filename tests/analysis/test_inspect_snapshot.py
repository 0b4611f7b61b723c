"""What is told of a snapshot is what is in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("adhash.maps", reason="the native module is not built", exc_type=ImportError)

from hypothesis import given, settings
from hypothesis import strategies as st

from adhash import Map
from adhash.analysis.inspect_snapshot import InspectSnapshotResult, inspect_snapshot
from adhash.cancellation import CancelToken
from adhash.errors import BadInputError, InterruptedRunError, SnapshotError
from adhash.maps import engines
from adhash.progress import WorkProgress
from adhash.snapshots.column_shape import ShapeCounter


def bins(found: list[Any]) -> dict[int, int]:
    return {each.at_most: each.count for each in found}


def saved(path: Path, entries: dict[Any, Any], **options: Any) -> Path:
    compress = options.pop("compress", None)
    Map(entries, **options).save(path, compress)
    return path


def test_header_and_layout_are_told_as_they_are(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.arrow", {1: 2, 3: 4}, engine="robinhood", seed=77)
    result = inspect_snapshot(path)
    header, stored = result.header, result.stored
    assert (header.engine, header.layout, header.size, header.seed) == (
        "robinhood",
        "robinhood",
        2,
        77,
    )
    assert (stored.bytes, stored.batches, stored.compression) == (path.stat().st_size, 1, "none")
    assert stored.rows_least == stored.rows_greatest == 2
    assert stored.unpacked_bytes == 32
    assert stored.column_bytes + stored.metadata_bytes == stored.bytes
    assert stored.salvage == "stripes"


@pytest.mark.parametrize("compress", ["lz4", "zstd"])
def test_what_compression_saves_is_told(tmp_path: Path, compress: str) -> None:
    entries = dict.fromkeys(range(5000), b"same" * 50)
    path = saved(tmp_path / "m.arrow", entries, value="bytes", compress=compress)
    stored = inspect_snapshot(path).stored
    assert (stored.compression, stored.salvage) == ("all", "batches")
    assert stored.column_bytes * 3 < stored.unpacked_bytes
    assert stored.unpacked_bytes >= 5_000 * (8 + 8 + 200)


def test_lengths_and_numbers_come_in_histograms(tmp_path: Path) -> None:
    entries = {"": -5, "a": 0, "bc": 1, "d" * 100: 2**40}
    result = inspect_snapshot(saved(tmp_path / "m.arrow", entries, key="str"))
    assert bins(result.keys.lengths) == {0: 1, 1: 1, 3: 1, 127: 1}
    assert (result.keys.shortest, result.keys.longest, result.keys.bytes) == (0, 100, 103)
    assert bins(result.values.magnitudes) == {0: 1, 1: 1, 7: 1, 2**41 - 1: 1}
    assert (result.values.least, result.values.greatest) == ("-5", str(2**40))
    assert result.values.density is None


def test_dense_keys_are_known_for_dense(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.arrow", dict.fromkeys(range(10, 30), 0))
    assert inspect_snapshot(path).keys.density == 1.0


@pytest.mark.parametrize("engine", engines())
def test_the_loaded_map_has_the_probes_of_its_engine(tmp_path: Path, engine: str) -> None:
    path = saved(tmp_path / "m.arrow", {n * 7919: n for n in range(5_000)}, engine="swiss")
    loaded = inspect_snapshot(path, mode=engine).loaded
    assert loaded is not None
    assert loaded.engine == engine
    assert sum(loaded.probe_hist) == 5_000
    assert loaded.longest_probe >= loaded.mean_probe >= 1
    assert inspect_snapshot(path, load=False).loaded is None


@pytest.mark.parametrize(
    ("key_type", "present", "absent"),
    [("int64", -3, "4"), ("uint64", 2**64 - 1, "0"), ("str", "ключ", "kl"), ("bytes", b"x", "y")],
)
def test_a_key_is_found_where_it_stands(
    tmp_path: Path, key_type: str, present: Any, absent: str
) -> None:
    path = saved(tmp_path / "m.arrow", {present: 1.5}, key=key_type, value="float64")
    typed = present.decode() if isinstance(present, bytes) else str(present)
    found = inspect_snapshot(path, key=typed).key
    assert found is not None
    assert (found.found, found.row, found.batch) == (True, 0, 0)
    assert found.value is not None
    assert found.value.text == "1.5"
    missing = inspect_snapshot(path, key=absent).key
    assert missing is not None
    assert (missing.found, missing.row, missing.value) == (False, None, None)


def test_a_key_deep_in_a_later_batch_is_found(tmp_path: Path) -> None:
    entries: Map[int, int] = Map(engine="swiss")
    entries.put_many(np.arange(150_000), np.arange(150_000) * 2)
    entries.save(tmp_path / "m.arrow")
    batches = set()
    # Entries lie in the order of the table: a few keys might all be in one batch.
    for key in range(5, 150_000, 5_000):
        found = inspect_snapshot(tmp_path / "m.arrow", key=str(key), limit=0, load=False).key
        assert found is not None
        assert found.value is not None
        assert found.value.text == str(key * 2)
        assert found.row is not None
        assert found.batch == found.row // 65_536
        batches.add(found.batch)
    assert len(batches) > 1


def test_long_and_unprintable_entries_are_cut_and_escaped(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.arrow", {b"\xff\n": b"x" * 10_000}, key="bytes", value="bytes")
    [entry] = inspect_snapshot(path).entries
    assert (entry.key.text, entry.key.bytes) == ("\\xff\n", 2)
    assert (len(entry.value.text), entry.value.bytes) == (203, 10_000)


@pytest.mark.parametrize("limit", [0, 3, 100])
def test_no_more_entries_are_listed_than_asked_for(tmp_path: Path, limit: int) -> None:
    path = saved(tmp_path / "m.arrow", {n: n for n in range(10)})
    shown = inspect_snapshot(path, limit=limit).entries
    assert [each.row for each in shown] == list(range(min(limit, 10)))
    assert all(each.key.text == each.value.text for each in shown)


def test_an_empty_snapshot_is_told_as_one(tmp_path: Path) -> None:
    result = inspect_snapshot(saved(tmp_path / "m.arrow", {}, key="str"), key="a")
    assert (result.header.size, result.entries) == (0, [])
    assert (result.keys.shortest, result.values.least) == (None, None)


def test_a_damaged_file_is_refused_with_a_way_out(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.arrow", {1: 2})
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(SnapshotError, match="damaged"):
        inspect_snapshot(path)


@pytest.mark.parametrize(("options", "told"), [({"key": "x"}, "int64"), ({"mode": "no"}, "no eng")])
def test_what_does_not_fit_is_refused(tmp_path: Path, options: dict[str, Any], told: str) -> None:
    path = saved(tmp_path / "m.arrow", {1: 2})
    with pytest.raises(BadInputError, match=told):
        inspect_snapshot(path, **options)


def test_the_result_is_written_and_cancelling_ends_it(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.arrow", {1: 2})
    out = tmp_path / "new" / "told.json"
    notes: list[str] = []
    result = inspect_snapshot(path, json_out=out, progress=lambda told: notes.append(told.note))
    assert InspectSnapshotResult.model_validate_json(out.read_text("utf-8")) == result
    assert json.loads(out.read_text("utf-8"))["schema"] == "adhash.inspect-snapshot.v1"
    assert notes == ["checking the checksum"] * 3 + ["reading the entries", "loading the entries"]
    for note in dict.fromkeys(notes[:-1]):
        token = CancelToken()

        def stop(told: WorkProgress, token: CancelToken = token, note: str = note) -> None:
            if told.note == note:
                token.cancel()

        with pytest.raises(InterruptedRunError):
            inspect_snapshot(path, progress=stop, cancel=token)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.binary(max_size=9), max_size=6), max_size=4))
def test_the_shape_of_text_agrees_with_what_python_counts(batches: list[list[bytes]]) -> None:
    counter = ShapeCounter("bytes")
    for rows in batches:
        ends = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        counter.add((ends, np.frombuffer(b"".join(rows), dtype=np.uint8)))
    every = [row for rows in batches for row in rows]
    shape = counter.result(distinct=False)
    assert (shape.bytes, shape.is_sorted) == (sum(map(len, every)), every == sorted(every))
    assert shape.shortest == min(map(len, every), default=None)
    assert sum(bins(shape.lengths).values()) == len(every)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["int64", "uint64"]),
    st.lists(st.lists(st.integers(0, 2**63 - 1), max_size=6), max_size=4),
    st.booleans(),
)
def test_the_shape_of_numbers_agrees_with_what_python_counts(
    kind: str, batches: list[list[int]], negative: bool
) -> None:
    sign = -1 if negative and kind == "int64" else 1
    counter = ShapeCounter(kind)
    for rows in batches:
        counter.add(np.array([sign * row for row in rows], dtype=kind))
    every = [sign * row for rows in batches for row in rows]
    shape = counter.result(distinct=False)
    expected: dict[int, int] = {}
    for number in every:
        bound = (1 << abs(number).bit_length()) - 1
        expected[bound] = expected.get(bound, 0) + 1
    assert bins(shape.magnitudes) == expected
    assert shape.is_sorted == (every == sorted(every))
    assert shape.least == (str(min(every)) if every else None)
