"""The work's own side: what its end is told as, and which artifacts it is said to have made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kinds_for_tests import KINDS, KindForTests, TellOptions

from adhash.cancellation import CancelToken
from adhash.clock import ManualClock
from adhash.service.attempts import AttemptOrder, Limits
from adhash.service.outcomes import WorkReport, read_report
from adhash.service.work_context import WorkContext
from adhash.service.worker import JobWorker, list_artifacts


@pytest.fixture
def context(tmp_path: Path) -> Iterator[WorkContext]:
    with WorkContext(
        attempt=1,
        events=tmp_path / "events.ndjson",
        ticks=tmp_path / "metrics.ndjson",
        artifacts=tmp_path / "artifacts",
        metrics_url=tmp_path / "metrics_url",
        cancel=CancelToken(),
        clock=ManualClock(),
    ) as context:
        yield context


def run(context: WorkContext, kind: str, **options: Any) -> WorkReport:
    order = AttemptOrder(
        job_id="job",
        attempt=1,
        kind=kind,
        folder=context.artifacts.parent,
        options=options,
        limits=Limits(),
    )
    return JobWorker(order, context, kinds=KINDS).run()


def test_work_that_returns_ends_with_its_result(context: WorkContext) -> None:
    report = run(context, "tell", text="good day")
    assert report == WorkReport(result={"said": "good day"})
    assert report.exit_code == 0


@pytest.mark.parametrize(
    ("how", "code", "exit_code"),
    [
        ("bad_input", "bad_input", 2),
        ("invariant", "invariant", 3),
        ("io", "io", 5),
        ("system", "io", 5),
        ("memory", "out_of_memory", 1),
        ("bug", "crashed", 1),
    ],
)
def test_an_error_of_the_work_is_told_by_its_code(
    context: WorkContext, how: str, code: str, exit_code: int
) -> None:
    report = run(context, "fail", how=how)
    assert report.error is not None
    assert report.error.code == code
    assert report.exit_code == exit_code
    assert report.result == {"so_far": "half"}


def test_the_hint_of_an_error_is_kept(context: WorkContext) -> None:
    report = run(context, "fail", how="bad_input")
    assert report.error is not None
    assert (report.error.detail, report.error.hint) == ("the trace is bad", "use another")


def test_a_bug_leaves_its_traceback_in_the_log(
    context: WorkContext, capsys: pytest.CaptureFixture[str]
) -> None:
    run(context, "fail", how="bug")
    assert "ZeroDivisionError: division by zero" in capsys.readouterr().err


def test_options_that_are_wrong_are_bad_input(context: WorkContext) -> None:
    report = run(context, "tell", txt="good day")
    assert report.error is not None
    assert report.error.code == "bad_input"
    assert "txt" in report.error.detail


def test_an_unknown_kind_is_bad_input(context: WorkContext) -> None:
    report = run(context, "shell")
    assert report.error is not None
    assert report.error.code == "bad_input"


def test_work_that_was_cancelled_before_it_began_does_nothing(
    context: WorkContext, capsys: pytest.CaptureFixture[str]
) -> None:
    context.cancel.cancel()
    report = run(context, "tell", text="good day")
    assert report.error is not None
    assert report.error.code == "interrupted"
    assert report.exit_code == 130
    assert "good day" not in capsys.readouterr().out


def test_artifacts_are_registered_by_name_however_the_work_ended(context: WorkContext) -> None:
    def make_and_fail(options: TellOptions, context: WorkContext) -> dict[str, Any]:
        KINDS["tell"].run(options, context)
        raise ZeroDivisionError

    order = AttemptOrder(
        job_id="job",
        attempt=1,
        kind="both",
        folder=context.artifacts.parent,
        options={"artifacts": ["report.html", "plots/a.svg"]},
        limits=Limits(),
    )
    kinds = {"both": KindForTests(TellOptions, make_and_fail)}
    report = JobWorker(order, context, kinds=kinds).run()
    assert report.error is not None
    assert report.artifacts == ("plots/a.svg", "report.html")


def test_links_and_hidden_files_are_no_artifacts(tmp_path: Path) -> None:
    folder = tmp_path / "artifacts"
    (folder / ".hidden").mkdir(parents=True)
    (folder / ".hidden" / "a").touch()
    (folder / ".adhash-1.tmp").touch()
    (folder / "file").touch()
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "folder").symlink_to("/etc")
    assert list_artifacts(folder) == ("file",)
    assert list_artifacts(tmp_path / "nothing") == ()


def test_a_report_survives_its_file(tmp_path: Path, context: WorkContext) -> None:
    report = run(context, "fail", how="bad_input")
    path = tmp_path / "report.json"
    path.write_text(report.to_json())
    assert read_report(path) == report


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", '{"result": 1}'])
def test_a_report_that_is_not_whole_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    assert read_report(path) is None


def test_the_address_of_live_metrics_is_kept(context: WorkContext) -> None:
    context.serve_metrics_at("http://127.0.0.1:1234/metrics")
    path = context.artifacts.parent / "metrics_url"
    assert path.read_text() == "http://127.0.0.1:1234/metrics"
