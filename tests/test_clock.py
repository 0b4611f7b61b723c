"""The clocks: one that runs, one that waits to be told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from adhash.clock import Clock, ManualClock, SystemClock


def test_the_system_clock_gives_utc_and_never_goes_back() -> None:
    clock: Clock = SystemClock()
    assert clock.now().tzinfo is UTC
    readings = [clock.monotonic_ns() for _ in range(100)]
    assert readings == sorted(readings)


def test_a_manual_clock_moves_both_readings_when_told() -> None:
    clock = ManualClock(datetime(2024, 5, 1, 12, tzinfo=UTC))
    assert clock.monotonic_ns() == 0
    clock.advance(1.5)
    assert clock.now() == datetime(2024, 5, 1, 12, 0, 1, 500_000, tzinfo=UTC)
    assert clock.monotonic_ns() == 1_500_000_000


def test_a_manual_clock_answers_in_utc_wherever_it_started() -> None:
    east = timezone(timedelta(hours=2))
    assert ManualClock(datetime(2024, 5, 1, 12, tzinfo=east)).now().hour == 10


def test_a_manual_clock_refuses_to_go_back() -> None:
    with pytest.raises(ValueError, match="got -1"):
        ManualClock().advance(-1)
