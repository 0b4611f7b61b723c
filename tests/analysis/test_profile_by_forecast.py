"""Profiles of a calibrated machine, and what happens where the calibration cannot be used."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from calibrations import curve
from profile_traces import as_csv, read_through, write_csv

from adhash.analysis.calibration.cache import CalibrationCache, this_place
from adhash.analysis.calibration.calibration import Calibration
from adhash.analysis.calibration.classes import CLASSES, KEY_CLASSES
from adhash.analysis.profile import ProfileResult, run_profile
from adhash.cancellation import CancelToken
from adhash.errors import BadInputError, InterruptedRunError
from adhash.options.profile import ProfileOptions
from adhash.presenters import candidates_table, plain_text, profile_notes
from adhash.progress import WorkProgress
from adhash.replay.machinery import NativeMachinery

# By this calibration swiss is clearly the fastest, and chaining and robinhood are alike.
PRICES = {"swiss": 10.0, "chaining": 20.0, "robinhood": 20.2, "adaptive": 40.0, "std": 80.0}


def made(**prices: float) -> Calibration:
    from calibrations import calibration

    return calibration(
        *(
            curve(engine, key=key, value=value, ns=ns)
            for engine, ns in {**PRICES, **prices}.items()
            for key in KEY_CLASSES
            for value in CLASSES
        ),
        place=this_place(NativeMachinery()),
    )


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("traces") / "t.csv", read_through(60_000, 6_000))


class Machine:
    """A machine with a folder for caches, calibrated or not."""

    def __init__(self, folder: Path) -> None:
        self.environ = {"XDG_CACHE_HOME": str(folder)}
        self.cache = CalibrationCache(folder=folder / "adhash", place=this_place(NativeMachinery()))

    def calibrate(self, **prices: float) -> None:
        self.cache.folder.mkdir(exist_ok=True)
        self.cache.save(made(**prices))

    def profile(self, trace: Path | str, **options: Any) -> ProfileResult:
        given = {"csv": str(trace), "seed": 1, "rounds": 1, **options}
        return run_profile(ProfileOptions.model_validate(given), environ=self.environ)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_clear_forecast_is_not_raced(machine: Machine, trace: Path) -> None:
    machine.calibrate()

    result = machine.profile(trace, budget=100)

    assert (result.method, result.recommended_mode) == ("forecast", "swiss")
    assert str(machine.cache.path) in result.calibration
    assert all(each.measured_s is None and each.laps == 0 for each in result.candidates)
    assert [each.regret for each in result.candidates][:2] == pytest.approx([1.0, 2.0], rel=0.01)
    assert result.confidence == 1.0


def test_a_tight_budget_has_time_for_one_look(machine: Machine, trace: Path) -> None:
    machine.calibrate()
    assert machine.profile(trace, budget=0).sampled.rows <= 4096 * 1.05
    assert 4096 * 1.05 < machine.profile(trace, budget=100).sampled.rows <= 32_768 * 1.05


def test_finalists_are_raced_within_the_budget(machine: Machine, trace: Path) -> None:
    machine.calibrate(swiss=100.0)

    result = machine.profile(trace, budget=100)

    assert result.method == "forecast and race"
    laps = {each.mode: each.laps for each in result.candidates}
    assert laps == {"chaining": 1, "robinhood": 1, "swiss": 0, "adaptive": 0}
    raced = next(each for each in result.candidates if each.mode == "chaining")
    assert raced.measured_s is not None
    assert raced.forecast_s is not None
    assert "raced: " in result.reason


@pytest.mark.parametrize("options", [{"budget": 0}, {"method": "forecast", "budget": 100}])
def test_without_a_budget_or_the_wish_nothing_is_raced(
    machine: Machine, trace: Path, options: dict[str, Any]
) -> None:
    machine.calibrate(swiss=100.0)
    assert machine.profile(trace, **options).method == "forecast"


def test_a_pipe_is_looked_at_once(machine: Machine, trace: Path, tmp_path: Path) -> None:
    import gzip

    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(trace.read_bytes()))
    machine.calibrate(swiss=100.0)

    result = machine.profile(packed, budget=100)

    assert result.method == "forecast"
    assert result.sampled.rows <= 4096 * 1.05


def test_without_a_calibration_every_candidate_is_raced_and_the_result_says_so(
    machine: Machine, trace: Path
) -> None:
    result = machine.profile(trace)

    assert result.method == "race"
    assert "not calibrated" in result.calibration
    assert "adhash calibrate" in result.calibration
    assert all(each.laps == 1 for each in result.candidates)
    assert any("no forecast: " in line for line in profile_notes(result.to_dict()))


def test_a_damaged_calibration_is_not_used_and_the_result_says_so(
    machine: Machine, trace: Path
) -> None:
    machine.calibrate()
    machine.cache.path.write_text("{")

    result = machine.profile(trace)

    assert result.method == "race"
    assert "no sound calibration" in result.calibration


def test_an_engine_that_was_not_measured_is_raced_like_all(machine: Machine, trace: Path) -> None:
    place = this_place(NativeMachinery())
    fewer = place.model_copy(update={"engines": ["swiss"]})
    machine.calibrate()
    kept = [each for each in made().curves if each.engine == "swiss"]
    other = made().model_copy(update={"curves": kept, "place": fewer})
    machine.cache.save(other)

    result = machine.profile(trace)

    assert result.method == "race"
    assert "was measured elsewhere" in result.calibration


def test_a_forecast_that_was_asked_for_needs_a_calibration(machine: Machine, trace: Path) -> None:
    with pytest.raises(BadInputError, match="not calibrated"):
        machine.profile(trace, method="forecast")


def test_a_calibration_that_was_named_is_used_or_refused(
    machine: Machine, trace: Path, tmp_path: Path
) -> None:
    machine.calibrate()
    named = machine.cache.path.rename(tmp_path / "own.json")
    assert machine.profile(trace, calibration=str(named)).method == "forecast"
    named.write_text("{}")
    with pytest.raises(BadInputError, match="no sound calibration"):
        machine.profile(trace, calibration=str(named))


def test_a_race_that_was_asked_for_reads_no_calibration(machine: Machine, trace: Path) -> None:
    machine.calibrate()
    result = machine.profile(trace, method="race")
    assert (result.method, result.calibration) == ("race", "not asked for")


def test_a_trace_that_is_short_is_looked_at_as_a_whole(machine: Machine, tmp_path: Path) -> None:
    machine.calibrate()
    short = write_csv(tmp_path / "short.csv", read_through(1_000, 100))
    result = machine.profile(short)
    assert result.sampled.is_whole
    assert result.character.entries > 0
    assert "by the sample" not in result.reason


def test_quoted_and_odd_rows_are_sampled_as_well(machine: Machine, tmp_path: Path) -> None:
    machine.calibrate()
    text = re.sub(r"^get,(\d+),", r'GET,"\1",', as_csv(read_through(30_000, 2_000)), flags=re.M)
    path = tmp_path / "quoted.csv"
    path.write_text(text, "utf-8")
    plain = machine.profile(write_csv(tmp_path / "plain.csv", read_through(30_000, 2_000)))
    odd = machine.profile(path)
    assert odd.character.entries == pytest.approx(plain.character.entries, rel=0.2)


def test_a_forecast_can_be_cancelled(machine: Machine, trace: Path) -> None:
    machine.calibrate()
    token = CancelToken()

    def cancel(_: WorkProgress) -> None:
        token.cancel()

    options = ProfileOptions(csv=str(trace))
    with pytest.raises(InterruptedRunError):
        run_profile(options, progress=cancel, cancel=token, environ=machine.environ)


def test_the_result_is_shown_with_dashes_where_nothing_was_raced(
    machine: Machine, trace: Path
) -> None:
    machine.calibrate()
    data = machine.profile(trace).to_dict()
    data["reserve"] = {"entries": 6000, "saves_s": 0.002}
    first = plain_text(candidates_table(data)).splitlines()[1].split()
    assert first[0] == "swiss"
    assert first[-4:] == ["-"] * 4
    notes = profile_notes(data)
    assert "in a program: reserve(6000) before the first entry saves about 2 ms" in notes
    assert ProfileResult.model_validate(data).to_dict() == data
