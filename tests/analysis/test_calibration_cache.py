"""Where a calibration is kept, and what becomes of files that cannot be used."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from calibrations import PLACE, calibration

from adhash.analysis.calibration.cache import (
    CalibrationCache,
    cache_folder,
    load_calibration,
    this_place,
)
from adhash.errors import BadInputError, StorageError
from adhash.replay.machinery import NativeMachinery


@pytest.fixture
def cache(tmp_path: Path) -> CalibrationCache:
    return CalibrationCache(folder=tmp_path / "adhash", place=PLACE)


def nobody_waits() -> None:
    raise AssertionError("nobody else calibrates")


def save(cache: CalibrationCache) -> None:
    with cache.locked(nobody_waits):
        cache.save(calibration())


def test_what_was_saved_is_loaded(cache: CalibrationCache) -> None:
    assert cache.load() is None
    save(cache)
    assert cache.load() == calibration()
    assert cache.path.parent == cache.folder


def test_another_build_has_a_file_of_its_own(cache: CalibrationCache) -> None:
    save(cache)
    other = PLACE.model_copy(update={"build": "2-2"})
    assert CalibrationCache(folder=cache.folder, place=other).load() is None


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("cpu", "another CPU", "its cpu is 'a CPU', here it is 'another CPU'"),
        ("version", "2.0", "its version is '1.0', here it is '2.0'"),
        ("engines", ["swiss"], "its engines is chaining, swiss, here it is swiss"),
    ],
)
def test_a_file_of_another_place_is_refused(
    cache: CalibrationCache, name: str, value: object, told: str
) -> None:
    save(cache)
    with pytest.raises(BadInputError, match="was measured elsewhere") as caught:
        load_calibration(cache.path, PLACE.model_copy(update={name: value}))
    assert told in caught.value.detail


def damage(text: str) -> dict[str, str]:
    """Return sound JSON of a calibration, damaged in different ways."""
    sound = json.loads(text)
    first = sound["curves"][0]
    return {
        "cut off": text[: len(text) // 2],
        "empty": "",
        "not JSON": "calibration",
        "another schema": json.dumps({**sound, "schema": "adhash.calibration.v2"}),
        "an unknown field": json.dumps({**sound, "more": 1}),
        "no curves": json.dumps({**sound, "curves": []}),
        "sizes that fall": json.dumps({**sound, "sizes": sound["sizes"][::-1]}),
        "a curve twice": json.dumps({**sound, "curves": [first, first]}),
        "a negative cost": _with_curve(sound, hit_ns=[-1.0, 1.0, 1.0]),
        "a cost that is no number": _with_curve(sound, hit_ns=[float("inf"), 1.0, 1.0]),
        "a total that falls": _with_curve(sound, fill_ns=first["fill_ns"][::-1]),
        "more figures than sizes": _with_curve(sound, **_longer(first)),
        "lists of different lengths": _with_curve(sound, miss_ns=[1.0]),
    }


def _with_curve(sound: dict[str, object], **changes: object) -> str:
    curves = sound["curves"]
    assert isinstance(curves, list)
    return json.dumps({**sound, "curves": [{**curves[0], **changes}, *curves[1:]]})


def _longer(curve: dict[str, list[float]]) -> dict[str, object]:
    fills, memory = curve["fill_ns"], curve["memory_bytes"]
    return {"fill_ns": [*fills, fills[-1] + 1], "memory_bytes": [*memory, memory[-1]]}


@pytest.mark.parametrize("kind", list(damage(json.dumps(calibration().to_dict()))))
def test_a_damaged_file_is_refused_with_what_to_do(cache: CalibrationCache, kind: str) -> None:
    save(cache)
    cache.path.write_text(damage(cache.path.read_text("utf-8"))[kind], "utf-8")

    with pytest.raises(BadInputError, match="is no sound calibration") as caught:
        cache.load()

    assert str(cache.path) in caught.value.detail
    assert "adhash calibrate --force" in caught.value.hint


def test_a_folder_in_place_of_the_file_is_refused(cache: CalibrationCache) -> None:
    cache.path.mkdir(parents=True)
    with pytest.raises(BadInputError, match="not a regular file"):
        cache.load()


def test_a_pipe_in_place_of_the_file_is_refused_and_not_waited_for(
    cache: CalibrationCache,
) -> None:
    cache.folder.mkdir()
    os.mkfifo(cache.path)
    with pytest.raises(BadInputError, match="not a regular file"):
        cache.load()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = CalibrationCache(folder=tmp_path / "file" / "adhash", place=PLACE)
    with pytest.raises(StorageError, match="cannot write"), cache.locked(nobody_waits):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    cache = CalibrationCache(folder=tmp_path / "adhash", place=PLACE)
    with pytest.raises(StorageError, match="cannot write"), cache.locked(nobody_waits):
        pass


def test_a_second_calibration_waits_for_the_first(cache: CalibrationCache) -> None:
    waiting = threading.Event()
    seen: list[bool] = []

    def second() -> None:
        with cache.locked(waiting.set) as has_waited:
            seen.extend([has_waited, cache.load() is not None])

    with cache.locked(nobody_waits) as has_waited:
        assert not has_waited
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(60)
        assert seen == []
        cache.save(calibration())
    thread.join(60)
    assert seen == [True, True]


def test_who_waits_may_give_up(cache: CalibrationCache) -> None:
    class GivesUpError(Exception):
        pass

    def give_up() -> None:
        raise GivesUpError

    with cache.locked(nobody_waits), pytest.raises(GivesUpError), cache.locked(give_up):
        pass
    save(cache)  # and the lock is free again


def test_the_folder_is_the_users_for_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert cache_folder({"XDG_CACHE_HOME": "/caches"}) == Path("/caches/adhash")
    assert cache_folder({"HOME": "/home/a"}) == Path("/home/a/.cache/adhash")
    # A relative name is ignored, as the specification of these folders asks for.
    relative = {"HOME": "/home/a", "XDG_CACHE_HOME": "caches"}
    assert cache_folder(relative) == Path("/home/a/.cache/adhash")


def test_the_place_at_hand_names_this_build() -> None:
    place = this_place(NativeMachinery())
    assert place == this_place(NativeMachinery())
    assert place.engines == NativeMachinery().engines()
    assert place.build != "unknown"
