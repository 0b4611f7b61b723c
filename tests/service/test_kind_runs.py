"""The kinds of the product, each carried out by a real runner in its sandbox."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from executor_conformance import Place, folder_of, until

from adhash.metrics.validation import validate
from adhash.service.attempts import AttemptPhase, AttemptRef, AttemptReport
from adhash.service.executors.local import LocalExecutor
from adhash.service.kinds import job_kind, job_kinds
from adhash.service.settings import load_service_settings


def new_executor() -> LocalExecutor:
    settings = load_service_settings({}, max_concurrent_jobs=1, lease_s=60.0)
    return LocalExecutor(settings, environ=os.environ)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "jobs", new_executor)
    yield place
    place.clean()


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    rows = ["op,key,value", *(f"put,k{n % 997},{n}\nget,k{n % 499}," for n in range(20_000))]
    path = tmp_path / "data" / "trace.csv"
    path.parent.mkdir()
    path.write_text("\n".join(rows) + "\n")
    return path


def start(place: Place, kind: str, **fields: Any) -> AttemptRef:
    needs = job_kind(kind)
    order = place.order(
        kind, in_sandbox="required", in_needs_processes=needs.needs_processes, **fields
    )
    return place.start(order)


def run(place: Place, kind: str, **fields: Any) -> tuple[AttemptReport, AttemptRef]:
    ref = start(place, kind, **fields)
    return place.wait(ref), ref


def events(ref: AttemptRef, kind: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in folder_of(ref).events.read_text().splitlines()]
    return [line["data"] for line in lines if line["type"] == kind]


def test_a_replay_gives_its_summary_progress_and_ticks(place: Place, trace: Path) -> None:
    report, ref = run(place, "run-csv", csv=str(trace), mode="swiss", in_readable=(trace,))
    assert report.phase is AttemptPhase.SUCCEEDED, report.error
    assert report.result is not None
    assert report.result["schema"] == "adhash.summary.v1"
    assert report.result["ops"]["total"] == 40_000
    last = events(ref, "progress")[-1]
    assert last["done"] == last["total"] == trace.stat().st_size
    ticks = events(ref, "metrics")
    assert ticks[-1]["ops"] == 40_000
    assert [json.loads(line) for line in folder_of(ref).ticks.read_text().splitlines()] == ticks
    assert validate(folder_of(ref).ticks).ticks == len(ticks)
    log = folder_of(ref).stdout.read_text().splitlines()
    assert log[0] == f"swiss: replaying {trace}"
    assert log[1].startswith("swiss: 40,000 operations in ")


def test_several_modes_give_several_summaries_and_one_progress(place: Place, trace: Path) -> None:
    report, ref = run(place, "run-csv", csv=str(trace), mode=["swiss", "std"], in_readable=(trace,))
    assert report.result is not None
    assert [each["mode"] for each in report.result["summaries"]] == ["swiss", "std"]
    told = [each["done"] for each in events(ref, "progress")]
    assert told == sorted(told)
    assert told[-1] == 2 * trace.stat().st_size
    log = folder_of(ref).stdout.read_text().splitlines()
    assert [line.split(":")[0] for line in log] == [
        *("swiss", "swiss", "std", "std"),
        "2 of 2 modes ran",
    ]


def test_alerts_are_told_once_each(place: Place, trace: Path, tmp_path: Path) -> None:
    config = tmp_path / "data" / "config.toml"
    config.write_text("[watchdog]\nload_factor = 0.01\n[metrics]\ninterval_ms = 20\n")
    options = {"csv": str(trace), "mode": "swiss", "config": str(config), "rate": 200_000}
    _, ref = run(place, "run-csv", in_readable=(trace, config), **options)
    assert len(events(ref, "metrics")) > 2
    alerts = events(ref, "alert")
    assert alerts
    assert len({(each["name"], each["since_t"]) for each in alerts}) == len(alerts)


def test_a_cancelled_replay_keeps_the_summary_of_what_ran(place: Place, trace: Path) -> None:
    ref = start(place, "run-csv", csv=str(trace), mode="swiss", rate=100, in_readable=(trace,))
    until(lambda: folder_of(ref).events.exists() and events(ref, "progress"))
    place.executor.cancel(ref)
    report = place.wait(ref)
    assert report.phase is AttemptPhase.STOPPED
    assert report.result is not None
    assert report.result["status"] == "cancelled"


def test_a_calibration_is_an_artifact_that_a_profile_takes(
    place: Place, trace: Path, tmp_path: Path
) -> None:
    artifacts = place.root / "job" / "attempts" / "1" / "artifacts"
    options = {"rounds": 1, "largest": 4096, "json_out": str(artifacts / "own.json")}
    report, _ = run(place, "calibrate", in_folder=place.root / "job", **options)
    assert report.phase is AttemptPhase.SUCCEEDED, report.error
    assert report.result is not None
    assert report.result["status"] == "measured"
    assert Path(report.result["file"]).parent == artifacts
    made = tmp_path / "data" / "own.json"
    made.write_bytes((artifacts / "own.json").read_bytes())

    own = {"calibration": str(made), "method": "forecast", "in_readable": (trace, made)}
    forecast, _ = run(place, "profile", in_folder=place.root / "next", csv=str(trace), **own)
    assert forecast.phase is AttemptPhase.SUCCEEDED, forecast.error
    assert forecast.result is not None
    assert forecast.result["method"] == "forecast"


def test_a_trace_that_the_order_does_not_name_cannot_be_read(place: Place, trace: Path) -> None:
    report, _ = run(place, "run-csv", csv=str(trace), mode="swiss")
    assert report.error is not None
    assert report.error.code == "io"
    assert "permission denied" in report.error.detail.lower()


def test_outputs_become_artifacts(place: Place, trace: Path, tmp_path: Path) -> None:
    artifacts = place.root / "job" / "attempts" / "1" / "artifacts"
    options = {
        "csv": str(trace),
        "mode": "swiss",
        "snapshot_out": str(artifacts / "map.arrow"),
        "json_summary_out": str(artifacts / "summary.json"),
        "metrics_out_dir": str(artifacts),
    }
    report, _ = run(place, "run-csv", in_readable=(trace,), in_folder=place.root / "job", **options)
    assert report.phase is AttemptPhase.SUCCEEDED, report.error
    names = sorted(path.name for path in artifacts.iterdir())
    assert names == ["map.arrow", "metrics.ndjson", "summary.json"]


def test_live_metrics_are_served_and_their_address_is_told(place: Place, trace: Path) -> None:
    from urllib.request import urlopen

    options = {"csv": str(trace), "mode": "swiss", "rate": 100, "metrics_port": "auto"}
    ref = start(place, "run-csv", in_readable=(trace,), in_needs_network=True, **options)
    place_of_url = folder_of(ref).attempt(1).metrics_url
    url = until(lambda: place_of_url.exists() and place_of_url.read_text())
    with urlopen(url, timeout=60) as answer:  # noqa: S310 - our own
        assert b"adhash" in answer.read()
    place.executor.cancel(ref)
    place.wait(ref)


def test_a_suite_runs_its_jobs_in_processes_of_their_own(place: Place, trace: Path) -> None:
    jobs = [
        {"name": mode, "command": "run-csv", "csv": str(trace), "mode": mode}
        for mode in ("swiss", "std")
    ]
    report, ref = run(
        place,
        "batch",
        spec={"name": "two", "jobs": jobs},
        in_readable=(trace.parent,),
        in_roots=(trace.parent,),
    )
    assert report.phase is AttemptPhase.SUCCEEDED, report.error
    assert report.result is not None
    assert [job["status"] for job in report.result["jobs"]] == ["completed", "completed"]
    assert (folder_of(ref).attempt(1).artifacts / "report.md").is_file()


def test_a_conversion_writes_the_new_trace_in_its_sandbox(place: Place, trace: Path) -> None:
    report, ref = run(place, "convert", trace=str(trace), out="new.arrow", in_readable=(trace,))
    assert report.phase is AttemptPhase.SUCCEEDED, report.error
    assert report.result is not None
    assert report.result["schema"] == "adhash.convert.v1"
    assert report.result["ops"]["total"] == 40_000
    assert report.result["out_bytes"] > 40_000
    assert events(ref, "progress")


def test_a_foreign_trace_is_replayed_in_its_sandbox(place: Place, tmp_path: Path) -> None:
    trace = tmp_path / "t.lis"
    trace.write_bytes(b"1 2 0 0\n1 1 0 1\n")
    fields = {"csv": str(trace), "format": "arc", "fill": "preload", "mode": "swiss"}
    report, _ = run(place, "run-csv", **fields, in_readable=(trace,))
    assert report.phase is AttemptPhase.SUCCEEDED, report.error
    assert report.result is not None
    assert (report.result["ops"]["total"], report.result["misses"]) == (5, 0)


def test_a_suite_stays_beneath_its_roots(place: Place, trace: Path, tmp_path: Path) -> None:
    jobs = [{"name": "one", "command": "run-csv", "csv": str(trace)}]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    report, _ = run(place, "batch", spec={"name": "one", "jobs": jobs}, in_roots=(elsewhere,))
    assert report.error is not None
    assert report.error.code == "policy"


def test_a_suite_with_a_failed_job_has_failed_and_keeps_its_result(
    place: Place, trace: Path
) -> None:
    trace.write_text("op,key,value\nput\n")
    jobs = [{"name": "one", "command": "run-csv", "csv": str(trace)}]
    report, _ = run(
        place,
        "batch",
        spec={"name": "one", "jobs": jobs},
        in_readable=(trace.parent,),
        in_roots=(trace.parent,),
    )
    assert report.phase is AttemptPhase.FAILED
    assert report.result is not None
    assert report.result["status"] == "failed"


SNAPSHOTS = {name for name in job_kinds() if name.endswith("-snapshot")}
NEEDS_FILES = {*SNAPSHOTS, "report", "convert"}


@pytest.mark.parametrize("kind", [name for name in job_kinds() if name not in NEEDS_FILES])
def test_the_example_of_a_kind_runs_in_its_sandbox(place: Place, kind: str) -> None:
    report, ref = run(place, kind, **job_kind(kind).example)
    errors = folder_of(ref).stderr.read_text()
    assert report.phase is AttemptPhase.SUCCEEDED, (report.error, errors)
    assert report.result is not None
    assert events(ref, "progress")


def test_a_report_reads_several_inputs_and_leaves_both_forms(
    place: Place, trace: Path, tmp_path: Path
) -> None:
    from adhash.replay import run_csv

    files = [tmp_path / f"{mode}.json" for mode in ("swiss", "std")]
    for file in files:
        run_csv(trace, mode=file.stem, json_summary_out=file, environ={})
    report, ref = run(place, "report", summary=list(map(str, files)), in_readable=tuple(files))
    assert report.phase is AttemptPhase.SUCCEEDED, report.error
    assert report.result is not None
    (compared,) = report.result["traces"]
    assert [each["mode"] for each in compared["replays"]] == ["swiss", "std"]
    artifacts = folder_of(ref).attempt(1).artifacts
    assert {each.name for each in artifacts.iterdir()} == {"report.html", "report.md"}


def test_snapshots_are_inspected_compacted_and_compared(place: Place, tmp_path: Path) -> None:
    from adhash.maps import Map

    snapshot = tmp_path / "data" / "map.arrow"
    snapshot.parent.mkdir()
    Map({number: number for number in range(500)}).save(snapshot)
    path = str(snapshot)
    dense, ref = run(
        place, "compact-snapshot", snapshot=path, out="d.arrow", in_readable=(snapshot,)
    )
    assert dense.phase is AttemptPhase.SUCCEEDED, dense.error
    assert events(ref, "progress")
    assert dense.result is not None
    assert dense.result["bytes_after"] < dense.result["bytes_before"]
    told, _ = run(place, "inspect-snapshot", snapshot=path, key="7", in_readable=(snapshot,))
    assert told.result is not None
    assert told.result["key"]["value"]["text"] == "7"
    other = snapshot.with_name("other.arrow")
    Map({1: 1}).save(other)
    compared, _ = run(place, "diff-snapshot", a=path, b=str(other), in_readable=(snapshot.parent,))
    assert compared.phase is AttemptPhase.SUCCEEDED, compared.error
    assert compared.result is not None
    assert (compared.result["status"], compared.result["removed"]) == ("different", 499)


def test_a_damaged_snapshot_has_failed_and_keeps_its_result(place: Place, tmp_path: Path) -> None:
    from adhash.maps import Map

    snapshot = tmp_path / "data" / "map.arrow"
    snapshot.parent.mkdir()
    table = Map(key="int64", value="int64")
    table[1] = 2
    table.save(snapshot)
    report, _ = run(place, "verify-snapshot", snapshot=str(snapshot), in_readable=(snapshot,))
    assert report.phase is AttemptPhase.SUCCEEDED, report.error
    damaged = bytearray(snapshot.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    snapshot.write_bytes(damaged)
    report, _ = run(place, "verify-snapshot", snapshot=str(snapshot), in_readable=(snapshot,))
    assert report.phase is AttemptPhase.FAILED
    assert report.result is not None
    assert report.result["status"] == "damaged"
