"""Suites that are wrong are refused before anything runs, with the place of each fault."""

from __future__ import annotations

import json
import os
import sys
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from batch_samples import batch_options, job, plan_of, suite, write_suite
from hypothesis import given, settings
from hypothesis import strategies as st

from adhash.batch.plan import make_plan
from adhash.batch.spec import JobSpec, check_spec
from adhash.batch.spec_text import MAX_SPEC_BYTES, bundled_suites, parse_spec
from adhash.errors import AdhashError, BadInputError
from adhash.options.base import read_options
from adhash.options.batch import BatchOptions
from adhash.options.commands import SUITE_COMMANDS


def refused(folder: Path, table: dict[str, Any]) -> BadInputError:
    """Return the refusal of a suite."""
    with pytest.raises(BadInputError) as caught:
        plan_of(folder, table)
    assert not (folder / "out").exists()
    return caught.value


@pytest.mark.parametrize(
    ("table", "place"),
    [
        (suite(colour="red"), "batch.colour is not a key of a suite"),
        (suite(job(colour="red")), "batch.jobs[0] (one): colour is not an option"),
        (suite(job(), job("two", mode="SWISS")), "batch.jobs[1] (two): mode"),
        (suite(job(command="batch")), "batch.jobs[0].command: there is no"),
        (suite(job(command="sh")), "batch.jobs[0].command: there is no"),
        (suite(job(command="batch")), "batch.jobs[0].command"),
        (suite(job(command="serve")), "batch.jobs[0].command"),
        (suite({"command": "run-csv"}), "batch.jobs[0].name is missing"),
        (suite({"name": "a"}), "batch.jobs[0].command is missing"),
        (suite("text"), "batch.jobs[0]: a table; got text"),  # type: ignore[arg-type]
        (suite(job(needs="two")), "batch.jobs[0].needs: a list; got two"),
        (suite(job(timeout_s=0)), "batch.jobs[0].timeout_s"),
        (suite(job(timeout_s=True)), "batch.jobs[0].timeout_s"),
        (suite(job(matrix={"mode": "swiss"})), "batch.jobs[0].matrix.mode: a list; got swiss"),
        (suite(job(matrix={"mode": []})), "batch.jobs[0].matrix.mode"),
        (suite(max_parallel=0), "batch.max_parallel"),
        (suite(report=""), "batch.report"),
        ({"name": "suite", "jobs": []}, "batch.jobs"),
        ({"name": "suite"}, "batch.jobs is missing"),
        ({"jobs": [job()]}, "batch.name is missing"),
    ],
)
def test_a_fault_is_refused_with_its_place(
    tmp_path: Path, table: dict[str, Any], place: str
) -> None:
    assert place in refused(tmp_path, table).detail


def test_all_faults_are_told_at_once_but_not_without_end(tmp_path: Path) -> None:
    detail = refused(tmp_path, suite(*(job(f"j{at}", timeout_s=-1) for at in range(50)))).detail
    assert "batch.jobs[0]" in detail
    assert "batch.jobs[19]" in detail
    assert "batch.jobs[20]" not in detail
    assert detail.endswith("and 30 more")


def test_a_slip_in_a_name_is_answered_with_the_right_one(tmp_path: Path) -> None:
    assert "verify" in refused(tmp_path, suite(job(verfy=True))).hint
    assert "max_parallel" in refused(tmp_path, suite(max_paralell=2)).hint
    assert "ab-compare" in refused(tmp_path, suite(job(command="run"))).hint


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "../up", "a.b", "-a", "a b", "a\n", "a\0", "\x1b[2J", "é", "a" * 65, 7],
)
def test_a_name_that_is_no_plain_word_is_refused(tmp_path: Path, name: Any) -> None:
    detail = refused(tmp_path, suite(job(name))).detail
    assert "batch.jobs[0].name" in detail
    assert detail.isprintable()
    assert "batch.name" in refused(tmp_path, suite(job(), name=name)).detail


@pytest.mark.parametrize("second", ["one", "ONE"])
def test_two_jobs_of_one_name_are_refused(tmp_path: Path, second: str) -> None:
    assert (
        "batch.jobs[1].name: there is another"
        in refused(tmp_path, suite(job("one"), job(second))).detail
    )


def test_standard_input_is_refused(tmp_path: Path) -> None:
    assert "(one): a job has no standard input" in refused(tmp_path, suite(job(csv="-"))).detail


def test_no_option_of_a_command_has_the_name_of_a_key_of_jobs() -> None:
    for model in SUITE_COMMANDS.values():
        assert set(model.model_fields).isdisjoint(JobSpec.model_fields)


