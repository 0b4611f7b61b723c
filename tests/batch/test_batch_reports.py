"""What reports say, and that whatever stands in a result is shown as text and never executed."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from batch_samples import batch_result, job_result, summary

from adhash.batch.job_tables import headline
from adhash.batch.result import BatchResult
from adhash.reports.figures import all_figures
from adhash.reports.html_page import html_page, write_html_page
from adhash.reports.markdown_page import markdown_page
from adhash.reports.replays import TraceGroup, trace_groups
from adhash.reports.tables import comparison_table, noise_notes, regret_table

HOSTILE = '</script><script>alert("x")</script><img src=x onerror=alert(1)>|`*[a](javascript:x)'


def replay(name: str, *summaries: dict[str, Any]) -> Any:
    return job_result(name, result={"summaries": list(summaries)})


def groups_of(*jobs: Any) -> list[TraceGroup]:
    """Return the replays of jobs, by trace."""
    return trace_groups(batch_result(*jobs).content().replays)


def poisoned(value: Any) -> Any:
    """Return a value in which every text ends in what a page might execute."""
    if isinstance(value, dict):
        return {name: poisoned(each) for name, each in value.items()}
    if isinstance(value, list):
        return [poisoned(each) for each in value]
    return value + HOSTILE if isinstance(value, str) else value


def hostile_result() -> BatchResult:
    """Return a result whose every free text is hostile."""
    bad = {**poisoned(summary()), "status": "completed"}
    failed = {"error": "BadInput", "detail": f"line\n| {HOSTILE}", "hint": HOSTILE}
    return batch_result(
        replay("a" + HOSTILE, bad, {**bad, "mode": "</style>"}),
        job_result("b", status="failed", exit_code=2, result=None, error=failed),
        job_result("c", command="profile", result={"reason" + HOSTILE: HOSTILE, "n": 1.5}),
        name="suite" + HOSTILE,
        spec=HOSTILE,
        status="failed",
    )


class Elements(HTMLParser):
    """The elements of a page: names, attributes, and the text of scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._is_in_script = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
            self._is_in_script = True

    def handle_endtag(self, tag: str) -> None:
        self._is_in_script = False

    def handle_data(self, data: str) -> None:
        if self._is_in_script:
            self.scripts[-1] += data


# --- comparing ---------------------------------------------------------------------------------


def test_replays_are_compared_by_trace_and_rate() -> None:
    paced = summary("std", manifest={"trace_sha256": "1", "settings": {"replay": {"rate": 500.0}}})
    result = batch_result(
        replay("a", summary("swiss", csv="x/t.csv"), summary("std", csv="x/t.csv")),
        replay("b", summary("swiss", csv="y/t.csv")),
        replay("c", paced),
        replay("d", summary("swiss", csv="x/t.csv")),
        replay("e", summary("swiss", status="validated")),
        replay("f", summary("swiss", status="cancelled")),
    )
    groups = trace_groups(result.content().replays)
    assert [group.title for group in groups] == [
        "t.csv (1)",
        "t.csv (2)",
        "trace.csv at 500 ops/s",
    ]
    assert [each.label for each in groups[0].replays] == ["swiss, a", "std", "swiss, d"]


def test_a_job_that_has_the_mode_in_its_name_is_not_called_by_it_twice() -> None:
    modes = ("swiss", "swiss", "std")
    names = ("replay-swiss-1", "replay-swiss-2", "replay-std-1")
    made = (replay(name, summary(mode)) for name, mode in zip(names, modes, strict=True))
    result = batch_result(*made)
    (group,) = trace_groups(result.content().replays)
    assert [each.label for each in group.replays] == ["replay-swiss-1", "replay-swiss-2", "std"]


def test_the_table_tells_figures_relative_to_the_best_and_the_noise() -> None:
    noise = {"noise": {"verdict": "noisy", "reasons": ["stolen time"]}, "trace_sha256": "trace.csv"}
    (group,) = groups_of(
        replay("a", summary("swiss")),
        replay("b", summary("std", elapsed_s=2.0, ops_per_second=500_000.0, manifest=noise)),
    )
    table = comparison_table(group)
    names = [column.heading for column in table.columns]
    swiss, std = (dict(zip(names, row, strict=True)) for row in table.rows)
    assert (swiss["vs best"], swiss["regret"], swiss["noise"]) == ("1.00x", "1.00", "quiet")
    assert (std["vs best"], std["regret"], std["noise"]) == ("0.25x", "4.00", "noisy")
    assert noise_notes(group) == ["std was disturbed: stolen time"]
    assert (std["p99.9"], std["longest pause"], std["bytes/entry"]) == ("300 ns", "5 µs", "41.0")


