"""A report as one HTML file that needs nothing else: no network, no other file.

Whatever a result says is data. Text is escaped where it becomes HTML, figures stand in a block of
JSON that no browser executes, and a content security policy lets run exactly the two scripts whose
digests it names, and loads nothing from anywhere. Plotly, most of the page, is packed: a third of
its size, and no longer what a search through the page finds first.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from importlib import resources, util
from pathlib import Path

from adhash.atomic_files import replace_text
from adhash.errors import BadInputError
from adhash.markup import CellMark, html_table
from adhash.presenters import Table
from adhash.reports.content import Content, Source
from adhash.reports.dna_figures import dna_figures
from adhash.reports.figure_style import Figure
from adhash.reports.figures import all_figures
from adhash.reports.other_results import facts_and_tables
from adhash.reports.replays import TraceGroup, trace_groups
from adhash.reports.tables import (
    FINE_REGRET,
    GOOD_REGRET,
    REGRET,
    comparison_table,
    machine,
    noise_notes,
    regret_table,
    unfinished_table,
)

_JOBS_SHOWN = 12
_BAD = frozenset({"failed", "timed out", "cancelled", "skipped"})


def require_plotly() -> None:
    """Refuse to begin what shall end in an HTML report if plotly is not installed.

    Raises
    ------
    BadInputError
        If it is missing.
    """
    if util.find_spec("plotly") is None:
        raise BadInputError(
            "an HTML report needs plotly, which is not installed",
            hint="pip install 'adhash[report]', or ask for the Markdown report only",
        )


def write_html_page(path: Path, content: Content) -> None:
    """Write a report as HTML.

    Parameters
    ----------
    path : Path
        The file, in a folder that is there.
    content : Content
        What it says.

    Raises
    ------
    BadInputError
        If plotly is not installed.
    StorageError
        If it cannot be written.
    """
    require_plotly()
    replace_text(path, html_page(content, plotly=_plotly_bundle()))


@cache
def _plotly_bundle() -> str:
    """Return plotly's own JavaScript, without the seconds that importing plotly takes."""
    return (resources.files("plotly") / "package_data" / "plotly.min.js").read_text("utf-8")


def html_page(content: Content, *, plotly: str) -> str:
    """Return a report.

    Parameters
    ----------
    content : Content
        What it says.
    plotly : str
        The JavaScript of plotly.

    Returns
    -------
    str
        A page that loads nothing.
    """
    groups = trace_groups(content.replays)
    together, of_groups = all_figures(groups)
    of_others = [dna_figures(each, name=str(at)) for at, each in enumerate(content.others)]
    figures = [*together, *(figure for each in (*of_groups, *of_others) for figure in each)]
    draw = _own_file("page.js")
    scripts = [draw, plotly] if figures else []
    page = "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(scripts)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(content.title)}: adhash {escape(content.kind)}</title>",
            f"<style>\n{_own_file('page.css')}</style>\n</head>\n<body>",
            *_body(content, groups, together, of_groups, of_others),
            *(_drawing(figures, draw, plotly) if figures else ()),
            "</body>\n</html>\n",
        ]
    )
    # JSON can spell halves of characters, which no file can hold.
    return page.encode("utf-8", "replace").decode("utf-8")


def _own_file(name: str) -> str:
    return (resources.files("adhash") / "reports" / name).read_text("utf-8")


def _drawing(figures: Sequence[Figure], draw: str, plotly: str) -> Iterator[str]:
    yield f'<script type="application/json" id="figures">{_as_json(figures)}</script>'
    yield f'<script type="text/plain" id="plotly">{_packed(plotly)}</script>'
    yield f"<script>{draw}</script>"


@cache
def _packed(script: str) -> str:
    return base64.b64encode(gzip.compress(script.encode(), 9, mtime=0)).decode()


def _policy(scripts: Sequence[str]) -> str:
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed or repr('none')}; "
        "style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
    )


def _as_json(figures: Sequence[Figure]) -> str:
    """Return the figures as JSON in which nothing can end the element that it stands in."""
    drawn = [{"name": each.name, "data": each.data, "layout": each.layout} for each in figures]
    return json.dumps(drawn, allow_nan=False).replace("<", "\\u003c").replace(">", "\\u003e")


# --- the page ----------------------------------------------------------------------------------


def _body(
    content: Content,
    groups: Sequence[TraceGroup],
    together: Sequence[Figure],
    of_groups: Sequence[Sequence[Figure]],
    of_others: Sequence[Sequence[Figure]],
) -> Iterator[str]:
    yield f"<main>\n<header><p>adhash {escape(content.kind)}</p>"
    yield f"<h1>{escape(content.title)}</h1>"
    yield from _facts(content.facts, status=content.status)
    yield from _contents(groups)
    yield "</header>"
    yield '<p id="no-figures" hidden></p>'
    yield "<noscript><p>Without JavaScript the figures are missing; the tables have all numbers."
    yield "</p></noscript>"
    if content.jobs is not None:
        yield from _jobs(content.jobs)
    if content.unfinished:
        yield from _not_completed(unfinished_table(content.unfinished))
    if groups:
        yield from _all_traces(groups, together)
    for at, (group, figures) in enumerate(zip(groups, of_groups, strict=True)):
        yield from _trace(group, figures, at)
    for other, figures in zip(content.others, of_others, strict=True):
        yield from _other(other, figures)
    yield from _manifests(content)
    yield "</main>"


