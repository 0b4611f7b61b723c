"""The rule that calls a run noisy, and the readings it stands on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adhash.clock import ManualClock, SystemClock
from adhash.replay.noise import NoiseMeter, judge, read_cpu_times, steal_share

QUIET: dict[str, Any] = {
    "steal": 0.0,
    "involuntary_switches": 0,
    "wall_over_cpu": 1.0,
    "elapsed_s": 1.0,
    "is_paced": False,
}


def test_undisturbed_run_is_quiet() -> None:
    noise = judge(**QUIET)
    assert (noise.verdict, noise.reasons) == ("quiet", [])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"steal": 0.02}, "stolen"),
        ({"involuntary_switches": 101}, "switches"),
        ({"involuntary_switches": 11, "elapsed_s": 0.001}, "switches"),
        ({"wall_over_cpu": 1.2}, "wall time"),
    ],
)
def test_each_disturbance_alone_makes_a_run_noisy(change: dict[str, Any], reason: str) -> None:
    noise = judge(**(QUIET | change))
    assert noise.verdict == "noisy"
    assert len(noise.reasons) == 1
    assert reason in noise.reasons[0]


@pytest.mark.parametrize(
    "change",
    [
        {"steal": None, "wall_over_cpu": None},
        {"steal": 0.01, "involuntary_switches": 100, "wall_over_cpu": 1.1},
        {"involuntary_switches": 10, "elapsed_s": 0.001},
        {"wall_over_cpu": 50.0, "is_paced": True},
    ],
)
def test_what_is_unknown_or_within_the_limits_is_no_noise(change: dict[str, Any]) -> None:
    assert judge(**(QUIET | change)).verdict == "quiet"


def test_steal_is_a_share_of_all_time() -> None:
    before, after = [100, 0, 0, 100, 0, 0, 0, 0], [150, 0, 0, 140, 0, 0, 0, 10]
    assert steal_share(before, after) == 0.1
    assert steal_share(before, before) == 0.0
    assert steal_share(None, after) is None


def test_cpu_times_leave_out_guests_that_are_counted_already(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("cpu  1 2 3 4 5 6 7 8 900 900\ncpu0 0\n", encoding="ascii")
    assert read_cpu_times(tmp_path / "stat") == [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("text", ["", "cpu 1 2\n", "intr 1 2 3 4 5 6 7 8\n", "cpu a b c d e f g h"])
def test_cpu_times_of_another_format_are_unknown(tmp_path: Path, text: str) -> None:
    (tmp_path / "stat").write_text(text, encoding="ascii")
    assert read_cpu_times(tmp_path / "stat") is None


def test_cpu_times_are_unknown_where_there_is_no_such_file(tmp_path: Path) -> None:
    assert read_cpu_times(tmp_path / "absent") is None


def test_meter_counts_only_the_time_in_which_operations_run() -> None:
    clock = ManualClock()
    meter = NoiseMeter(clock)
    clock.advance(1000)
    assert meter.read(is_paced=False).wall_over_cpu is None
    with meter.executing():
        sum(range(10_000))
        clock.advance(3600)
    ratio = meter.read(is_paced=False).wall_over_cpu
    assert ratio is not None
    assert ratio > 1000


def test_meter_reads_this_machine() -> None:
    meter = NoiseMeter(SystemClock())
    with meter.executing():
        sum(range(10_000))
    noise = meter.read(is_paced=False)
    assert noise.wall_over_cpu is not None
    assert noise.steal is None or 0 <= noise.steal <= 1
    assert noise.involuntary_switches >= 0
