"""A report as Markdown, for a pull request, an issue or a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from adhash.markup import markdown_table, markdown_text
from adhash.reports.content import Content, Source
from adhash.reports.other_results import facts_and_tables
from adhash.reports.replays import TraceGroup, trace_groups
from adhash.reports.tables import (
    REGRET,
    comparison_table,
    machine,
    noise_notes,
    regret_table,
    unfinished_table,
)


def markdown_page(content: Content, *, has_manifests: bool = True) -> str:
    """Return a report.

    Parameters
    ----------
    content : Content
        What it says.
    has_manifests : bool
        Whether to end with the manifest of every replay.

    Returns
    -------
    str
        Markdown with tables, as GitHub reads it. Whatever text a result holds is shown as text.
    """
    page = "\n".join(_lines(content, has_manifests=has_manifests)) + "\n"
    # JSON can spell halves of characters, which no file can hold.
    return page.encode("utf-8", "replace").decode("utf-8")


def _lines(content: Content, *, has_manifests: bool) -> Iterator[str]:
    yield f"# {markdown_text(content.title)}\n"
    yield from (f"- {word}: {markdown_text(fact)}" for word, fact in content.facts)
    if content.jobs is not None:
        yield "\n## Jobs\n"
        yield from markdown_table(content.jobs)
    if content.unfinished:
        yield "\n## Not completed\n"
        yield from markdown_table(unfinished_table(content.unfinished))
    groups = trace_groups(content.replays)
    if groups:
        yield from _regrets(groups)
    for group in groups:
        yield from _replays(group)
    for other in content.others:
        yield from _other(other)
    if has_manifests:
        yield from _manifests(content)


def _regrets(groups: Sequence[TraceGroup]) -> Iterator[str]:
    yield "\n## Regret\n"
    yield from markdown_table(regret_table(groups))
    yield f"\n{REGRET}"


def _replays(group: TraceGroup) -> Iterator[str]:
    yield f"\n## Replays of {markdown_text(group.title)}\n"
    yield from markdown_table(comparison_table(group))
    yield f"\nOn {markdown_text(machine(group) or 'a machine not told')}.\n"
    yield from (f"- {markdown_text(note)}" for note in noise_notes(group))


def _other(other: Source) -> Iterator[str]:
    facts, tables = facts_and_tables(other)
    yield f"\n## {markdown_text(other.name)} ({markdown_text(other.command)})\n"
    yield from (f"- {markdown_text(word)}: {markdown_text(fact)}" for word, fact in facts)
    for table in tables:
        yield ""
        yield from markdown_table(table)


def _manifests(content: Content) -> Iterator[str]:
    found = [each for each in content.replays if "manifest" in each.result]
    if not found:
        return
    yield "\n## Manifests\n"
    for each in found:
        title = markdown_text(f"{each.name}: {each.result.get('mode')}")
        yield f"<details><summary>{title}</summary>\n"
        # No line of it can end the block: JSON writes a line break inside of a text as \n.
        yield f"```json\n{json.dumps(each.result['manifest'], indent=2)}\n```\n\n</details>"