def test_regret_is_time_by_that_of_the_best_fixed_engine_and_of_runs_the_median() -> None:
    first = [
        replay("a", summary("adaptive", elapsed_s=0.9), summary("swiss", elapsed_s=1.0)),
        *(replay(f"s{at}", summary("std", elapsed_s=at)) for at in (1.0, 2.0, 4.0)),
    ]
    other = replay("b", summary("swiss", csv="u", elapsed_s=3.0))
    groups = groups_of(*first, other)
    assert groups[0].best_fixed == ("swiss", 1.0)
    assert groups[0].spread("std") == pytest.approx(0.75)
    table = regret_table(groups)
    assert [column.heading for column in table.columns][2:] == ["adaptive", "swiss", "std"]
    assert table.rows == (
        ("trace.csv", "swiss", "0.90", "1.00", "2.00"),
        ("u", "swiss", "-", "1.00", "-"),
        ("geometric mean", "", "0.90 (of 1)", "1.00", "2.00 (of 1)"),
        ("worst", "", "0.90", "1.00", "2.00"),
    )


def test_runs_that_differ_in_a_setting_are_variants_and_in_their_seed_repeats() -> None:
    def run(name: str, *, every: int, seed: int) -> Any:
        settings = {"replay": {"rate": 0.0, "seed": seed, "latency_sample_every": every}}
        manifest = {"trace_sha256": "1", "settings": settings}
        return replay(name, summary("swiss", manifest=manifest))

    (group,) = groups_of(
        run("a", every=1, seed=1), run("b", every=1, seed=2), run("c", every=9, seed=1)
    )
    once, often = "swiss, latency_sample_every=1", "swiss, latency_sample_every=9"
    assert [each.variant for each in group.replays] == [once, once, often]
    assert [each.label for each in group.replays] == [f"{once}, a", f"{once}, b", often]
    (throughput, _), _ = all_figures([group])
    assert [bar["name"] for bar in throughput.data] == [once, often]
    assert "error_x" not in throughput.data[1]


def test_runs_of_the_adaptive_engine_alone_are_compared_with_the_fastest() -> None:
    (group,) = groups_of(
        replay("a", summary("adaptive", elapsed_s=1.0)),
        replay("b", summary("fast", engine="adaptive", elapsed_s=2.0)),
    )
    assert (group.regret("adaptive"), group.regret("fast")) == (1.0, 2.0)


def test_what_a_summary_does_not_know_is_a_dash() -> None:
    empty = {"mode": "swiss", "status": "completed", "latency_ns": None, "pauses": "none"}
    (group,) = groups_of(replay("a", empty))
    (row,) = comparison_table(group).rows
    assert row[0] == "swiss"
    assert set(row[1:]) == {"-"}


def test_a_line_a_job_says_what_came_of_it() -> None:
    assert headline(job_result()) == "swiss 2 M ops/s"
    checked = job_result(result={"summaries": [summary(status="validated")]})
    assert headline(checked) == "swiss validated"
    found = {"schema": "adhash.profile.v1", "recommended_mode": "swiss", "confidence": 0.9}
    assert headline(job_result(result=found)) == "recommended mode swiss"
    other = {"csv": "t", "visited": 3, "found": True, "seed": 5}
    assert headline(job_result(result=other)) == "csv t, visited 3, found True"
    described = {"csv": "t", "rows": 1_101_025, "is_exact": True}
    assert headline(job_result(result=described)) == "rows 1,101,025"
    probed = {"key": "5", "conclusion": "The key is present, known after 1 step."}
    assert headline(job_result(result=probed)) == "The key is present, known after 1 step."
    error = {"error": "IO", "detail": "no disk", "hint": "buy one"}
    failed = job_result(status="failed", error=error)
    assert headline(failed) == "IO: no disk (buy one)"


# --- Markdown ----------------------------------------------------------------------------------


