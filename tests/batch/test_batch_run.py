"""Suites of real commands, each in a process of its own, from the first byte to the reports."""

from __future__ import annotations

import fcntl
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from batch_samples import batch_options, job, suite, write_suite

from adhash.batch import BatchResult, batch, require_completed, run_batch
from adhash.cancellation import CancelToken
from adhash.errors import BadInputError, InvariantError, PolicyError, StorageError
from adhash.progress import WorkProgress


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BatchResult]:
    """Run a suite in which jobs succeed, fail, and fail those that need them."""
    folder = tmp_path_factory.mktemp("mixed")
    table = suite(
        job("fill", snapshot_out="map.arrow", json_summary_out="{name}.json"),
        job("reload", snapshot_in="map.arrow", needs=["fill"], mode="adaptive"),
        job("missing", csv="missing.csv"),
        job("after", needs=["missing"]),
        job("modes", matrix={"mode": ["swiss", "std"]}, verify=True),
        job("check", dry_run=True),
        report="reports/suite.md",
        max_parallel=2,
    )
    return folder, run_batch(batch_options(write_suite(folder, table), json_out=str(folder / "j")))


def test_every_job_has_its_own_fate(mixed: tuple[Path, BatchResult]) -> None:
    _, result = mixed
    assert {each.name: each.status for each in result.jobs} == {
        "fill": "completed",
        "reload": "completed",
        "missing": "failed",
        "after": "skipped",
        "modes-swiss": "completed",
        "modes-std": "completed",
        "check": "completed",
    }
    assert result.status == "failed"


def test_the_result_of_a_job_is_what_its_command_prints(mixed: tuple[Path, BatchResult]) -> None:
    folder, result = mixed
    fill = result.jobs[0]
    assert fill.result is not None
    (summary,) = fill.result["summaries"]
    assert summary["schema"] == "adhash.summary.v1"
    assert summary["ops"] == {"total": 4, "get": 2, "put": 1, "del": 1}
    assert fill.artifacts == {
        "snapshot_out": str(folder / "map.arrow"),
        "json_summary_out": str(folder / "fill.json"),
    }
    assert json.loads((folder / "fill.json").read_text())["ops"]["total"] == 4


def test_the_error_of_a_job_is_the_envelope_of_its_command(mixed: tuple[Path, BatchResult]) -> None:
    _, result = mixed
    missing = result.jobs[2]
    assert missing.exit_code in (2, 5)
    assert missing.error is not None
    assert "missing.csv" in missing.error.detail
    assert missing.logs is not None
    assert "missing.csv" in Path(missing.logs.stderr).read_text()


def test_the_results_are_written_as_json_twice_and_as_markdown(
    mixed: tuple[Path, BatchResult],
) -> None:
    folder, result = mixed
    data = json.loads((folder / "out" / "result.json").read_text())
    assert data == result.to_dict()
    assert data["schema"] == "adhash.batch.v1"
    assert BatchResult.model_validate(data) == result
    assert (folder / "j").read_text() == (folder / "out" / "result.json").read_text()
    report = (folder / "reports" / "suite.md").read_text()
    for each in result.jobs:
        assert f"| {each.name} | run-csv | {each.status} |" in report
    assert result.artifacts == {
        "report": str(folder / "reports" / "suite.md"),
        "result": str(folder / "out" / "result.json"),
        "json_out": str(folder / "j"),
    }


def test_a_batch_with_a_failure_is_refused_by_name(mixed: tuple[Path, BatchResult]) -> None:
    _, result = mixed
    with pytest.raises(
        InvariantError, match="2 of 7 jobs did not complete: missing failed"
    ) as error:
        require_completed(result)
    assert error.value.exit_code == 3


def test_a_suite_runs_from_a_table_and_tells_its_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told: list[WorkProgress] = []
    table = {"name": "s", "jobs": [{"name": "a", "command": "run-csv", "sample": "churn"}]}
    result = batch(spec=table, progress=told.append)
    require_completed(result)
    assert (result.spec, result.out_dir) == ("spec", str(tmp_path / "runs" / "batch" / "s"))
    assert told[-1].done == told[-1].total == 1


def test_a_confined_suite_runs_and_writes_into_the_folder_of_its_run(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    path = write_suite(root, suite(job(snapshot_out="map.arrow"), report="r.md"))
    before = sorted(root.iterdir())
    result = run_batch(batch_options(path, out_dir=str(tmp_path / "run")), roots=[root])
    require_completed(result)
    assert sorted(root.iterdir()) == before
    assert {"map.arrow", "r.md", "result.json", "one"} <= {
        each.name for each in (tmp_path / "run").iterdir()
    }


def test_cancelling_a_real_replay_ends_the_batch_within_a_second_and_reports(
    tmp_path: Path,
) -> None:
    path = write_suite(tmp_path, suite(job(rate=0.001), job("two")))
    cancel = CancelToken()
    cancelled_at: list[float] = []

    def cancel_once_it_runs(progress: WorkProgress) -> None:
        def cancel_later() -> None:
            cancelled_at.append(time.monotonic())
            cancel.cancel()

        if progress.note == "one":
            threading.Timer(1.5, cancel_later).start()

    result = run_batch(batch_options(path), progress=cancel_once_it_runs, cancel=cancel)
    # A second is what is promised; a busy machine may take longer.
    assert time.monotonic() - cancelled_at[0] < 30
    assert (result.status, [each.status for each in result.jobs]) == (
        "cancelled",
        ["cancelled", "skipped"],
    )
    assert "| one | run-csv | cancelled |" in (tmp_path / "out" / "report.md").read_text()


def test_a_replay_that_takes_too_long_is_timed_out(tmp_path: Path) -> None:
    path = write_suite(tmp_path, suite(job(rate=0.001)))
    (one,) = run_batch(batch_options(path, job_timeout_s=1.0)).jobs
    assert one.status == "timed_out"


def test_only_one_batch_runs_in_a_folder(tmp_path: Path) -> None:
    path = write_suite(tmp_path, suite())
    (tmp_path / "out").mkdir()
    with (tmp_path / "out" / ".running").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(PolicyError, match="another batch is running"):
            run_batch(batch_options(path))
    require_completed(run_batch(batch_options(path)))


def test_a_folder_that_cannot_be_made_is_told_before_anything_runs(tmp_path: Path) -> None:
    path = write_suite(tmp_path, suite())
    (tmp_path / "file").touch()
    for more in ({"out_dir": str(tmp_path / "file")}, {"report": str(tmp_path / "file" / "r.md")}):
        with pytest.raises(StorageError, match="cannot make the folder"):
            run_batch(batch_options(path, **more))
    assert not (tmp_path / "out" / "one").exists()


def test_a_missing_plotly_is_told_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What an interpreter without the package answers.
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    path = write_suite(tmp_path, suite(html_report="r.html"))
    with pytest.raises(BadInputError, match="needs plotly") as caught:
        run_batch(batch_options(path))
    assert "adhash[report]" in caught.value.hint
    assert not (tmp_path / "out").exists()


def test_a_suite_run_again_replaces_what_it_wrote(tmp_path: Path) -> None:
    path = write_suite(tmp_path, suite(job(snapshot_out="m.arrow")))
    first, second = (run_batch(batch_options(path)) for _ in range(2))
    assert (first.status, second.status) == ("completed", "completed")
    data: dict[str, Any] = json.loads((tmp_path / "out" / "result.json").read_text())
    assert data["started_at"] == second.started_at
