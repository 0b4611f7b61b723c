"""Every result is plain data, a table, and a cell of a notebook in which nothing is executed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from IPython.core.formatters import DisplayFormatter

from adhash import Map
from adhash.analysis.ab_compare import ab_compare
from adhash.analysis.compact_snapshot import compact_snapshot
from adhash.analysis.conversion import convert
from adhash.analysis.diff_snapshot import diff_snapshot
from adhash.analysis.dna import workload_dna
from adhash.analysis.generate_csv import generate_csv
from adhash.analysis.inspect_snapshot import inspect_snapshot
from adhash.analysis.probe_visualize import probe_visualize
from adhash.analysis.profile import profile
from adhash.analysis.verify_snapshot import verify_snapshot
from adhash.batch import batch
from adhash.errors import BadInputError
from adhash.replay import run_csv
from adhash.results import Result, columns_of

HOSTILE = "<script>alert(1)</script>&\"'.csv"
ROWS = "op,key,value\n" + "".join(
    f"put,<img src=x onerror=alert({key})>,{key}\nget,<img src=x onerror=alert({key})>,\n"
    for key in range(30)
)
SUITE = {"name": "two", "jobs": [{"name": "r", "command": "run-csv", "mode": "swiss,std"}]}
LARGEST = 200_000


def _probe(_: str) -> Result:
    return probe_visualize("<b>1</b>", seed=["<b>1</b>=1"], mode="swiss")


def _snapshot(trace: str) -> Result:
    path = Path(trace).with_suffix(".arrow")
    Map({"a": 1}, key="str").save(path)
    return verify_snapshot(path)


def _compact(trace: str) -> Result:
    path = Path(trace).with_suffix(".arrow")
    Map({"a": 1}, key="str").save(path)
    return compact_snapshot(path, out=path)


def _inspect(trace: str) -> Result:
    path = Path(trace).with_suffix(".arrow")
    Map({HOSTILE: 1}, key="str").save(path)
    return inspect_snapshot(path, key=HOSTILE)


def _diff(trace: str) -> Result:
    paths = [Path(trace).with_suffix(f".{side}.arrow") for side in "ab"]
    for number, path in enumerate(paths):
        Map({HOSTILE: number}, key="str").save(path)
    return diff_snapshot(*paths)


def _batch(trace: str) -> Result:
    jobs = [{**SUITE["jobs"][0], "csv": trace}]  # type: ignore[dict-item]
    return batch(spec={**SUITE, "jobs": jobs}, out_dir=Path(trace).parent / "out")


def _generated(trace: str) -> Result:
    return generate_csv(f"{trace}.like.csv", like=trace)


# A result of each command, and how many rows it has as a table.
MADE: dict[str, tuple[Callable[[str], Result], int | None]] = {
    "summary": (lambda trace: run_csv(trace, mode="swiss"), 1),
    "profile": (lambda trace: profile(trace, mode="swiss,std", rounds=1), 2),
    "workload-dna": (lambda trace: workload_dna(trace), 1),
    "ab-compare": (
        lambda t: ab_compare(t, a={"mode": "swiss"}, b={"mode": "std"}, min_pairs=3, max_pairs=3),
        3,
    ),
    "probe-visualize": (_probe, 1),
    "inspect-snapshot": (_inspect, 1),
    "verify-snapshot": (_snapshot, None),
    "compact-snapshot": (_compact, 1),
    "diff-snapshot": (_diff, 1),
    "batch": (_batch, 2),
    "convert": (lambda trace: convert(trace, f"{trace}.arrow"), 1),
    "generate-csv": (_generated, 1),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    """Return a result of every command, on a trace with a hostile name and hostile keys."""
    trace = tmp_path_factory.mktemp("results") / HOSTILE.replace("/", "\N{DIVISION SLASH}")
    trace.write_text(ROWS, "utf-8")
    return {name: make(str(trace)) for name, (make, _) in MADE.items()}


class Cell(HTMLParser):
    """The elements of a cell, each with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize("name", MADE)
def test_a_notebook_shows_a_result_as_small_and_harmless_html(
    results: dict[str, Result], name: str
) -> None:
    shown, _ = DisplayFormatter().format(results[name])  # type: ignore[no-untyped-call]
    html = shown["text/html"]
    found = Cell(html)
    assert found.elements <= {"div", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert found.attributes <= {"style", "scope"}
    assert "td" in found.elements
    assert len(html) < LARGEST


@pytest.mark.parametrize("name", MADE)
def test_a_result_is_the_same_table_in_arrow_and_in_pandas(
    results: dict[str, Result], name: str
) -> None:
    table, frame = results[name].to_arrow(), results[name].to_pandas()
    assert isinstance(table, pa.Table)
    assert list(frame.columns) == table.column_names
    assert len(frame) == table.num_rows
    rows = MADE[name][1]
    assert table.num_rows == rows or rows is None
    assert table.num_rows > 0


@pytest.mark.parametrize("name", MADE)
def test_a_result_is_read_back_from_its_json(results: dict[str, Result], name: str) -> None:
    result = results[name]
    assert type(result).model_validate_json(result.to_json()) == result
    assert type(result).model_validate(result.to_dict()) == result
    assert str(result).count("\n") >= 2


@pytest.mark.parametrize(("method", "package"), [("to_arrow", "pyarrow"), ("to_pandas", "pandas")])
def test_a_package_that_is_missing_is_named(
    results: dict[str, Result], method: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(BadInputError, match=f"{method} needs {package}") as caught:
        getattr(results["summary"], method)()
    assert caught.value.hint == f"pip install {package}"


def test_columns_have_a_value_a_record_in_the_order_of_their_names() -> None:
    records: list[dict[str, Any]] = [{"a": 1, "b": {"c": [2]}}, {"d": 3, "b": {"e": None}}]
    assert columns_of(records) == {
        "a": [1, None],
        "b.c": [[2], None],
        "d": [None, 3],
        "b.e": [None] * 2,
    }


def test_a_generated_trace_tells_how_far_to_trust_it(results: dict[str, Result]) -> None:
    shown = str(results["generate-csv"])
    assert "60 operations" in shown
    assert "the fit is" in shown
    (figures,) = results["generate-csv"].as_tables()
    assert "hit_share" in {row[0] for row in figures.rows}


def test_a_conversion_tells_counts_in_words(results: dict[str, Result]) -> None:
    assert "operations: 60: 30 get, 30 put, 0 del" in str(results["convert"])
