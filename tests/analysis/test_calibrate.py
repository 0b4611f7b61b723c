"""Calibrating on real tables: small ones, because what is measured is not what is tested."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("adhash.maps", reason="the native module is not built", exc_type=ImportError)

from adhash.analysis.calibration import CalibrateResult, calibrate
from adhash.analysis.calibration.cache import read_calibration
from adhash.analysis.calibration.classes import (
    CLASSES,
    KEY_BYTES,
    KEY_CLASSES,
    KINDS,
    KeyClass,
    Kind,
    cut,
    length_of,
    random_keys,
    take,
    where,
)
from adhash.analysis.calibration.laps import Lap, Probe, least
from adhash.cancellation import CancelToken
from adhash.errors import BadInputError, InterruptedRunError, StorageError
from adhash.maps import engines
from adhash.progress import WorkProgress

SMALL: dict[str, Any] = {"rounds": 1, "largest": 4096}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a calibration."""
    folder = tmp_path_factory.mktemp("caches")
    assert calibrate(cache_dir=str(folder), **SMALL).status == "measured"
    return folder


def shown(folder: Path) -> CalibrateResult:
    return calibrate(cache_dir=str(folder), show=True)


def test_every_engine_is_measured_on_every_kind(folder: Path) -> None:
    calibration = shown(folder).calibration
    found = {(curve.engine, curve.key, curve.value) for curve in calibration.curves}
    assert found == {(e, key, value) for e in engines() for key in KEY_CLASSES for value in CLASSES}
    assert calibration.sizes[-1] == 4096
    assert calibration.probed_sizes == [512, 4096]


def test_memory_is_that_of_a_table_of_that_size(folder: Path) -> None:
    calibration = shown(folder).calibration
    for curve in calibration.curves:
        per_entry = curve.memory_bytes[-1] / 4096
        least_bytes = KEY_BYTES[curve.key]
        assert least_bytes < per_entry < 1000, curve.engine


def test_a_calibration_that_lies_there_is_kept(folder: Path) -> None:
    before = shown(folder).calibration
    again = calibrate(cache_dir=str(folder), **SMALL)
    assert again.status == "kept"
    assert again.calibration == before
    assert "--force" in again.reason


def test_force_measures_again(folder: Path) -> None:
    result = calibrate(cache_dir=str(folder), force=True, **SMALL)
    assert (result.status, result.reason) == ("measured", "as asked")
    assert shown(folder).calibration == read_calibration(Path(result.file))


def test_a_damaged_calibration_is_measured_again_and_says_so(folder: Path) -> None:
    file = Path(shown(folder).file)
    file.write_text("{")
    result = calibrate(cache_dir=str(folder), **SMALL)
    assert result.status == "measured"
    assert "no sound calibration" in result.reason
    assert shown(folder).status == "kept"


def test_a_calibration_can_be_written_to_a_file_as_well(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "own.json"
    calibrate(cache_dir=str(folder), show=True, json_out=str(out))
    assert read_calibration(out) == shown(folder).calibration


def test_showing_measures_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="not calibrated"):
        calibrate(cache_dir=str(tmp_path), show=True)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_used_is_told_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told: list[WorkProgress] = []
    with pytest.raises(StorageError, match="cannot write"):
        calibrate(cache_dir=str(tmp_path / "file" / "caches"), progress=told.append, **SMALL)
    assert told == []


def test_a_cancelled_calibration_leaves_the_old_one(folder: Path) -> None:
    before = shown(folder).calibration
    token = CancelToken()

    def cancel(progress: WorkProgress) -> None:
        if progress.done == 2:
            token.cancel()

    with pytest.raises(InterruptedRunError):
        calibrate(cache_dir=str(folder), force=True, progress=cancel, cancel=token, **SMALL)
    assert shown(folder).calibration == before


def test_progress_is_told_round_by_round(tmp_path: Path) -> None:
    told: list[WorkProgress] = []
    calibrate(cache_dir=str(tmp_path), progress=told.append, **SMALL)
    assert [each.done for each in told] == list(range(len(KINDS)))
    assert {each.total for each in told} == {len(KINDS)}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.key}-{kind.value}")
