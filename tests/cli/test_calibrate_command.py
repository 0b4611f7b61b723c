"""``adhash calibrate``: what it prints, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("adhash.maps", reason="the native module is not built", exc_type=ImportError)

from adhash.maps import engines

Run = Callable[..., Any]
SMALL = ("--rounds", "1", "--largest", "4096")


def test_a_machine_is_calibrated_once_and_shown_after_that(run: Run, tmp_path: Path) -> None:
    place = {"XDG_CACHE_HOME": str(tmp_path / "caches")}

    first = run("calibrate", *SMALL, **place)
    assert (first.code, first.err) == (0, "")
    assert first.out.splitlines()[1].split()[:3] == ["keys", "engine", "fill"]
    assert all(f" {engine} " in first.out for engine in engines())
    assert "not calibrated before" in first.out

    second = run("calibrate", "--show", "--json", **place).answer
    assert (second["command"], second["status"]) == ("calibrate", "kept")
    assert second["calibration"]["schema"] == "adhash.calibration.v1"
    assert Path(second["file"]).parent == tmp_path / "caches" / "adhash"


def test_showing_without_a_calibration_says_what_to_do(run: Run, tmp_path: Path) -> None:
    outcome = run("calibrate", "--show", XDG_CACHE_HOME=str(tmp_path))
    assert outcome.code == 2
    assert "adhash calibrate" in outcome.envelope["hint"]


def test_a_folder_that_cannot_be_used_ends_with_5(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    outcome = run("calibrate", "--cache-dir", "file/caches", *SMALL)
    assert outcome.code == 5
    assert "file/caches" in outcome.envelope["detail"]
