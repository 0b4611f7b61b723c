"""A report opens in a real browser: figures are drawn, nothing is loaded, nothing is executed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import PATIENCE_MS, Opened, opened, running_browser
from playwright.sync_api import Browser

from adhash.analysis.dna import workload_dna
from adhash.replay import run_modes
from adhash.reports import report

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"
# The colour of the numbers of an axis; nothing while it is being drawn.
INK = "(e => e && getComputedStyle(e).fill)(document.querySelector('#throughput .xtick text'))"
MODES = "adaptive,chaining,robinhood,swiss,std"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a browser for all tests of this file."""
    with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
def summaries(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Return summaries of one trace on every engine."""
    trace = tmp_path_factory.mktemp("traces") / "trace.csv"
    rows = "".join(f"put,{key},1\nget,{key * 7 % 3_000},\n" for key in range(3_000))
    trace.write_text("op,key,value\n" + rows, "utf-8")
    return [each.to_dict() for each in run_modes(trace, mode=MODES, environ={})]


def written(folder: Path, summaries: list[dict[str, Any]]) -> Path:
    """Return the page on summaries."""
    (folder / "summaries.json").write_text(json.dumps(summaries), "utf-8")
    report(folder / "summaries.json", html_report=folder / "report.html")
    return folder / "report.html"


def drawn_figures(found: Opened) -> list[str]:
    """Return the names of the figures, once all of them are drawn."""
    found.page.wait_for_selector("html[data-drawn]", timeout=PATIENCE_MS)
    drawn: list[str] = found.evaluate(
        "[...document.querySelectorAll('.figure')].filter("
        "each => each.querySelector('.main-svg .trace')).map(e => e.id)"
    )
    return drawn


def require_quiet(found: Opened, path: Path) -> None:
    """Require that the page said nothing and asked for nothing but itself."""
    assert found.complaints == []
    assert [url for url in found.requests if not url.startswith("blob:")] == [path.as_uri()]
    assert found.evaluate("document.getElementById('no-figures').hidden")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (800, "dark")])
def test_every_figure_is_drawn_and_nothing_is_loaded(
    browser: Browser, summaries: list[dict[str, Any]], tmp_path: Path, width: int, scheme: str
) -> None:
    path = written(tmp_path, summaries)
    with opened(browser, path, width=width, scheme=scheme) as found:
        names = ["throughput", "memory", "percentiles-0", "layouts-0", "probes-0"]
        assert drawn_figures(found) == names
        bars = "document.querySelectorAll('#throughput .barlayer .point').length"
        assert found.evaluate(bars) == len(summaries)
        curves = "document.querySelectorAll('#percentiles-0 .scatterlayer .trace').length"
        assert found.evaluate(curves) == len(summaries)
        lines = "document.querySelectorAll('#probes-0 .scatterlayer .trace').length"
        assert found.evaluate(lines) == len(summaries)
        # The page itself never scrolls sideways; its wide tables do within themselves.
        assert found.evaluate("document.documentElement.scrollWidth") <= width
        is_dark = "matchMedia('(prefers-color-scheme: dark)').matches"
        assert found.evaluate(is_dark) is (scheme == "dark")
        levels = [int(level) for level in found.evaluate(INK)[4:-1].split(",")[:3]]
        assert (min(levels) > 160) if scheme == "dark" else (max(levels) < 96)
        require_quiet(found, path)


def test_figures_are_drawn_again_when_the_light_goes_out(
    browser: Browser, summaries: list[dict[str, Any]], tmp_path: Path
) -> None:
    path = written(tmp_path, summaries[:1])
    with opened(browser, path, width=1280, scheme="light") as found:
        drawn_figures(found)
        before = found.evaluate(INK)
        found.page.emulate_media(color_scheme="dark")
        found.page.wait_for_selector("html[data-drawn=dark]", timeout=PATIENCE_MS)
        assert found.evaluate(INK) != before
        require_quiet(found, path)


HEIGHTS = (
    "[...document.querySelectorAll('.figure')].map("
    "each => [each.clientHeight, each.querySelector('.main-svg').clientHeight])"
)
WIDTHS = (
    "[...document.querySelectorAll('.figure')].map("
    "each => [each.clientWidth, each.querySelector('.main-svg').clientWidth])"
)


def test_a_figure_keeps_its_height_when_the_window_changes(
    browser: Browser, summaries: list[dict[str, Any]], tmp_path: Path
) -> None:
    path = written(tmp_path, summaries)
    with opened(browser, path, width=1280, scheme="light") as found:
        drawn_figures(found)
        before = found.evaluate(HEIGHTS)
        redrawn = "each => new Promise(done => each.on('plotly_relayout', () => done(true)))"
        found.evaluate(
            f"void (window.redrawn = Promise.all([...document.querySelectorAll('.figure')]"
            f".map({redrawn})))"
        )
        found.page.set_viewport_size({"width": 760, "height": 900})
        found.evaluate("window.redrawn")
        assert all(drawn < 760 for _, drawn in found.evaluate(WIDTHS))
        assert found.evaluate(HEIGHTS) == before
        assert all(of_element == drawn for of_element, drawn in before)


def test_paper_has_every_column_and_figures_as_wide_as_itself(
    browser: Browser, summaries: list[dict[str, Any]], tmp_path: Path
) -> None:
    path = written(tmp_path, summaries)
    with opened(browser, path, width=1280, scheme="dark") as found:
        drawn_figures(found)
        before = found.evaluate(WIDTHS)
        found.page.emulate_media(media="print")
        # What a browser says right before it prints; it prints what stands there afterwards.
        found.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert all(drawn <= 700 for _, drawn in found.evaluate(WIDTHS))
        assert max(map(int, found.evaluate(INK)[4:-1].split(",")[:3])) < 96
        table = "document.querySelector('.wide')"
        assert found.evaluate(f"{table}.scrollWidth <= {table}.clientWidth")
        found.page.emulate_media(media="screen")
        found.evaluate("dispatchEvent(new Event('afterprint'))")
        assert found.evaluate(WIDTHS) == before
        assert min(map(int, found.evaluate(INK)[4:-1].split(",")[:3])) > 160
        require_quiet(found, path)


def test_forty_runs_and_hostile_names_are_shown_and_not_executed(
    browser: Browser, summaries: list[dict[str, Any]], tmp_path: Path
) -> None:
    many = [{**summaries[at % 5], "mode": f"{HOSTILE} {at}"} for at in range(40)]
    for each in many[:20]:
        each["csv"] = f"{HOSTILE}.csv"
        each["manifest"] = {**each["manifest"], "trace_sha256": "other", "cpu": HOSTILE}
    path = written(tmp_path, many)
    with opened(browser, path, width=1280, scheme="light") as found:
        assert len(drawn_figures(found)) == 2 + 2 * 3
        assert found.evaluate("document.querySelectorAll('script:not([type])').length") == 2
        assert found.evaluate("document.querySelectorAll('main img, main script').length") == 0
        title = found.evaluate("document.querySelector('#trace-0').textContent")
        assert title == f"{HOSTILE}.csv".rpartition("/")[2]
        require_quiet(found, path)


def test_the_curves_of_a_trace_are_drawn_and_those_of_a_damaged_result_are_not(
    browser: Browser, tmp_path: Path
) -> None:
    trace = tmp_path / "trace.csv"
    # 300 keys in turn: an LRU cache of fewer entries misses all, one of more only the first ones.
    rows = "".join(f"get,{at % 300},\n" for at in range(3_000))
    trace.write_text("op,key,value\n" + rows, "utf-8")
    dna = workload_dna(trace).to_dict()
    (tmp_path / "dna.json").write_text(json.dumps([dna, {**dna, "rows": HOSTILE}]), "utf-8")
    path = tmp_path / "report.html"
    report(tmp_path / "dna.json", html_report=path)
    with opened(browser, path, width=1280, scheme="light") as found:
        assert drawn_figures(found) == ["misses-0", "keys-0"]
        curve = "document.getElementById('misses-0').data[0]"
        ratios = dict(zip(*(found.evaluate(f"{curve}.{name}") for name in "xy"), strict=True))
        assert ratios[256] == 1
        assert ratios[max(ratios)] == 0.1
        assert "hottest keys" in found.page.inner_text("main")
        require_quiet(found, path)


def test_a_report_without_replays_is_a_page_without_scripts(
    browser: Browser, summaries: list[dict[str, Any]], tmp_path: Path
) -> None:
    path = written(tmp_path, [{**summaries[0], "status": "cancelled"}])
    with opened(browser, path, width=800, scheme="light") as found:
        assert found.evaluate("document.scripts.length") == 0
        assert "1 that did not complete" in found.page.inner_text("main")
        require_quiet(found, path)
