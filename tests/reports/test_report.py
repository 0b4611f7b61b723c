"""A report on result files: what is read, what is refused, what is written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adhash import Map
from adhash.analysis.compact_snapshot import compact_snapshot
from adhash.analysis.diff_snapshot import diff_snapshot
from adhash.analysis.dna import WorkloadDnaResult, workload_dna
from adhash.analysis.inspect_snapshot import inspect_snapshot
from adhash.cancellation import CancelToken
from adhash.cli import main
from adhash.errors import AdhashError, BadInputError, InterruptedRunError, StorageError
from adhash.markup import markdown_text
from adhash.options.base import read_options
from adhash.options.report import ReportOptions
from adhash.replay import run_modes
from adhash.reports import ReportResult, report
from adhash.reports.dna_figures import dna_figures
from adhash.reports.html_page import html_page
from adhash.reports.markdown_page import markdown_page
from adhash.reports.read_results import MAX_BYTES
from adhash.reports.run import content_of


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with summaries of two engines, apart and together, and a suite's result."""
    folder = tmp_path_factory.mktemp("results")
    trace = folder / "trace.csv"
    trace.write_text("op,key,value\n" + "".join(f"put,{key},1\n" for key in range(99)), "utf-8")
    found = [each.to_dict() for each in run_modes(trace, mode="swiss,std", environ={})]
    _write(folder / "swiss.json", found[0])
    _write(folder / "both.json", found)
    _write(folder / "printed.json", {"ok": True, "command": "run-csv", "summaries": found})
    job = {"name": "one", "command": "run-csv", "result": {"summaries": found}}
    other = {
        "name": "dna",
        "command": "workload-dna",
        "result": {"schema": "adhash.x-y.v1", "n": 1},
    }
    nothing = {"name": "bad", "command": "profile", "result": None}
    _write(folder / "suite.json", {"schema": "adhash.batch.v1", "jobs": [job, other, nothing]})
    return folder


def _write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), "utf-8")
    return path


@pytest.mark.parametrize(
    ("names", "modes", "others"),
    [
        (["swiss.json"], ["swiss"], []),
        (["both.json"], ["swiss", "std"], []),
        (["printed.json"], ["swiss", "std"], []),
        (["suite.json"], ["swiss", "std"], ["dna (x-y)"]),
        (["swiss.json", "both.json"], ["swiss", "swiss", "std"], []),
    ],
)
def test_a_file_may_hold_a_result_several_or_a_suite(
    results: Path, names: list[str], modes: list[str], others: list[str]
) -> None:
    result = report(*(results / name for name in names))
    (trace,) = result.traces
    assert [each.mode for each in trace.replays] == modes
    assert trace.title == "trace.csv"
    assert result.others == others
    assert result.to_arrow().num_rows == len(modes)


def test_jobs_of_a_suite_that_did_not_complete_are_told_with_their_reasons(
    results: Path, tmp_path: Path
) -> None:
    suite = json.loads((results / "suite.json").read_text("utf-8"))
    suite["jobs"][0]["status"] = "completed"
    error = {"error": "BadInput", "detail": "row 3 <is> wrong", "hint": "mend it"}
    suite["jobs"] += [
        {"name": "broken", "status": "failed", "result": None, "error": error},
        {"name": "slow", "status": "timed_out", "result": None, "error": None},
    ]
    page, text = tmp_path / "r.html", tmp_path / "r.md"
    report(_write(tmp_path / "result.json", suite), html_report=page, report=text)
    shown = text.read_text("utf-8")
    assert "- jobs not completed: 2\n" in shown
    rows = shown.partition("## Not completed\n")[2].partition("##")[0].strip().splitlines()
    assert rows[2:] == [
        "| broken | failed | BadInput: row 3 &lt;is&gt; wrong (mend it) |",
        "| slow | timed out | - |",
    ]
    drawn = page.read_text("utf-8").partition('<h2 id="not-completed">')[2].partition("<h2")[0]
    for part in ("broken", ">failed<", "row 3 &lt;is&gt; wrong", "slow", ">timed out<"):
        assert part in drawn


def test_a_report_on_a_suite_whose_jobs_completed_tells_of_no_others(results: Path) -> None:
    content = content_of(read_options(ReportOptions, {"summary": [results / "both.json"]}))
    assert "ot completed" not in markdown_page(content)
    assert "ot completed" not in html_page(content, plotly="")


