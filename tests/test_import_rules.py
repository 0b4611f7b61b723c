"""What importing adhash loads, and who may touch the native module.

Static contracts (.importlinter) miss imports inside functions and compiled modules; these see both.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import adhash
import hashmap_cli

PACKAGE = Path(adhash.__file__).parent
FRAMEWORKS = {
    *("fastapi", "starlette", "uvicorn", "httpx", "flask", "django", "aiohttp"),
    *("textual", "rich", "typer", "click", "plotly"),
    *("distributed", "dask", "ray", "sqlalchemy", "psycopg", "fsspec"),
    *("pyarrow", "pandas", "polars", "numpy", "pydantic", "prometheus_client", "structlog"),
}
HEAVY_FOR_THE_COMMAND_LINE = {"pyarrow", "pandas", "polars", "numpy", "prometheus_client"}


def modules_loaded_by(code: str) -> set[str]:
    """Return the top-level modules that a fresh Python has loaded after `code`."""
    report = "import json, sys; print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    script = f"{code}\n{report}"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_adhash_loads_no_framework() -> None:
    loaded = modules_loaded_by("import adhash")
    assert "adhash" in loaded
    assert loaded.isdisjoint(FRAMEWORKS)


def test_the_errors_load_no_framework() -> None:
    assert modules_loaded_by("import adhash; adhash.ConfigError").isdisjoint(FRAMEWORKS)


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_version_and_help_load_nothing_heavy(option: str) -> None:
    loaded = modules_loaded_by(f"from adhash.cli import main; assert main([{option!r}]) == 0")
    assert "typer" in loaded
    assert loaded.isdisjoint(HEAVY_FOR_THE_COMMAND_LINE)


def native_importers() -> set[str]:
    """Return the first part, under adhash, of each file that imports the native module."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        if any(imports_native(node) for node in ast.walk(tree)):
            found.add(path.relative_to(PACKAGE).parts[0])
    return found


def imports_native(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(alias.name == "adhash._native" for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        names = {f"{node.module}.{alias.name}" for alias in node.names}
        return node.module == "adhash._native" or "adhash._native" in names
    return False


@pytest.mark.parametrize(
    "line",
    ["import adhash._native", "from adhash import _native", "from adhash._native import Map"],
)
def test_every_way_to_import_the_native_module_is_seen(line: str) -> None:
    assert imports_native(ast.parse(line).body[0])


def test_only_maps_and_replay_import_the_native_module() -> None:
    assert native_importers() <= {"maps", "replay"}


def test_public_names_are_the_objects_of_their_modules() -> None:
    from adhash import config_models, config_sources, errors

    assert adhash.ConfigError is errors.ConfigError
    assert adhash.Settings is config_models.Settings
    assert adhash.load_settings is config_sources.load_settings
    assert adhash.errors is errors
    assert hashmap_cli.load_settings is config_sources.load_settings
    assert hashmap_cli.AdhashError is errors.AdhashError


def test_all_names_are_listed_and_none_is_listed_twice() -> None:
    assert set(adhash.__all__) <= set(dir(adhash))
    assert len(set(adhash.__all__)) == len(adhash.__all__)
    assert set(hashmap_cli.__all__) == {
        "AdhashError",
        "Map",
        "Settings",
        "load_settings",
        "main",
        "run_csv",
    }


@pytest.mark.parametrize("module", [adhash, hashmap_cli])
def test_an_unknown_name_is_an_attribute_error(module: object) -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        module.nothing  # type: ignore[attr-defined]  # noqa: B018
