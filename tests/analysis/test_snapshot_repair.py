"""A repair keeps every row that is as it was written, no other, and says what was lost."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("adhash.maps", reason="the native module is not built", exc_type=ImportError)

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adhash import Map
from adhash.analysis.snapshot_repair import RepairResult
from adhash.analysis.verify_snapshot import require_intact, verify_snapshot
from adhash.cancellation import CancelToken
from adhash.errors import AdhashError, BadInputError, InterruptedRunError, InvariantError
from adhash.progress import WorkProgress
from adhash.snapshots import SnapshotHeader, write_snapshot
from adhash.snapshots.digest import MARKER, PLACEHOLDER
from adhash.snapshots.marks import rows_per_stripe

TYPES = [("int64", "bytes"), ("str", "float64"), ("bytes", "str"), ("uint64", "int64")]
# Set to "all" to try every bit of every type rather than one bit of every byte: some minutes.
EXHAUSTIVE = os.environ.get("ADHASH_TEST_EXHAUSTIVE") == "all"


def some_map(key: str, value: str, size: int = 5) -> Map[Any, Any]:
    def item(kind: str, number: int) -> Any:
        if kind == "float64":
            return number / 4
        if kind in ("int64", "uint64"):
            return number * 3
        text = f"{number:03d}" + "." * (number % 60)
        return text if kind == "str" else text.encode()

    made: Map[Any, Any] = Map(engine="swiss", key=key, value=value, seed=9)
    made.update({item(key, n): item(value, n + 1) for n in range(size)})
    return made


def repair(path: Path) -> tuple[RepairResult, dict[Any, Any]]:
    """Repair a file, and return what came of it; the result must be whole."""
    out = path.with_name("repaired.arrow")
    result = verify_snapshot(path, repair=True, out=out)
    assert result.repair is not None
    require_intact(verify_snapshot(out))
    kept = dict(Map.load(out))
    assert len(kept) == result.repair.rows_kept
    return result.repair, kept


def outcome(path: Path, true: dict[Any, Any]) -> int | None:
    """Return how many rows a repair kept, all of them true; None where it was refused."""
    try:
        result, kept = repair(path)
    except (InvariantError, BadInputError):
        return None
    assert kept.items() <= true.items()
    assert result.rows_kept + result.rows_lost == result.rows_expected == len(true)
    assert sum(each.rows or 0 for each in result.lost) == result.rows_lost
    return result.rows_kept


# --- every single damage -----------------------------------------------------------------------


@pytest.mark.parametrize("compress", [None, "zstd"])
@pytest.mark.parametrize(("key", "value"), TYPES if EXHAUSTIVE else TYPES[1:2])
def test_any_flipped_bit_is_repaired_without_an_untrue_row(
    tmp_path: Path, key: str, value: str, compress: Any
) -> None:
    whole = some_map(key, value)
    path = tmp_path / "map.arrow"
    whole.save(path, compress)
    content = path.read_bytes()
    chance = random.Random(3)
    kept = []
    for position in range(0, len(content), 1 if EXHAUSTIVE else 5):
        for bit in range(8) if EXHAUSTIVE else [chance.randrange(8)]:
            damaged = bytearray(content)
            damaged[position] ^= 1 << bit
            path.write_bytes(damaged)
            kept.append(outcome(path, dict(whole)))
    # The header stands there twice and the rows are checked by themselves: most flips cost nothing.
    assert kept.count(5) > len(kept) * (0.8 if compress is None else 0.7)
    if compress is None:
        assert 4 in kept  # each row is a stripe of its own here


@pytest.mark.parametrize("compress", [None, "lz4"])
def test_a_cut_anywhere_is_repaired_or_refused(tmp_path: Path, compress: Any) -> None:
    whole = some_map("bytes", "str")
    path = tmp_path / "map.arrow"
    whole.save(path, compress)
    content = path.read_bytes()
    kept = []
    for length in range(0, len(content), 1 if EXHAUSTIVE else 7):
        path.write_bytes(content[:length])
        kept.append(outcome(path, dict(whole)))
    assert {None, 5} <= set(kept)
    first_whole = kept.index(5)
    assert set(kept[first_whole:]) == {5}
    kept_of_the_end = []
    for start in range(0, len(content), len(content) if not EXHAUSTIVE else 1):
        path.write_bytes(content[start:])
        kept_of_the_end.append(outcome(path, dict(whole)))
    assert kept_of_the_end[0] == 5


# --- several batches -----------------------------------------------------------------------------


ROWS = 150_000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "map.arrow"
    header = SnapshotHeader.model_validate(
        {
            "engine": "robinhood",
            "layout": "robinhood",
            "key_type": "int64",
            "value_type": "int64",
            "size": ROWS,
            "seed": 1,
            "created_at": "2026-01-02T03:04:05Z",
        }
    )
    keys = np.arange(ROWS, dtype=np.int64)
    write_snapshot(path, header, [(keys, keys * 5)])
    return path


def damage(large: Path, tmp_path: Path, *marks: int) -> Path:
    """Return a copy whose rows with these keys have a wrong byte."""
    content = bytearray(large.read_bytes())
    for key in marks:
        at = content.index(np.array([key, key + 1, key + 2], dtype=np.int64).tobytes())
        content[at + 7] ^= 0x40
    path = tmp_path / "damaged.arrow"
    path.write_bytes(content)
    return path


def test_a_wrong_byte_costs_the_rows_of_its_stripe_and_no_more(large: Path, tmp_path: Path) -> None:
    path = damage(large, tmp_path, 70_000, 140_001)
    result, kept = repair(path)
    last = rows_per_stripe(ROWS - 2 * 65_536)
    assert [(each.rows, each.batch) for each in result.lost] == [(128, 1), (last, 2)]
    lost = {
        row for each in result.lost for row in range(each.first_row, each.first_row + each.rows)
    }
    assert {70_000, 140_001} <= lost
    assert kept == {key: key * 5 for key in range(ROWS) if key not in lost}


def test_what_was_cut_off_at_either_end_is_told_by_rows(large: Path, tmp_path: Path) -> None:
    content = large.read_bytes()
    path = tmp_path / "cut.arrow"
    path.write_bytes(content[: len(content) * 3 // 5])
    result, kept = repair(path)
    assert (result.header_from, result.rows_kept) == ("beginning", 65_536)
    assert result.lost[0].first_row == 65_536
    assert "of which" in result.lost[0].reason
    assert kept == {key: key * 5 for key in range(65_536)}
    path.write_bytes(content[len(content) // 3 + 5 :])  # no batch lies on a multiple of 8 now
    result, kept = repair(path)
    assert (result.header_from, result.lost[0].first_row) == ("end", 0)
    assert sorted(kept) == list(range(result.lost[0].rows, ROWS))


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_heap_of_damage_leaves_only_true_rows(
    large: Path, tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(large.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        kind = data.draw(st.sampled_from(["flip", "zero", "cut out", "put in"]))
        length = data.draw(st.integers(1, 5_000))
        if kind == "flip":
            content[at] ^= data.draw(st.integers(1, 255))
        elif kind == "zero":
            content[at : at + length] = b"\0" * min(length, len(content) - at)
        elif kind == "cut out":
            del content[at : at + length]
        else:
            content[at:at] = data.draw(st.binary(min_size=1, max_size=64))
    path = tmp_path / "heap.arrow"
    path.write_bytes(content)
    kept = outcome(path, {key: key * 5 for key in range(ROWS)})
    assert kept is None or kept > 0


def test_a_snapshot_kept_as_a_value_is_never_taken_for_rows(tmp_path: Path) -> None:
    inner = tmp_path / "inner.arrow"
    some_map("int64", "bytes", 300).save(inner)
    outer: Map[Any, Any] = Map({7: inner.read_bytes()}, value="bytes", seed=9)
    path = tmp_path / "outer.arrow"
    outer.save(path)
    content = path.read_bytes()
    # The description of the outer batch is lost, and so is its mark; the inner ones are whole.
    start = content.index(b"adhash.part")
    path.write_bytes(content[: start - 200] + b"\0" * 600 + content[start + 400 :])
    assert outcome(path, dict(outer)) is None


# --- what a forger makes ----------------------------------------------------------------------


def forged(path: Path, header: dict[str, Any], keys: list[int], values: list[int]) -> Path:
    fields = {
        "engine": "swiss",
        "layout": "swiss",
        "key_type": "int64",
        "value_type": "int64",
        "size": len(keys),
        "seed": 1,
        "created_at": "2026-01-02T03:04:05Z",
    }
    columns = (np.array(keys, dtype=np.int64), np.array(values, dtype=np.int64))
    write_snapshot(path, SnapshotHeader.model_validate({**fields, **header}), [columns])
    return path


def test_of_rows_with_one_key_the_first_is_kept(tmp_path: Path) -> None:
    path = forged(tmp_path / "twice.arrow", {}, [4, 5, 4, 6, 5], [1, 2, 3, 4, 5])
    assert verify_snapshot(path).status == "damaged"
    result, kept = repair(path)
    assert kept == {4: 1, 5: 2, 6: 4}
    assert (result.duplicates_dropped, result.rows_lost) == (2, 0)


def test_settings_and_layouts_that_cannot_be_are_replaced(tmp_path: Path) -> None:
    header = {"engine": "adaptive", "layout": "std", "settings": {"hysteresis": -1.0}}
    path = forged(tmp_path / "odd.arrow", header, [1], [2])
    assert verify_snapshot(path).status == "damaged"
    result, kept = repair(path)
    assert kept == {1: 2}
    assert [each.partition(":")[0] for each in result.replaced] == ["settings", "layout"]


def test_a_wrong_number_of_rows_in_the_header_is_put_right(tmp_path: Path) -> None:
    path = forged(tmp_path / "few.arrow", {}, list(range(300)), list(range(300)))
    content = path.read_bytes()
    assert content.count(b"adhash.size") == 2
    path.write_bytes(content)
    assert repair(path)[0].rows_kept == 300


def test_a_file_of_an_earlier_version_is_repaired_by_whole_batches(
    large: Path, tmp_path: Path
) -> None:
    from adhash.snapshots.arrow_file import ArrowFile

    path = damage(large, tmp_path, 70_000)
    old = tmp_path / "old.arrow"
    _write_without_marks(large, old)
    require_intact(verify_snapshot(old))
    with old.open("rb") as file:
        blocks = ArrowFile(file, old.stat().st_size).blocks()
    content = bytearray(old.read_bytes())
    content[int(blocks[1]["offset"]) + 4_000] ^= 1
    path.write_bytes(content)
    result, _ = repair(path)
    assert (result.rows_kept, result.rows_lost) == (ROWS - 65_536, 65_536)
    path.write_bytes(content[:-700])  # without the footer
    assert repair(path)[1] == {key: key * 5 for key in range(65_536)} | {
        key: key * 5 for key in range(131_072, ROWS)
    }


def _write_without_marks(source: Path, target: Path) -> None:
    """Write the rows as the first version of the format did."""
    import hashlib

    import pyarrow as pa

    from adhash.snapshots.columns import columns_checksum

    table = pa.ipc.open_file(source).read_all()
    entries = dict(table.schema.metadata)
    del entries[b"adhash.header_sha256"]
    entries[b"adhash.file_sha256"] = PLACEHOLDER.encode()
    schema = table.schema.with_metadata(entries)
    with pa.ipc.new_file(target, schema) as writer:
        for batch in table.to_batches():
            crc = b"%08x" % columns_checksum(*batch.columns)
            writer.write_batch(
                batch.replace_schema_metadata(entries), custom_metadata={b"adhash.crc32": crc}
            )
    content = target.read_bytes()
    digest = hashlib.sha256(content).hexdigest().encode()
    target.write_bytes(content.replace(PLACEHOLDER.encode(), MARKER + digest))


# --- how it is asked for, and how it ends -------------------------------------------------------


@pytest.mark.parametrize("options", [{"repair": True}, {"out": "new.arrow"}])
def test_repair_and_out_are_given_together(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match="together"):
        verify_snapshot(tmp_path / "map.arrow", **options)


def test_a_repair_in_place_replaces_the_damaged_file(large: Path, tmp_path: Path) -> None:
    path = damage(large, tmp_path, 70_000)
    result = verify_snapshot(path, repair=True, out=path)
    assert result.status == "damaged"
    require_intact(result)
    assert verify_snapshot(path).status == "intact"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_repair_that_is_cancelled_leaves_the_old_file(large: Path, tmp_path: Path) -> None:
    path = damage(large, tmp_path, 70_000)
    out = tmp_path / "out.arrow"
    out.write_bytes(b"old")
    notes: list[str] = []
    verify_snapshot(path, repair=True, out=out, progress=lambda told: notes.append(told.note))
    assert "writing what is left" in notes
    out.write_bytes(b"old")
    for note in dict.fromkeys(notes):
        token = CancelToken()

        def stop(told: WorkProgress, token: CancelToken = token, note: str = note) -> None:
            if told.note == note:
                token.cancel()

        try:
            verify_snapshot(path, repair=True, out=out, progress=stop, cancel=token)
        except InterruptedRunError:
            assert out.read_bytes() == b"old"
    assert {each.name for each in tmp_path.iterdir()} == {path.name, out.name}


_KILLED = """
import sys
from adhash.analysis.verify_snapshot import verify_snapshot
print("begun", flush=True)
def tell(told):
    print(told.note, flush=True)
