"""The pages name every field of a result and every check, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("adhash.maps", reason="the native module is not built", exc_type=ImportError)

from adhash import Map
from adhash.analysis.ab_result import AbCompareResult
from adhash.analysis.inspect_snapshot import InspectSnapshotResult
from adhash.analysis.verify_snapshot import VerifySnapshotResult, verify_snapshot

DOCS = Path(__file__).resolve().parents[2] / "docs"


def first_cells(page: str, heading: str) -> list[str]:
    """Return the first cell of each row of the table with such a heading."""
    table = page.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    return [row.split("|")[1].strip() for row in table.splitlines()[2:]]


def test_every_field_of_a_comparison_is_on_its_page() -> None:
    page = (DOCS / "howto" / "compare-two-configurations.md").read_text("utf-8")
    named = {word for cell in first_cells(page, "field") for word in re.findall(r"`(\w+)`", cell)}
    assert named == {field.alias or name for name, field in AbCompareResult.model_fields.items()}


def test_every_part_of_an_inspected_snapshot_is_on_its_page() -> None:
    page = (DOCS / "reference" / "snapshots.md").read_text("utf-8")
    section = page.split("## Looking into one", 1)[1].split("\n## ", 1)[0]
    cells = first_cells(section, "field")
    named = {word for cell in cells for word in re.findall(r"`(\w+)`", cell)}
    assert named == set(InspectSnapshotResult.model_fields) - {"schema_", "snapshot"}


def test_every_check_and_field_of_a_verified_snapshot_is_on_its_page(tmp_path: Path) -> None:
    page = (DOCS / "reference" / "snapshots.md").read_text("utf-8")
    Map({1: 2}).save(tmp_path / "map.arrow")
    checks = verify_snapshot(tmp_path / "map.arrow").checks
    assert first_cells(page, "check") == [check.name for check in checks]
    section = page.split("## Checking one", 1)[1].split("\n## ", 1)[0]
    own = set(VerifySnapshotResult.model_fields) - {"schema_", "snapshot", "checks"}
    assert {name for name in own if f"`{name}`" not in section} == set()