def test_rows_of_a_column_are_those_that_were_asked_for(kind: Kind) -> None:
    keys = random_keys(kind, 20, np.random.default_rng(1))
    picked = take(keys, np.array([3, 17, 3]))
    assert (length_of(keys), length_of(picked)) == (20, 3)
    for row, source in enumerate((3, 17, 3)):
        one, other = cut(picked, row, row + 1), cut(keys, source, source + 1)
        if isinstance(keys, tuple):
            one, other = one[1], other[1]
        assert np.array_equal(one, other)


def probe(ns: float) -> Probe:
    return Probe(**dict.fromkeys(Probe.__dataclass_fields__, ns))


def test_one_disturbance_counts_for_no_later_size() -> None:
    def lap(fill: list[float], ns: float) -> Lap:
        return Lap(
            fill_ns=fill, memory_bytes=[1] * len(fill), probes=[probe(ns)], reserved_fill_ns=[ns]
        )

    # Each lap was disturbed by 100 in another step; the second also ended early.
    found = least([lap([110.0, 120.0, 130.0], 5.0), lap([10.0, 120.0], 4.0)])

    assert found.fill_ns == [10.0, 20.0, 30.0]
    assert found.probes == [probe(4.0)]
    assert found.reserved_fill_ns == [4.0]


@pytest.mark.parametrize(
    ("mixed_ns", "expected"),
    [
        (20.0, {"hit_ns": 10.0, "miss_ns": 20.0, "update_ns": 30.0}),  # as alone
        (25.0, {"hit_ns": 15.0, "miss_ns": 25.0, "update_ns": 35.0}),  # what is added is shared
        (17.0, {"hit_ns": 10.0, "miss_ns": 20.0, "update_ns": 21.0}),  # what is saved: writes
        (5.0, {"hit_ns": 10.0, "miss_ns": 20.0, "update_ns": 10.0}),  # and no more than them
    ],
)
def test_operations_cost_what_a_run_that_mixes_them_does(
    mixed_ns: float, expected: dict[str, float]
) -> None:
    made = replace(probe(1.0), hit_ns=10.0, miss_ns=20.0, update_ns=30.0, mixed_ns=mixed_ns)
    found = made.among_others()
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_deletions_and_insertions_share_what_churn_costs() -> None:
    found = replace(probe(1.0), delete_ns=10.0, insert_ns=30.0, churn_ns=40.0).among_others()
    assert (found["delete_ns"], found["insert_ns"]) == pytest.approx((20.0, 60.0))


def test_a_disturbed_run_makes_no_other_operation_cheaper() -> None:
    laps = [
        Lap(fill_ns=[1.0], memory_bytes=[1], probes=[each], reserved_fill_ns=[1.0])
        for each in (probe(20.0), replace(probe(20.0), miss_ns=50.0, insert_ns=90.0))
    ]
    assert least(laps).probes[0].among_others() == probe(20.0).among_others()


@given(count=st.integers(1, 300), seed=st.integers(0, 1 << 50))
def test_dense_keys_are_consecutive_at_every_octave(count: int, seed: int) -> None:
    keys = random_keys(Kind(key="dense", value="word"), count, np.random.default_rng(seed))
    assert len(keys) == count
    for first in {1 << octave for octave in range(count.bit_length())} | {count}:
        own = np.sort(keys[:first])
        assert np.array_equal(own, own[0] + np.arange(first))


@pytest.mark.parametrize("key", KEY_CLASSES)
def test_rows_of_one_column_take_the_places_of_anothers(key: KeyClass) -> None:
    kind, chance = Kind(key=key, value="word"), np.random.default_rng(1)
    ours, others = (random_keys(kind, 9, chance) for _ in range(2))
    is_other = np.arange(9) % 3 == 1

    mixed = where(is_other, others, ours)

    for row in range(9):
        source = others if is_other[row] else ours
        expected, found = (cut(column, row, row + 1) for column in (source, mixed))
        assert np.array_equal(np.asarray(found[-1]), np.asarray(expected[-1]))
    assert length_of(mixed) == 9
