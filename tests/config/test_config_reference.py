"""The reference in the documentation holds every setting, as the code has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from adhash.config_models import SettingInfo, setting_catalogue
from adhash.config_sources import PRESETS_VARIABLE, list_presets

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"


@pytest.fixture(scope="module")
def reference() -> str:
    return REFERENCE.read_text("utf-8")


@pytest.mark.parametrize("info", setting_catalogue().values(), ids=setting_catalogue())
def test_each_setting_is_in_the_reference_with_default_range_unit_and_meaning(
    info: SettingInfo, reference: str
) -> None:
    section = reference.split(f"### `[{info.table}]`")[1].split("###")[0]
    unit = info.unit or "-"
    row = f"| `{info.name}` | `{info.default}` | {info.allowed} | {unit} | {info.meaning} |"
    assert row in section.splitlines()


def test_the_reference_has_no_setting_that_does_not_exist(reference: str) -> None:
    rows = [
        line for line in reference.splitlines() if line.startswith("| `") and "ADHASH_" not in line
    ]
    assert len(rows) == len(setting_catalogue())


def test_the_reference_names_the_presets(reference: str) -> None:
    assert PRESETS_VARIABLE in reference
    for preset in list_presets():
        assert f"`{preset.name}`" in reference
