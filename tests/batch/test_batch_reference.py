"""The pages on suites say what the code does: every key, every field, every limit, the example."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from adhash.batch.result import BatchResult, JobResult
from adhash.batch.spec import MAX_JOBS, BatchSpec, JobSpec
from adhash.options.commands import SUITE_COMMANDS
from adhash.reports.result import ReportResult

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "batch.md").read_text("utf-8")
HOWTO = (ROOT / "docs" / "howto" / "run-a-suite.md").read_text("utf-8")


def rows(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the rows of a table of the model's fields, those of its parts below their own."""
    for name, field in model.model_fields.items():
        path = prefix + (field.alias or name)
        yield f"| `{path}` | {field.description} |"
        for part in _parts(field.annotation):
            if part is not JobSpec:
                yield from rows(part, f"{path}." if part is not JobResult else f"{path}[].")


def _parts(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [part for each in typing.get_args(annotation) for part in _parts(each)]


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("The table `[batch]`", BatchSpec),
        ("A job, `[[batch.jobs]]`", JobSpec),
        ("The result", BatchResult),
    ],
)
def test_every_field_is_on_the_page_with_its_meaning(heading: str, model: type[BaseModel]) -> None:
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    found = [line for line in section.splitlines() if line.startswith("| `")]
    assert found == list(rows(model))


def test_the_page_names_every_command_of_a_job_and_the_most_jobs() -> None:
    assert [name for name in SUITE_COMMANDS if f"`{name}`" not in PAGE] == []
    assert f"{MAX_JOBS:,} jobs" in PAGE


def test_every_field_of_the_result_of_a_report_is_told() -> None:
    page = (ROOT / "docs" / "howto" / "report-on-replays.md").read_text("utf-8")
    assert [row for row in _report_rows(ReportResult) if row not in page.splitlines()] == []


def _report_rows(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        path = prefix + (field.alias or name)
        yield f"| `{path}` | {field.description} |"
        for part in _parts(field.annotation):
            yield from _report_rows(part, f"{path}[].")


def test_the_suite_of_the_how_to_is_the_example() -> None:
    example = (ROOT / "examples" / "suite.toml").read_text("utf-8")
    assert f"```toml\n{example}```" in HOWTO