def test_the_markdown_report_has_jobs_replays_other_results_and_manifests() -> None:
    profile = job_result("p", command="profile", result={"recommended_mode": "swiss"})
    report = markdown_page(batch_result(job_result(), profile).content())
    for part in (
        "# suite",
        "## Jobs",
        "| one | run-csv | completed | 1 s | swiss 2 M ops/s |",
        "## Replays of trace.csv",
        "## p (profile)",
        "- recommended mode: swiss",
        "## Manifests",
        '"cpu": "A CPU"',
    ):
        assert part in report


def test_text_in_a_result_is_text_in_markdown() -> None:
    report = markdown_page(hostile_result().content())
    prose = re.sub(r"```json\n.*?\n```", "", report, flags=re.DOTALL)
    assert "```" not in prose.replace("\\`", "")
    assert "<script" not in prose
    assert "<img" not in prose
    assert "\\[a\\](javascript:x)" in prose
    jobs = prose[prose.index("## Jobs") : prose.index("## Regret")]
    rows = [line for line in jobs.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 3
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 6 for row in rows)


# --- HTML --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the page of a hostile result, with the real plotly in it."""
    path = tmp_path_factory.mktemp("html") / "report.html"
    write_html_page(path, hostile_result().content())
    return path.read_text("utf-8")


def test_a_page_has_the_figures_of_every_trace() -> None:
    two = batch_result(replay("a", summary("swiss"), summary("std")), replay("b", summary(csv="u")))
    found = Elements(html_page(two.content(), plotly=""))
    ids = [attrs["id"] for tag, attrs in found.found if tag == "div" and "id" in attrs]
    each = ("percentiles", "layouts", "probes")
    assert ids == ["throughput", "memory", *(f"{name}-{at}" for at in (0, 1) for name in each)]
    figures = json.loads(found.scripts[0])
    assert [figure["name"] for figure in figures] == ids
    assert all(figure["data"] for figure in figures)


def test_a_page_loads_nothing(page: str) -> None:
    found = Elements(page).found
    assert not {tag for tag, _ in found} & {"link", "img", "iframe", "object", "embed", "base"}
    assert not [attrs for _, attrs in found if attrs.keys() & {"src", "href", "srcset", "action"}]
    (policy,) = [attrs["content"] for tag, attrs in found if "http-equiv" in attrs]
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "http" not in policy
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def test_nothing_in_a_result_becomes_an_element_or_a_script(page: str) -> None:
    elements = Elements(page)
    assert len(elements.scripts) == 3
    assert "Plotly.react" in elements.scripts[2]
    assert not [attrs for _, attrs in elements.found if "onerror" in attrs]
    assert "<script>alert" not in page
    assert page.count("</style>") == 1


def test_the_policy_allows_exactly_the_scripts_of_the_page(page: str) -> None:
    _, packed, draw = Elements(page).scripts
    plotly = gzip.decompress(base64.b64decode(packed)).decode()
    allowed = re.findall(r"'sha256-([^']+)'", page[: page.index("<title>")])
    digests = [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        for script in (draw, plotly)
    ]
    assert allowed == digests


def test_labels_of_figures_hold_no_markup_that_plotly_reads(page: str) -> None:
    figures = Elements(page).scripts[0]
    assert "\\u003c" in figures  # its own line breaks in what hovers
    texts = [text for text in _texts(json.loads(figures)) if "script" in text]
    assert texts
    for text in texts:
        assert re.findall(r"<(?!/?extra>|/?b>|br>)", text) == []


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in items for text in _texts(each)]


def test_a_batch_without_replays_has_a_page_without_scripts() -> None:
    profile = job_result("p", command="profile", result={"recommended_mode": "swiss"})
    elements = Elements(html_page(batch_result(profile).content(), plotly="never"))
    assert elements.scripts == []
    (policy,) = [attrs["content"] for _, attrs in elements.found if "http-equiv" in attrs]
    assert "script-src 'none'" in str(policy)


def test_jobs_that_did_not_complete_stand_first_and_many_jobs_are_folded() -> None:
    error = {"error": "IO", "detail": "no disk", "hint": ""}
    failed = job_result("broken", status="failed", exit_code=5, result=None, error=error)
    page = html_page(
        batch_result(*(job_result(f"j{at}") for at in range(20)), failed).content(), plotly=""
    )
    assert page.index("Not completed") < page.index("IO: no disk") < page.index("all 21 jobs")