# --- needs and matrices ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("jobs", "circle"),
    [
        ([job("a", needs=["a"])], "a needs a"),
        ([job("a", needs=["b"]), job("b", needs=["a"])], "a needs b needs a"),
        ([job("a", needs=["b"], matrix={"mode": ["swiss"]}), job("b", needs=["a"])], "b needs"),
    ],
)
def test_needs_that_go_round_in_a_circle_are_refused(
    tmp_path: Path, jobs: list[dict[str, Any]], circle: str
) -> None:
    detail = refused(tmp_path, suite(*jobs)).detail
    assert "jobs wait for each other" in detail
    assert circle in detail or "b needs a needs b" in detail


def test_a_need_that_is_no_job_is_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, suite(job("fill"), job("two", needs=["fil"])))
    assert "'fil'" in error.detail
    assert "fill" in error.hint


def test_a_matrix_makes_a_job_for_every_combination(tmp_path: Path) -> None:
    axes = {"mode": ["swiss", "std"], "csv": ["in/a.csv.zst", "b.csv"], "verify": [True]}
    varied = {"name": "m", "command": "run-csv", "matrix": axes}
    jobs = plan_of(tmp_path, suite(varied)).jobs
    assert [each.name for each in jobs] == [
        "m-swiss-a-true",
        "m-swiss-b-true",
        "m-std-a-true",
        "m-std-b-true",
    ]
    assert jobs[1].given == {"mode": "swiss", "csv": "b.csv", "verify": True}
    assert jobs[1].arguments == (f"--csv={tmp_path / 'b.csv'}", "--mode=swiss", "--verify")


def test_a_need_of_a_matrix_is_a_need_of_each_of_its_jobs_or_of_one(tmp_path: Path) -> None:
    axes = {"mode": ["swiss", "std"]}
    jobs = plan_of(
        tmp_path,
        suite(job("m", matrix=axes), job("all", needs=["m"]), job("two", needs=["m-std"])),
    ).jobs
    assert [each.needs for each in jobs] == [(), (), ("m-swiss", "m-std"), ("m-std",)]


def test_names_of_a_matrix_stay_apart_from_each_other_and_from_other_jobs(tmp_path: Path) -> None:
    axes = {"csv": ["a/x.csv", "b/x.csv", "X", "!", "y" * 500]}
    varied = {"name": "m", "command": "run-csv", "matrix": axes}
    names = [each.name for each in plan_of(tmp_path, suite(varied, job("m-x"))).jobs]
    assert names[:4] == ["m-x-2", "m-x-3", "m-X-4", "m-x-5"]
    assert len(set(map(str.lower, names))) == len(names)
    assert max(map(len, names)) < 130


def test_a_matrix_of_variants_is_named_by_their_settings(tmp_path: Path) -> None:
    compared = {
        "name": "ab",
        "command": "ab-compare",
        "sample": "zipf",
        "a": {"mode": "std"},
        "matrix": {"b": [{"mode": "swiss"}, {"mode": "chaining", "replay.rate": 5}]},
    }
    names = [each.name for each in plan_of(tmp_path, suite(compared)).jobs]
    assert names == ["ab-mode-swiss", "ab-mode-chaining-replay-rate-5"]


def test_a_comparison_of_a_suite_names_no_program(tmp_path: Path) -> None:
    sides = {"a": {"mode": "swiss"}, "b": {"mode": "std"}}
    compared = {"name": "ab", "command": "ab-compare", "sample": "zipf", **sides}
    assert len(plan_of(tmp_path, suite(compared)).jobs) == 1
    detail = refused(tmp_path, suite({**compared, "b_python": sys.executable})).detail
    assert "b_python is not an option" in detail


def test_a_matrix_of_a_million_jobs_is_refused_before_it_is_made(tmp_path: Path) -> None:
    axes = {"rate": list(range(1_000)), "seed": list(range(1_000))}
    assert "1,000,000 jobs" in refused(tmp_path, suite(job(matrix=axes))).detail


@pytest.mark.parametrize(
    ("matrix", "detail"),
    [
        ({"colour": ["red"]}, "matrix.'colour' is not an option of run-csv"),
        ({"timeout_s": [1]}, "matrix.'timeout_s' is not an option"),
        ({"csv": ["b.csv"]}, "csv is given, and varied by the matrix too"),
        ({"mode": ["swiss", "no such"]}, "batch.jobs[0] (m-no-such): mode"),
    ],
)
def test_a_matrix_varies_only_options_of_the_command(
    tmp_path: Path, matrix: dict[str, Any], detail: str
) -> None:
    assert detail in refused(tmp_path, suite(job("m", matrix=matrix))).detail


