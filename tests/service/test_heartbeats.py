"""Whether a runner shows life does not depend on what the clock on the wall says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adhash.clock import NS_PER_S
from adhash.service.executors.heartbeats import Heartbeat


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "heartbeat"
    path.touch()
    return path


def looks(heartbeat: Heartbeat, *, start_s: float, end_s: float) -> bool:
    """Look ten times a second, and return what the last look said."""
    said = False
    for tenth in range(round(start_s * 10), round(end_s * 10) + 1):
        said = heartbeat.is_silent(tenth * NS_PER_S // 10)
    return said


def test_one_that_changes_is_not_silent_wherever_its_dates_lie(path: Path) -> None:
    heartbeat = Heartbeat(path, lease_s=2.0)
    for second, date in enumerate([9e9, 5.0, 8e9, 4.0, 3.0]):
        os.utime(path, (date, date))
        assert not looks(heartbeat, start_s=second, end_s=second + 0.9)


def test_one_that_changes_no_more_is_silent_after_the_lease(path: Path) -> None:
    heartbeat = Heartbeat(path, lease_s=2.0)
    assert not looks(heartbeat, start_s=0, end_s=2.0)
    assert looks(heartbeat, start_s=2.1, end_s=2.1)


def test_one_that_was_never_there_is_silent_after_the_lease(tmp_path: Path) -> None:
    heartbeat = Heartbeat(tmp_path / "nothing", lease_s=2.0)
    assert not looks(heartbeat, start_s=0, end_s=2.0)
    assert looks(heartbeat, start_s=2.1, end_s=2.1)


def test_who_was_away_begins_to_count_anew(path: Path) -> None:
    heartbeat = Heartbeat(path, lease_s=2.0)
    looks(heartbeat, start_s=0, end_s=0.5)
    assert not looks(heartbeat, start_s=3600, end_s=3602)
    assert looks(heartbeat, start_s=3602.1, end_s=3602.1)
