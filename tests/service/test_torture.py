"""The scenarios of `torture` at a size of seconds: nothing may be lost, left behind or let out.

Only what must never be on any machine is asserted here. How fast it is, and how much memory it
takes, is for `make torture` on a quiet one.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))

from torture.__main__ import SCENARIOS  # noqa: E402
from torture.history import History, faults_of  # noqa: E402
from torture.hostile_names import hostile_texts  # noqa: E402
from torture.report import Report  # noqa: E402


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_is_lost_however_the_service_is_broken(name: str, tmp_path: Path) -> None:
    report = importlib.import_module(f"torture.scenarios.{name}").run(tmp_path, 0.001)
    assert report.losses == []
    assert report.figures, "a scenario that measured nothing has shown nothing"


def history_of(**jobs: list[tuple[str, int]]) -> History:
    history = History()
    history.statuses.update(jobs)
    return history


class TestJudgingAHistory:
    """The judge must see what is wrong, or all of the above shows nothing."""

    def test_a_course_by_the_rules_is_without_fault(self) -> None:
        steps = [("pending", 0), ("running", 1), ("pending", 1), ("running", 2), ("completed", 2)]
        assert faults_of(history_of(job=steps), ["job"]) == []

    @pytest.mark.parametrize(
        "steps",
        [
            [("pending", 0), ("completed", 1)],
            [("pending", 0), ("running", 1), ("completed", 1), ("running", 2)],
            [("pending", 0), ("running", 1), ("running", 2), ("completed", 2)],
            [("pending", 0), ("running", 1), ("pending", 1), ("running", 1), ("failed", 1)],
            [("pending", 0), ("running", 1)],
        ],
    )
    def test_any_other_is_blamed(self, steps: list[tuple[str, int]]) -> None:
        assert faults_of(history_of(job=steps), ["job"])

    def test_an_acknowledged_job_that_is_not_there_is_lost(self) -> None:
        assert faults_of(History(), ["job"]) == ["job was acknowledged and is lost"]

    def test_an_artifact_is_published_once(self) -> None:
        history = history_of(job=[("pending", 0), ("running", 1), ("completed", 1)])
        history.artifacts["job"] = ["summary.json", "summary.json"]
        assert len(faults_of(history, ["job"])) == 1


class TestReports:
    def test_a_count_beyond_its_limit_is_a_loss_and_a_slow_time_is_none(self) -> None:
        report = Report("scenario")
        report.tell("took", 9.0, unit="s", limit=1.0)
        assert report.losses == []
        assert not report.is_good
        report.tell("left behind", 1, limit=0)
        report.blame("a byte was lost")
        assert len(report.losses) == 2

    def test_what_was_skipped_is_told(self) -> None:
        report = Report("scenario")
        report.skip("no PostgreSQL")
        assert "skip no PostgreSQL" in str(report)


def test_the_hostile_names_are_many_and_steady(tmp_path: Path) -> None:
    texts = hostile_texts(tmp_path / "canary.csv", tmp_path / "data")
    assert len(texts) > 400
    assert texts == hostile_texts(tmp_path / "canary.csv", tmp_path / "data")