# --- files -------------------------------------------------------------------------------------


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("name", "text", "detail"),
    [
        ("s.toml", "[batch", "not valid TOML"),
        ("s.toml", "n = " + "9" * 5_000, "not valid TOML"),
        ("s.toml", "a = " + "[" * 100_000, "nested too deeply"),
        ("s.toml", "[batch]\nname='s'\njobs = " + "[" * 50 + "]" * 50, "nested too deeply"),
        ("s.toml", "", "no table [batch]"),
        ("s.toml", "batch = 3", "no table [batch]"),
        ("s.toml", "[batch]\n[other]", "'other' is not a table of a suite"),
        ("s.toml", "[batch]\n[[jobs]]", "'jobs' is not a table of a suite"),
        ("s.toml", b"\xff\xfe", "not UTF-8"),
        ("s.toml", "#" * (MAX_SPEC_BYTES + 1), "longer than 1 MiB"),
        ("s.json", "{", "not valid JSON"),
        ("s.json", "[]", "a suite is a table; got list"),
        ("s.json", "[" * 100_000, "nested too deeply"),
        ("s.json", '{"name": "a", "name": "b"}', "twice"),
        ("s.json", '{"max_parallel": NaN}', "NaN"),
        ("s.json", '{"max_parallel": 1e999}', "batch.max_parallel"),
    ],
)
def test_a_file_that_is_no_suite_is_refused(
    tmp_path: Path, name: str, text: str | bytes, detail: str
) -> None:
    path = write(tmp_path, name, text)
    with pytest.raises(BadInputError) as caught:
        make_plan(batch_options(path))
    assert detail in caught.value.detail
    assert len(caught.value.detail) < 3_000


def test_a_missing_file_a_folder_and_a_pipe_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "none", tmp_path, tmp_path / "pipe"):
        with pytest.raises(BadInputError, match=r"there is no suite|is not a file"):
            make_plan(batch_options(path))


def test_a_suite_reads_the_same_as_toml_json_and_in_place(tmp_path: Path) -> None:
    text = '[batch]\nname = "s"\n[[batch.jobs]]\nname = "a"\ncommand = "run-csv"\ncsv = "t.csv"\n'
    table = tomllib.loads(text)["batch"]
    plans = [
        make_plan(batch_options(write(tmp_path, "s.toml", "\ufeff" + text))),
        make_plan(batch_options(write(tmp_path, "s.json", json.dumps(table)))),
        make_plan(batch_options(write(tmp_path, "t.json", json.dumps({"batch": table})))),
    ]
    assert len({plan.jobs[0].arguments for plan in plans}) == 1
    inline = make_plan(read_options(BatchOptions, {"spec": table}))
    assert inline.jobs[0].arguments == (f"--csv={Path.cwd() / 't.csv'}",)


def test_both_or_none_of_file_and_table_are_refused() -> None:
    for values in ({}, {"spec": {}, "spec_path": "s.toml"}):
        with pytest.raises(BadInputError, match="either spec_path"):
            read_options(BatchOptions, values)


JSON_VALUES = (
    st.none()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.lists(st.text(max_size=4), max_size=2)
    | st.dictionaries(st.sampled_from(["mode", "csv"]), st.lists(st.integers(), max_size=2))
)
OPTIONAL = ("needs", "matrix", "csv", "sample", "timeout_s", "mode", "a", "snapshot")
JOBS = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b", "c"]), "command": st.sampled_from([*SUITE_COMMANDS, "sh"])},
    optional=dict.fromkeys(OPTIONAL, JSON_VALUES),
)


@settings(deadline=None)
@given(table=st.fixed_dictionaries({"name": st.just("s"), "jobs": st.lists(JOBS, max_size=3)}))
def test_whatever_a_suite_holds_it_is_read_or_refused(table: dict[str, Any]) -> None:
    # Any other error, or a crash, is a fault.
    with suppress(AdhashError):
        check_spec(table, source="s")
        make_plan(read_options(BatchOptions, {"spec": table}))


# --- the bundled ones --------------------------------------------------------------------------


def test_every_bundled_suite_is_right_and_says_what_it_is_for(tmp_path: Path) -> None:
    suites = bundled_suites()
    assert {"engines", "smoke"} <= {each.name for each in suites}
    for each in suites:
        table = parse_spec(each.text, source=each.name, is_json=False)
        assert check_spec(table, source=each.name).name == each.name
        assert len(each.about) > 20
        options = {"spec_path": each.name, "out_dir": str(tmp_path / each.name)}
        assert make_plan(read_options(BatchOptions, options)).jobs


def test_a_file_hides_the_bundled_suite_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(make_plan(read_options(BatchOptions, {"spec_path": "engines"})).jobs) == 15
    write_suite(tmp_path, suite()).rename(tmp_path / "engines")
    with pytest.raises(BadInputError, match="not valid TOML"):
        make_plan(read_options(BatchOptions, {"spec_path": "engines"}))
