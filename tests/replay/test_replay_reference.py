"""The reference pages name every field, every metric and every option, and nothing else."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from adhash.analysis.dna import WorkloadDnaResult
from adhash.metrics.board import TickBoard
from adhash.metrics.collectors import TickCollector
from adhash.metrics.endpoint import PATHS
from adhash.metrics.ticks import Tick
from adhash.replay.summary import Summary

DOCS = Path(__file__).resolve().parents[2] / "docs"
CODE = re.compile(r"`([a-z_.*\[\]0-9]+)`")


def first_cells(page: str, heading: str) -> Iterator[list[str]]:
    """Yield the code words of the first cell of each row of a table with such a heading."""
    table = page.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    for row in table.splitlines()[2:]:
        yield CODE.findall(row.split("|")[1])


def documented_fields(page: str) -> set[str]:
    """Return the fields of a page; after the first of a cell only the last part may be written."""
    found = set()
    for first, *others in first_cells(page, "field"):
        parent = first.rpartition(".")[0]
        found.add(first)
        found |= {other if "." in other or not parent else f"{parent}.{other}" for other in others}
    return found


def model_fields(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of a model's fields; a list adds ``[]``, a dict of parts ``.*``."""
    for name, field in model.model_fields.items():
        path = prefix + (field.alias or name)
        yield path
        for part, suffix in parts_of(field.annotation):
            yield from model_fields(part, f"{path}{suffix}.")


def parts_of(annotation: Any, suffix: str = "") -> Iterator[tuple[type[BaseModel], str]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, suffix
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is list:
        yield from parts_of(inner[0], f"{suffix}[]")
    elif origin is dict:
        yield from parts_of(inner[1], f"{suffix}.*")
    elif origin in (typing.Union, types.UnionType):
        for each in inner:
            yield from parts_of(each, suffix)


def merged(fields: set[str]) -> set[str]:
    """Return fields with the four series of latencies, which are alike, as one."""
    series = re.compile(r"^latency_ns\.(overall|get|put|del)\b\.?")
    return {series.sub("latency_ns.*.", field) for field in fields} - {"latency_ns.*."}


@pytest.mark.parametrize(
    ("page", "model"),
    [("summary.md", Summary), ("metrics.md", Tick), ("workload-dna.md", WorkloadDnaResult)],
    ids=["summary", "ticks", "dna"],
)
def test_page_names_every_field_of_its_model_and_no_other(
    page: str, model: type[BaseModel]
) -> None:
    text = (DOCS / "reference" / page).read_text(encoding="utf-8")
    fields = merged(set(model_fields(model)))
    assert len(fields) > 20
    assert documented_fields(text) == fields


def test_page_names_every_prometheus_metric_and_no_other() -> None:
    text = (DOCS / "reference" / "metrics.md").read_text(encoding="utf-8")
    documented = {cell[0] for cell in first_cells(text, "Prometheus metric")}
    suffixes = {"counter": ["_total"], "info": ["_info"], "histogram": ["_bucket", "_count"]}
    exported = {
        family.name + suffix
        for family in TickCollector(TickBoard()).collect()
        for suffix in suffixes.get(family.type, [""])
    }
    assert documented == exported


def test_page_names_every_path_of_the_endpoint() -> None:
    text = (DOCS / "reference" / "metrics.md").read_text(encoding="utf-8")
    for path in PATHS:
        assert f"| `{path}` |" in text