def test_results_of_snapshots_are_told_in_their_words(tmp_path: Path) -> None:
    Map({1: 2, 3: 4}).save(tmp_path / "a.arrow")
    Map({1: 2, 3: 5}).save(tmp_path / "b.arrow")
    found = [
        inspect_snapshot(tmp_path / "a.arrow").to_dict(),
        diff_snapshot(tmp_path / "a.arrow", tmp_path / "b.arrow").to_dict(),
        compact_snapshot(tmp_path / "a.arrow", out=tmp_path / "c.arrow").to_dict(),
    ]
    report(_write(tmp_path / "found.json", found), report=tmp_path / "report.md")
    text = (tmp_path / "report.md").read_text("utf-8")
    assert "- holds: 2 entries of adaptive" in text
    assert "- entries: 0 added, 0 removed, 1 changed" in text
    assert "- rows: 2" in text


def test_the_dna_of_a_trace_is_validated_once_for_its_facts_and_its_figures(tmp_path: Path) -> None:
    (tmp_path / "trace.csv").write_text("op,key,value\nput,1,1\nget,1,\nget,2,\n", "utf-8")
    path = _write(tmp_path / "dna.json", workload_dna(tmp_path / "trace.csv").to_dict())
    content = content_of(read_options(ReportOptions, {"summary": [path]}))
    (dna,) = content.others
    assert isinstance(dna.known, WorkloadDnaResult)
    assert dna.known is dna.known
    assert [each.name for each in dna_figures(dna, name="0")] == ["misses-0", "keys-0"]
    for word, fact in dna.known.highlights().items():
        assert f"- {word}: {markdown_text(fact)}" in markdown_page(content)


def test_both_forms_are_written_and_named(results: Path, tmp_path: Path) -> None:
    page, text = tmp_path / "r.html", tmp_path / "r.md"
    result = report(results / "both.json", html_report=page, report=text, title="Mine")
    assert result.artifacts == {"html_report": str(page), "report": str(text)}
    assert "<title>Mine: adhash report</title>" in page.read_text("utf-8")
    assert page.stat().st_size < 3_000_000
    shown = text.read_text("utf-8")
    for part in ("# Mine", "## Regret", "## Replays of trace.csv", "## Manifests"):
        assert part in shown


def test_without_a_file_the_command_prints_the_report(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(results / "both.json")]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("# Replays of trace.csv\n")
    assert "Manifests" not in printed
    assert main(["report", "--json", str(results / "both.json")]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["ok"], answer["schema"]) == (True, "adhash.report.v1")
    ReportResult.model_validate({k: v for k, v in answer.items() if k not in ("ok", "command")})


def test_what_did_not_complete_is_left_out_and_said(results: Path, tmp_path: Path) -> None:
    summary = json.loads((results / "swiss.json").read_text("utf-8"))
    path = _write(tmp_path / "cut.json", [summary, {**summary, "status": "cancelled"}])
    result = report(path, report=tmp_path / "r.md")
    assert result.left_out == 1
    assert "1 that did not complete" in (tmp_path / "r.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"[]", "no result"),
        (b"7", "no result"),
        (b'"adhash.summary.v1"', "no result"),
        (b"{}", "no result"),
        (b'{"schema": 5}', "no result"),
        (b'{"schema": "other.v1"}', "no result"),
        (b'{"schema": "adhash.summary.v1", "elapsed_s": NaN}', "NaN"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"schema": "adhash.x.v1", "a": ' + b"[" * 60 + b"]" * 60 + b"}", "nested too deeply"),
        (b'{"schema": "adhash.x.v1", "a": ' + b"9" * 5_000 + b"}", "not valid JSON"),
    ],
)
def test_a_file_that_is_no_result_is_refused_by_name(
    tmp_path: Path, content: bytes, word: str
) -> None:
    (tmp_path / "f.json").write_bytes(content)
    with pytest.raises(BadInputError, match=word) as caught:
        report(tmp_path / "f.json")
    assert "f.json" in caught.value.detail


def test_folders_pipes_and_huge_files_are_refused_without_reading_them(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    for name in ("", "pipe", "huge"):
        with pytest.raises(BadInputError):
            report(tmp_path / name)
    with pytest.raises(StorageError, match="no file"):
        report(tmp_path / "none.json")


def test_a_cancelled_report_ends_between_two_files(results: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(InterruptedRunError, match="1 of 2 files"):
        report(results / "both.json", results / "swiss.json", cancel=token)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_a_summary_holds_there_is_a_report_or_a_refusal(
    results: Path, tmp_path: Path, data: st.DataObject
) -> None:
    summary: dict[str, Any] = json.loads((results / "swiss.json").read_text("utf-8"))
    for name in data.draw(st.lists(st.sampled_from(sorted(summary)), min_size=1, max_size=4)):
        summary[name] = data.draw(JSON)
    path = _write(tmp_path / "f.json", [summary, json.loads((results / "swiss.json").read_text())])
    options = read_options(ReportOptions, {"summary": [path]})
    try:
        content = content_of(options)
    except AdhashError:
        return
    assert html_page(content, plotly="").encode()
    assert markdown_page(content).encode()