verify_snapshot(sys.argv[1], repair=True, out=sys.argv[2], progress=tell)
"""


def test_sigkill_in_a_repair_leaves_the_old_file_or_the_new_one(
    large: Path, tmp_path: Path
) -> None:
    path = damage(large, tmp_path, 70_000)
    out = tmp_path / "out.arrow"
    out.write_bytes(b"old")
    seen = set()
    for stop_at in ("looking for batches", "writing what is left", "checking batches"):
        child = subprocess.Popen(
            [sys.executable, "-c", _KILLED, str(path), str(out)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        began_to_write = False
        for line in child.stdout:
            began_to_write |= line.strip() == "writing what is left"
            # The checks of the damaged file come first; those of the new one are meant.
            if line.strip() == stop_at and (began_to_write or stop_at == "looking for batches"):
                break
        child.kill()
        child.wait()
        child.stdout.close()
        seen.add(stop_at)
        assert out.read_bytes() == b"old" or verify_snapshot(out).status == "intact"
    assert len(seen) == 3


def test_the_result_tells_the_repair_as_json(large: Path, tmp_path: Path) -> None:
    path = damage(large, tmp_path, 70_000)
    told = tmp_path / "told.json"
    verify_snapshot(path, repair=True, out=tmp_path / "out.arrow", json_out=told)
    repaired = json.loads(told.read_text("utf-8"))["repair"]
    assert (repaired["rows_lost"], repaired["lost_ranges"]) == (128, 1)


def test_a_file_that_holds_nothing_any_more_cannot_be_repaired(tmp_path: Path) -> None:
    path = tmp_path / "map.arrow"
    some_map("int64", "int64", 3).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"adhash.part")])
    out = tmp_path / "out.arrow"
    with pytest.raises(AdhashError, match="cannot be repaired: none of its 3 rows is left"):
        verify_snapshot(path, repair=True, out=out)
    assert not out.exists()
