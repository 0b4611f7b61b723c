"""The pages on the service name all that it has, and their examples run against a real server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import service_rows
from doc_pages import ROOT, Page

from adhash.service import problems
from adhash.service.api import create_app
from adhash.service.kinds import job_kinds
from adhash.service.models import EventType, JobDetail
from adhash.service.settings import ServiceSettings, load_service_settings
from torture.server import TOKEN, Server

PAGE = Page(ROOT / "docs" / "control_surface.md")
RUNBOOK = Page(ROOT / "docs" / "runbook.md")
UPGRADE = Page(ROOT / "docs" / "upgrade.md")
TOOLS = ("curl", "jq", "sqlite3", "tar")


def _sections() -> dict[str, str]:
    """Return the text under each heading of the third level, by the heading."""
    parts = re.split(r"^### `(.+)`$", PAGE.text, flags=re.MULTILINE)
    texts = (re.split(r"^## ", text, flags=re.MULTILINE)[0] for text in parts[2::2])
    return dict(zip(parts[1::2], texts, strict=True))


def _routes(tmp_path: Path) -> list[str]:
    settings = load_service_settings({}, job_root=tmp_path, token=TOKEN)
    document = create_app(settings=settings).openapi()
    paths = {
        f"{method.upper()} {path}"
        for path in document["paths"]
        for method in document["paths"][path]
    }
    return sorted(paths | {"GET /openapi.json"})


# --- what exists is described --------------------------------------------------------------------


def test_every_route_has_a_section_and_every_section_a_route(tmp_path: Path) -> None:
    assert sorted(_sections()) == _routes(tmp_path)


def test_every_route_has_examples() -> None:
    for route, text in _sections().items():
        path = route.split()[1]
        assert re.search(r"^(.*\()?(call|curl) ", text, re.MULTILINE), f"{route} has no curl"
        if path.startswith("/api/"):
            assert "```python" in text, f"{route} has no Python"
            assert "adhash " in text or "The command line" in text, f"{route} has no command"


def test_every_kind_has_examples_of_all_three_sorts() -> None:
    for name, kind in job_kinds().items():
        text = _sections()[f"POST /api/jobs/{name}"]
        assert f"/api/jobs/{name}" in text
        assert f"adhash jobs submit {name}" in text
        validated = re.search(rf'client\.validate\(\s*"{name}"', text)
        assert f"client.{kind.method}(" in text or validated


@pytest.mark.parametrize(
    "rows",
    [
        service_rows.setting_rows,
        service_rows.error_rows,
        service_rows.job_error_rows,
        service_rows.job_field_rows,
        service_rows.metric_rows,
    ],
    ids=lambda rows: rows.__name__,
)
def test_the_tables_say_what_the_code_says(rows: Callable[[], list[str]]) -> None:
    expected = rows()
    assert len(expected) >= 5
    found = [line for line in PAGE.text.splitlines() if line in set(expected)]
    assert found == expected


def test_the_tables_name_nothing_that_is_gone() -> None:
    named = set(re.findall(r"^\| `(adhash_\w+)` ", PAGE.text, re.MULTILINE))
    known = {row.split("`")[1] for row in service_rows.metric_rows()}
    assert named == known
    variables = set(re.findall(r"^\| `(ADHASH_\w+)` ", PAGE.text, re.MULTILINE))
    assert variables == {row.split("`")[1] for row in service_rows.setting_rows()}


def test_codes_of_the_framework_are_named() -> None:
    missing = [code for code in problems._CODES.values() if f"`{code}`" not in PAGE.text]
    assert missing == []


def test_every_field_of_a_job_and_every_event_is_named() -> None:
    section = _sections()["GET /api/jobs/{job_id}"]
    assert [name for name in JobDetail.model_fields if f"`{name}`" not in section] == []
    assert [each.value for each in EventType if f"| `{each.value}` |" not in PAGE.text] == []


def test_the_runbook_names_only_settings_that_exist() -> None:
    known = {f"ADHASH_{name.upper()}" for name in ServiceSettings.model_fields}
    known |= {"ADHASH_SERVER", "ADHASH_CA_FILE", "ADHASH_CLIENT_CERT", "ADHASH_JOB_ATTEMPT"}
    for page in (RUNBOOK, UPGRADE, PAGE):
        named = set(re.findall(r"\bADHASH_(?!REPLAY__)[A-Z_]+[A-Z]\b", page.text))
        assert named - known == set(), page.name


def test_every_alert_is_in_the_runbook() -> None:
    rules = (ROOT / "deploy" / "prometheus" / "alerts.yml").read_text("utf-8")
    alerts = re.findall(r"- alert: (\w+)", rules)
    assert len(alerts) >= 5
    headings = re.findall(r"^### (Adhash\w+)$", RUNBOOK.text, re.MULTILINE)
    assert headings == alerts


# --- the examples run ----------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder in which ``adhash`` and ``python`` are those of this process."""
    for tool in TOOLS:
        if shutil.which(tool) is None:
            if os.environ.get("CI"):
                pytest.fail(f"{tool} is not installed")
            pytest.skip(f"{tool} is not installed")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, words in (("adhash", "-m adhash"), ("python", "")):
        script = programs / name
        script.write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n', "utf-8")
        script.chmod(0o755)
    place = tmp_path / "page"
    place.mkdir()
    return place


@pytest.fixture
def server(folder: Path, serving: Callable[..., Server]) -> Server:
    tokens = folder / "tokens.toml"
    tokens.write_text("", "utf-8")
    return serving(
        folder.parent / "jobs",
        ADHASH_MAX_CONCURRENT_JOBS="2",
        ADHASH_CANCEL_GRACE_S="1",
        ADHASH_TOKENS_FILE=str(tokens),
    )


def _run(command: list[str], folder: Path, server: Server) -> subprocess.CompletedProcess[str]:
    own: dict[str, Any] = {
        "PATH": f"{folder.parent / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "ADHASH_SERVER": server.url,
        "ADHASH_TOKEN": TOKEN,
        "ADHASH_JOB_ROOT": str(server.job_root),
        "SERVER_PID": str(server.pid),
    }
    kept = {name: text for name, text in os.environ.items() if not name.startswith("ADHASH_")}
    done = subprocess.run(
        command,
        cwd=folder,
        env=kept | own,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=300,
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done


def _script(page: Page) -> list[str]:
    return ["sh", "-eux", "-c", "\n".join(page.blocks("sh"))]


def test_the_commands_on_the_control_surface_run(folder: Path, server: Server) -> None:
    done = _run(_script(PAGE), folder, server)
    assert done.stdout.count('"status":"pending"') >= 5
    assert (folder / "summary.json").read_bytes() == (folder / "again.json").read_bytes()


def test_the_program_on_the_control_surface_runs(folder: Path, server: Server) -> None:
    (folder / "trace.csv").write_text("op,key,value\nput,a,1\nget,a,\n", "utf-8")
    program = folder / "page.py"
    program.write_text("\n".join(PAGE.blocks("python")), "utf-8")
    done = _run([sys.executable, str(program)], folder, server)
    assert "cancelled" in done.stdout


@pytest.mark.parametrize("page", [RUNBOOK, UPGRADE], ids=lambda page: page.name)
def test_the_commands_for_operators_run(page: Page, folder: Path, server: Server) -> None:
    _run(_script(page), folder, server)