def test_the_expected_probes_are_drawn_as_far_as_an_entry_may_be_there() -> None:
    expected = [0.9, 0.09, 0.009, 0.0009, 0.00009]
    (group,) = groups_of(replay("a", summary(probe_hist=[90, 9, 1], probe_expected=expected)))
    _, ((*_, probes),) = all_figures([group])
    _, line = probes.data
    assert (line["name"], line["y"]) == ("expected of a uniform hash", [0.9, 0.09, 0.009])
    assert line["showlegend"]


@pytest.mark.parametrize("bad", ["x", -1, 1e400, float("nan"), 10**400, [[]], {}, None, True])
def test_a_figure_that_is_no_number_is_not_drawn(bad: Any) -> None:
    strange = dict.fromkeys(("elapsed_s", "ops_per_second", "probe_hist", "pauses"), bad)
    latency = {"overall": dict.fromkeys(("p50", "p90", "max", "samples"), bad)}
    change = [{"at_s": bad, "to_layout": bad, "at_ops": bad}]
    page = html_page(
        batch_result(
            replay("a", summary("swiss", **strange, latency_ns=latency, layout_timeline=change)),
            replay("b", summary("std", probe_expected=[bad], pauses=[{"at_s": bad, "ns": bad}])),
        ).content(),
        plotly="",
    )
    figures = json.loads(Elements(page).scripts[0], parse_constant=pytest.fail)
    assert [figure["name"] for figure in figures][:2] == ["throughput", "memory"]


# --- figures -----------------------------------------------------------------------------------


def test_a_label_has_one_colour_and_the_reference_is_grey() -> None:
    groups = groups_of(replay("a", summary("swiss"), summary("std")), replay("b", summary(csv="u")))
    together, (first, second) = all_figures(groups)
    bars = {bar["name"]: bar["marker"]["color"] for bar in together[0].data}
    assert bars["std"] == "#8a8f98"
    curves = {curve["name"]: curve["line"]["color"] for curve in [*first[0].data, *second[0].data]}
    assert curves == bars


def test_bars_of_a_label_stand_at_its_traces_only() -> None:
    groups = groups_of(replay("a", summary("swiss"), summary("std")), replay("b", summary(csv="u")))
    (throughput, _), _ = all_figures(groups)
    assert [(bar["name"], bar["x"]) for bar in throughput.data] == [
        ("swiss", ["trace.csv", "u"]),
        ("std", ["trace.csv"]),
    ]


def test_a_layout_lasts_until_the_next_one_and_the_last_until_the_end() -> None:
    changes = [
        {"at_s": 0.0, "to_layout": "swiss", "signal": "start", "at_ops": 0},
        {"at_s": 0.2, "to_layout": "chaining", "signal": "misses", "at_ops": 9},
    ]
    groups = groups_of(replay("a", summary("adaptive", layout_timeline=changes)))
    _, ((_, layouts, _),) = all_figures(groups)
    first, second, pauses = layouts.data
    assert (first["name"], first["base"], first["x"]) == ("swiss", [0.0], [0.2])
    assert (second["name"], second["base"], second["x"]) == ("chaining", [0.2], [0.3])
    assert (pauses["x"], pauses["text"]) == ([0.25], ["5 µs, growth"])


def test_long_probes_are_counted_at_the_end_of_the_axis() -> None:
    groups = groups_of(replay("a", summary(probe_hist=[1] * 1_000)))
    _, ((_, _, probes),) = all_figures(groups)
    (bar,) = probes.data
    assert len(bar["x"]) == 64
    assert sum(bar["y"]) == pytest.approx(1)


def test_figures_that_nothing_is_known_for_are_left_out() -> None:
    bare = {"mode": "swiss", "status": "completed", "csv": "t", "ops_per_second": 1.0}
    together, (own,) = all_figures(groups_of(replay("a", bare)))
    assert [figure.name for figure in together] == ["throughput"]
    assert own == []


def test_the_bundle_of_plotly_is_whole(page: str) -> None:
    bundle = gzip.decompress(base64.b64decode(Elements(page).scripts[1])).decode()
    assert len(bundle) > 1_000_000
    assert "</script" not in bundle.lower()
