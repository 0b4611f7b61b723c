"""The report of a batch as one HTML file that needs nothing else: no network, no other file.

Whatever a result says is data. Text is escaped where it becomes HTML, figures stand in a block of
JSON that no browser executes, and a content security policy lets run exactly the two scripts whose
digests it names, and loads nothing from anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from html import escape
from importlib import resources, util
from pathlib import Path

from adhash.atomic_files import replace_text
from adhash.batch.figures import Figure, all_figures
from adhash.batch.replays import TraceGroup, trace_groups
from adhash.batch.report_tables import (
    REGRET,
    comparison_table,
    jobs_table,
    machine,
    noise_notes,
    other_results,
    overview,
    scalar_figures,
)
from adhash.batch.result import BatchResult, JobResult
from adhash.errors import BadInputError
from adhash.markup import html_table
from adhash.presenters import Table

_BAD = frozenset({"failed", "timed out", "cancelled", "skipped"})
_DRAW = """
const figures = JSON.parse(document.getElementById("figures").textContent);
const config = {
  displaylogo: false,
  responsive: true,
  modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
};
for (const {name, data, layout} of figures) {
  Plotly.newPlot(name, data, layout, config);
}
"""


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


def write_html_report(path: Path, result: BatchResult) -> None:
    """Write the report of a batch as HTML.

    Parameters
    ----------
    path : Path
        The file, in a folder that is there.
    result : BatchResult
        Of any batch.

    Raises
    ------
    BadInputError
        If plotly is not installed.
    StorageError
        If it cannot be written.
    """
    require_plotly()
    replace_text(path, html_report(result, plotly=_plotly_bundle()))


def _plotly_bundle() -> str:
    """Return plotly's own JavaScript, without the seconds that importing plotly takes."""
    return (resources.files("plotly") / "package_data" / "plotly.min.js").read_text("utf-8")


def html_report(result: BatchResult, *, plotly: str) -> str:
    """Return the report of a batch.

    Parameters
    ----------
    result : BatchResult
        Of any batch.
    plotly : str
        The JavaScript of plotly.

    Returns
    -------
    str
        A page that loads nothing.
    """
    groups = trace_groups(result)
    together, of_groups = all_figures(groups)
    figures = [*together, *(figure for each in of_groups for figure in each)]
    scripts = [plotly, _DRAW] if figures else []
    style = (resources.files("adhash") / "batch" / "report.css").read_text("utf-8")
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(scripts)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(result.name)}: adhash batch</title>",
            f"<style>\n{style}</style>\n</head>\n<body>",
            *_body(result, groups, together, of_groups),
            f'<script type="application/json" id="figures">{_as_json(figures)}</script>',
            *(f"<script>{script}</script>" for script in scripts),
            "</body>\n</html>\n",
        ]
    )


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
    result: BatchResult,
    groups: Sequence[TraceGroup],
    together: Sequence[Figure],
    of_groups: Sequence[Sequence[Figure]],
) -> Iterator[str]:
    yield f"<main>\n<h1>{escape(result.name)}</h1>"
    yield from _overview(result)
    yield "<h2>Jobs</h2>"
    yield from _table(jobs_table(result))
    if together:
        yield "<h2>All traces</h2>"
        yield from _figures(together)
    for group, figures in zip(groups, of_groups, strict=True):
        yield f"<h2>{escape(group.title)}</h2>"
        yield f"<p>On {escape(machine(group))}. {REGRET}</p>"
        yield from _table(comparison_table(group))
        yield from (f"<p>{escape(note)}</p>" for note in noise_notes(group))
        yield from _figures(figures)
    for job in other_results(result):
        yield from _other(job)
    yield from _manifests(result)
    yield "</main>"


def _overview(result: BatchResult) -> Iterator[str]:
    yield "<dl>"
    for word, fact in overview(result):
        mark = f' class="{escape(result.status)}"' if word == "status" else ""
        yield f"<div><dt>{escape(word)}</dt><dd{mark}>{escape(fact)}</dd></div>"
    yield "</dl>"


def _figures(figures: Sequence[Figure]) -> Iterator[str]:
    yield '<div class="figures">'
    for figure in figures:
        yield f"<section><h3>{escape(figure.title)}</h3>\n<p>{escape(figure.about)}</p>"
        yield f'<div id="{escape(figure.name)}" class="figure"></div></section>'
    yield "</div>"


def _table(table: Table) -> Iterator[str]:
    yield f'<div class="wide">{html_table(table, mark=_mark)}</div>'


def _mark(cell: str) -> str:
    return ' class="bad"' if cell in _BAD else ""


def _other(job: JobResult) -> Iterator[str]:
    yield f"<h2>{escape(job.name)} ({escape(job.command)})</h2>\n<dl>"
    for name, value in scalar_figures(job):
        yield f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
    yield "</dl>"
    yield _folded("the whole result", job.result)


def _manifests(result: BatchResult) -> Iterator[str]:
    found = [
        (f"{job}: {summary.get('mode')}", summary["manifest"])
        for job, summary in result.summaries()
        if "manifest" in summary
    ]
    if found:
        yield "<h2>Manifests</h2>\n<p>What repeating and judging each run takes.</p>"
        yield from (_folded(title, manifest) for title, manifest in found)


def _folded(title: str, content: object) -> str:
    text = escape(json.dumps(content, indent=2, ensure_ascii=False))
    return f"<details><summary>{escape(title)}</summary><pre>{text}</pre></details>"