def _facts(facts: Sequence[tuple[str, str]], *, status: str = "") -> Iterator[str]:
    yield "<dl>"
    for word, fact in facts:
        is_status = bool(status) and fact == status
        mark = f' class="{"completed" if fact == "completed" else "warned"}"' if is_status else ""
        yield f"<div><dt>{escape(word)}</dt><dd{mark}>{escape(fact)}</dd></div>"
    yield "</dl>"


def _contents(groups: Sequence[TraceGroup]) -> Iterator[str]:
    if len(groups) > 1:
        links = "".join(
            f'<a href="#trace-{at}">{escape(group.title)}</a>' for at, group in enumerate(groups)
        )
        yield f'<nav aria-label="Traces">{links}</nav>'


def _jobs(jobs: Table) -> Iterator[str]:
    """Yield what did not complete in full view, and all jobs folded where they are many."""
    bad = tuple(row for row in jobs.rows if not _BAD.isdisjoint(row))
    if bad:
        yield from _not_completed(Table(columns=jobs.columns, rows=bad))
    yield '<h2 id="jobs">Jobs</h2>'
    if len(jobs.rows) <= _JOBS_SHOWN:
        yield from _table(jobs, kind="jobs")
        return
    yield f"<details><summary>all {len(jobs.rows):,} jobs</summary>"
    yield from _table(jobs, kind="jobs")
    yield "</details>"


def _not_completed(jobs: Table) -> Iterator[str]:
    yield '<h2 id="not-completed">Not completed</h2>'
    yield from _table(jobs, kind="jobs")


def _all_traces(groups: Sequence[TraceGroup], together: Sequence[Figure]) -> Iterator[str]:
    yield f'<h2 id="all">{"All traces" if len(groups) > 1 else "At a glance"}</h2>'
    yield from _figures(together)
    yield f"<h3>Regret</h3>\n<p>{escape(REGRET)} {_REGRET_COLOURS}</p>"
    yield from _table(regret_table(groups), mark=_regret_mark)


_REGRET_COLOURS = (
    f"Green: at most {FINE_REGRET:.2f}, as good as none; yellow: at most {GOOD_REGRET:.2f}."
)


def _regret_mark(cell: str) -> str:
    figure = cell.partition(" ")[0]
    if not figure.replace(".", "", 1).isdecimal():
        return ""
    regret = float(figure)
    word = "good" if regret <= FINE_REGRET else "fair" if regret <= GOOD_REGRET else "bad"
    return f' class="{word}"'


def _trace(group: TraceGroup, figures: Sequence[Figure], at: int) -> Iterator[str]:
    yield f'<h2 id="trace-{at}">{escape(group.title)}</h2>'
    yield f"<p>On {escape(machine(group) or 'a machine not told')}.</p>"
    yield from _table(comparison_table(group))
    yield from _noise(noise_notes(group), len(group.replays))
    yield from _figures(figures)


def _noise(notes: Sequence[str], runs: int) -> Iterator[str]:
    if notes:
        yield '<details class="note"><summary>The machine disturbed '
        yield f"{len(notes)} of {runs} runs: do not judge small differences of theirs.</summary>"
        yield from (f"<p>{escape(note)}</p>" for note in notes)
        yield "</details>"


def _figures(figures: Sequence[Figure]) -> Iterator[str]:
    yield '<div class="figures">'
    for figure in figures:
        whole = ' class="whole"' if figure.is_wide else ""
        yield f"<section{whole}><h3>{escape(figure.title)}</h3>\n<p>{escape(figure.about)}</p>"
        yield f'<div id="{escape(figure.name)}" class="figure"></div></section>'
    yield "</div>"


def _table(
    table: Table, *, mark: CellMark | None = None, kind: str = "comparison"
) -> Iterator[str]:
    yield f'<div class="wide {kind}">{html_table(table, mark=mark or _status_mark)}</div>'


def _status_mark(cell: str) -> str:
    return ' class="bad"' if cell in _BAD else ""


def _other(other: Source, figures: Sequence[Figure]) -> Iterator[str]:
    facts, tables = facts_and_tables(other)
    yield f"<h2>{escape(other.name)} ({escape(other.command)})</h2>"
    yield from _facts(facts)
    if figures:
        yield from _figures(figures)
    for table in tables:
        yield from _table(table)
    yield _folded("the whole result", other.result)


def _manifests(content: Content) -> Iterator[str]:
    found = [
        (f"{each.name}: {each.result.get('mode')}", each.result["manifest"])
        for each in content.replays
        if "manifest" in each.result
    ]
    if found:
        yield '<h2 id="manifests">Manifests</h2>\n<p>What repeating and judging each run takes.</p>'
        yield from (_folded(title, manifest) for title, manifest in found)


def _folded(title: str, content: object) -> str:
    text = escape(json.dumps(content, indent=2, ensure_ascii=False))
    return f"<details><summary>{escape(title)}</summary><pre>{text}</pre></details>"
