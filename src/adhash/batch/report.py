"""The report of a batch as Markdown, for a pull request or an issue."""

from __future__ import annotations

import json
from collections.abc import Iterator

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
from adhash.markup import markdown_table, markdown_text


def markdown_report(result: BatchResult) -> str:
    """Return the report of a batch.

    Parameters
    ----------
    result : BatchResult
        Of any batch.

    Returns
    -------
    str
        Markdown with tables, as GitHub reads it. Whatever text the result holds is shown as text.
    """
    return "\n".join(_lines(result))


def _lines(result: BatchResult) -> Iterator[str]:
    yield f"# {markdown_text(result.name)}\n"
    yield from (f"- {word}: {markdown_text(fact)}" for word, fact in overview(result))
    yield "\n## Jobs\n"
    yield from markdown_table(jobs_table(result))
    for group in trace_groups(result):
        yield from _replays(group)
    for job in other_results(result):
        yield from _figures(job)
    yield from _manifests(result)


def _replays(group: TraceGroup) -> Iterator[str]:
    yield f"\n## Replays of {markdown_text(group.title)}\n"
    yield from markdown_table(comparison_table(group))
    yield f"\nOn {markdown_text(machine(group))}. {REGRET}\n"
    yield from (f"- {markdown_text(note)}" for note in noise_notes(group))


def _figures(job: JobResult) -> Iterator[str]:
    yield f"\n## {markdown_text(job.name)} ({job.command})\n"
    yield from (
        f"- {markdown_text(name)}: {markdown_text(value)}" for name, value in scalar_figures(job)
    )


def _manifests(result: BatchResult) -> Iterator[str]:
    found = [(job, each["manifest"]) for job, each in result.summaries() if "manifest" in each]
    if not found:
        return
    yield "\n## Manifests\n"
    for job, manifest in found:
        yield f"<details><summary>{markdown_text(job)}</summary>\n"
        # No line of it can end the block: JSON writes a line break inside of a text as \n.
        yield f"```json\n{json.dumps(manifest, indent=2)}\n```\n\n</details>"
