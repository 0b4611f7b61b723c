"""What a suite may name: anything for a person, and only what lies beneath its roots else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from batch_samples import batch_options, job, plan_of, suite, write_suite

from adhash.batch.plan import Plan, make_plan
from adhash.errors import AdhashError, BadInputError, PolicyError
from adhash.options.base import read_options
from adhash.options.batch import BatchOptions


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return an allowed folder with a suite's trace in it, beside a folder with a secret."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "trace.csv").write_text("op,key,value\n", "utf-8")
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def confined(root: Path, table: dict[str, Any]) -> Plan:
    """Return the plan of a suite of strangers; the folder of its run is no part of the root."""
    options = batch_options(write_suite(root, table), out_dir=str(root.parent / "run"))
    return make_plan(options, roots=[root])


def refused(root: Path, table: dict[str, Any]) -> AdhashError:
    with pytest.raises((PolicyError, BadInputError)) as caught:
        confined(root, table)
    assert not (root.parent / "run").exists()
    return caught.value


@pytest.mark.parametrize(
    "named",
    [
        "../secret/trace.csv",
        "x/../../secret/trace.csv",
        "/etc/passwd",
        "/dev/stdin",
        "/dev/zero",
        "/proc/self/environ",
        "..",
        "nul\0byte",
        "\ud800",
    ],
)
def test_a_confined_suite_reads_nothing_outside_of_its_roots(root: Path, named: str) -> None:
    for option in ("csv", "snapshot_in", "config"):
        error = refused(root, suite(job(**{option: named})))
        assert "batch.jobs[0] (one)" in error.detail


@pytest.mark.parametrize("link", ["file", "folder", "chain", "circle"])
def test_a_link_does_not_lead_out_of_the_roots(root: Path, link: str) -> None:
    (root / "file").symlink_to("../secret/trace.csv")
    (root / "folder").symlink_to("../secret")
    (root / "chain").symlink_to("file")
    (root / "circle").symlink_to("circle")
    named = {"folder": "folder/trace.csv"}.get(link, link)
    assert isinstance(refused(root, suite(job(csv=named))), PolicyError)


def test_a_link_within_the_roots_is_followed_before_the_job_sees_it(root: Path) -> None:
    (root / "link.csv").symlink_to("trace.csv")
    (planned,) = confined(root, suite(job(csv="link.csv"))).jobs
    assert planned.arguments == (f"--csv={root / 'trace.csv'}",)


def test_a_pipe_within_the_roots_is_refused(root: Path) -> None:
    os.mkfifo(root / "pipe")
    assert "regular files" in refused(root, suite(job(csv="pipe"))).detail


def test_a_suite_outside_of_the_roots_is_refused(root: Path) -> None:
    harmless = {"name": "one", "command": "run-csv", "sample": "zipf"}
    path = write_suite(root.parent / "secret", suite(harmless))
    assert make_plan(batch_options(path), roots=[root.parent]).jobs
    (root / "link.json").symlink_to(path)
    for named in (path, root / "link.json", root / ".." / "secret" / "suite.json"):
        with pytest.raises(PolicyError, match=r"(suite|link)\.json' is not allowed"):
            make_plan(batch_options(named), roots=[root])


@pytest.mark.parametrize("named", ["../x", "/x", "a/../../x", "."])
def test_a_confined_suite_writes_only_into_the_folder_of_its_run(root: Path, named: str) -> None:
    for option in ("snapshot_out", "json_summary_out", "metrics_out_dir"):
        assert f"(one): {option}" in refused(root, suite(job(**{option: named}))).detail
    for option in ("report", "html_report"):
        assert "batch: " in refused(root, suite(**{option: named})).detail


def test_a_link_in_the_folder_of_the_run_does_not_lead_out_of_it(root: Path) -> None:
    (root.parent / "run").mkdir()
    (root.parent / "run" / "link").symlink_to(root.parent / "secret")
    with pytest.raises(PolicyError, match="only into the folder of its run"):
        confined(root, suite(job(snapshot_out="link/trace.csv")))


def test_what_a_confined_suite_writes_lies_in_the_folder_of_its_run(root: Path) -> None:
    plan = confined(root, suite(job(snapshot_out="a/map.arrow"), report="r.md"))
    run = root.parent / "run"
    assert plan.jobs[0].writes == {"snapshot_out": run / "a" / "map.arrow"}
    assert plan.report == run / "r.md"


@pytest.mark.parametrize(
    "more",
    [
        {"metrics_port": 9_000},
        {"metrics_host": "0.0.0.0"},  # noqa: S104
        {"config": "listen.toml"},
        {"config": "ticks.toml"},
    ],
)
def test_a_confined_replay_neither_listens_nor_writes_by_a_setting(
    root: Path, more: dict[str, Any]
) -> None:
    (root / "listen.toml").write_text("[metrics]\nport = 9000\n", "utf-8")
    (root / "ticks.toml").write_text('[metrics]\nout_dir = "/tmp/ticks"\n', "utf-8")
    assert isinstance(refused(root, suite(job(**more))), PolicyError)


@pytest.mark.parametrize("side", ["a", "b"])
def test_a_confined_comparison_does_not_write_by_a_setting_either(root: Path, side: str) -> None:
    variants = {"a": {"mode": "std"}, "b": {"mode": "swiss"}}
    variants[side]["metrics.out_dir"] = "/tmp/ticks"  # noqa: S108
    compared = {"name": "ab", "command": "ab-compare", "csv": "trace.csv", **variants}
    assert "metrics.out_dir" in refused(root, suite(compared)).detail


def test_a_config_without_such_settings_is_allowed(root: Path) -> None:
    (root / "fine.toml").write_text("[replay]\nverify = true\n", "utf-8")
    assert confined(root, suite(job(config="fine.toml", metrics_port="off"))).jobs


def test_a_table_in_place_starts_from_the_first_root(root: Path) -> None:
    write_suite(root, suite())
    options = read_options(BatchOptions, {"spec": suite(), "out_dir": str(root.parent / "run")})
    (planned,) = make_plan(options, roots=[root]).jobs
    assert planned.arguments == (f"--csv={root / 'trace.csv'}",)


# --- a person is trusted -----------------------------------------------------------------------


def test_a_trusted_suite_names_files_relative_to_where_it_stands(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path, suite(job(csv="../t.csv", snapshot_out="m.arrow"), job("two", csv="/x/t.csv"))
    )
    assert plan.jobs[0].arguments == (
        f"--csv={tmp_path}/../t.csv",
        f"--snapshot-out={tmp_path / 'm.arrow'}",
    )
    assert plan.jobs[1].arguments == ("--csv=/x/t.csv",)


def test_options_of_the_batch_itself_are_relative_to_where_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_suite(tmp_path, suite(report="r.md", html_report="r.html", max_parallel=3))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    by_suite = make_plan(read_options(BatchOptions, {"spec_path": str(path)}))
    assert by_suite.out_dir == tmp_path / "here" / "runs" / "batch" / "suite"
    assert (by_suite.report, by_suite.html_report) == (tmp_path / "r.md", tmp_path / "r.html")
    by_caller = make_plan(
        batch_options(path, report="mine.md", html_report="mine.html", max_parallel=1)
    )
    assert by_caller.report == tmp_path / "here" / "mine.md"
    assert by_caller.html_report == tmp_path / "here" / "mine.html"
    assert (by_suite.max_parallel, by_caller.max_parallel) == (3, 1)


def test_the_callers_timeout_wins_over_the_jobs_and_that_over_the_suites(tmp_path: Path) -> None:
    table = suite(job(timeout_s=5), job("two"), job_timeout_s=9)
    path = write_suite(tmp_path, table)
    assert [each.timeout_s for each in make_plan(batch_options(path)).jobs] == [5, 9]
    by_caller = make_plan(batch_options(path, job_timeout_s=1))
    assert [each.timeout_s for each in by_caller.jobs] == [1, 1]


# --- files that jobs share ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "table",
    [
        suite(job("a", snapshot_out="m"), job("b", snapshot_out="m")),
        suite(job("a", snapshot_out="m", json_summary_out="./m")),
        suite(job("a", json_summary_out="suite.json")),
        suite(job("a", json_summary_out="out/result.json")),
        suite(job("a", json_summary_out="out/a/stdout.log")),
        suite(job("a", json_summary_out="r.md"), report="r.md"),
        suite(report="r.md", html_report="r.md"),
        suite(report="suite.json"),
        suite(job("a", json_summary_out="s", matrix={"mode": ["swiss", "std"]})),
    ],
)
def test_a_file_has_one_writer(tmp_path: Path, table: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        plan_of(tmp_path, table)


def test_the_jobs_of_a_matrix_put_their_name_into_paths(tmp_path: Path) -> None:
    axes = {"mode": ["swiss", "std"]}
    plan = plan_of(tmp_path, suite(job("m", json_summary_out="{name}.json", matrix=axes)))
    assert [each.writes["json_summary_out"].name for each in plan.jobs] == [
        "m-swiss.json",
        "m-std.json",
    ]


def test_what_a_job_writes_is_what_another_reads_wherever_it_lies(root: Path) -> None:
    jobs = [
        job("save", snapshot_out="m.arrow"),
        job("check", command="verify-snapshot", snapshot="m.arrow", needs=["save"]),
    ]
    del jobs[1]["csv"]
    plan = confined(root, suite(*jobs))
    assert plan.jobs[1].arguments == ("--", str(root.parent / "run" / "m.arrow"))


def test_a_job_that_reads_what_another_writes_must_need_it(tmp_path: Path) -> None:
    save = job("save", snapshot_out="m.arrow")
    between = job("between", needs=["save"])
    with pytest.raises(BadInputError, match=r"load reads .* which save writes") as caught:
        plan_of(tmp_path, suite(save, job("load", snapshot_in="m.arrow")))
    assert caught.value.hint == 'needs = ["save"]'
    load = job("load", snapshot_in="m.arrow", needs=["between"])
    assert plan_of(tmp_path, suite(load, between, save)).jobs
