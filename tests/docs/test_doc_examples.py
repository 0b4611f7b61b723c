"""The commands and programs in the documentation run as they are printed.

Each page gets a folder of its own with the files that its examples take for granted; its commands
run there one after another. Sizes are cut down, targets of make are looked up instead of run, and a
server that a page starts runs on a free port while the rest of the page does.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from doc_pages import ROOT, SERVICE_PAGES, Page, pages

from adhash import Map

_MODULE = "CACHE: dict[str, int] = {}\n"
_PROGRAM = """
from adhash.workloads import Recorder
from myapp import store

cache = Recorder(store.CACHE)
cache["a"] = 1
cache["a"]
"""
SERVER = "http://127.0.0.1:9600"
_MOST = 2_000
_CALIBRATE = re.compile(r"^adhash calibrate$")
_SMALL = "adhash calibrate --rounds 1 --largest 4096"
_SIZE = re.compile(r"(--(?:rows|keys|count|preload)) (\d+)")

PAGES = [page for page in pages() if page.name not in SERVICE_PAGES]
PAGES_WITH_COMMANDS = [page for page in PAGES if page.commands()]
PAGES_WITH_PROGRAMS = [page for page in PAGES if page.blocks("python")]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what the examples of the pages start from."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(ROOT / "examples", folder / "examples")
    shutil.copy(ROOT / "examples" / "checkout.csv", folder / "trace.csv")
    Map({"apple": 3}, key="str").save(folder / "stock.arrow")
    (folder / "myapp").mkdir()
    (folder / "myapp" / "__init__.py").touch()
    (folder / "myapp" / "store.py").write_text(_MODULE, "utf-8")
    (folder / "myapp" / "__main__.py").write_text(_PROGRAM, "utf-8")
    (folder / "serve.py").write_text(_PROGRAM, "utf-8")
    _programs(folder / "bin")
    _run("adhash run-csv --csv trace.csv --metrics-out-dir runs/demo", folder)
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    """Return a copy of the prepared folder."""
    return Path(shutil.copytree(prepared, tmp_path / "page"))


def _programs(folder: Path) -> None:
    """Make ``adhash`` and ``python`` those of this process, installed or not."""
    folder.mkdir()
    for name, words in (("adhash", "-m adhash"), ("python", "")):
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n', "utf-8")
        script.chmod(0o755)


def _environment(folder: Path) -> dict[str, str]:
    own = {
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "EDITOR": "true",
        "OTHER_PYTHON": sys.executable,
        "XDG_CACHE_HOME": str(folder / "caches"),
    }
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ADHASH_") and name != "VISUAL"
    }
    return kept | own


def _run(
    command: str, folder: Path, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env={**_environment(folder), **(environ or {})},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done


@contextmanager
def _served(page: Page, folder: Path) -> Iterator[str]:
    """Run the server that a page starts, on a free port, and yield its address; "" if none."""
    if not any(_is_serving(command) for command in page.commands()):
        yield ""
        return
    log = folder / "server.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "adhash", "serve", "--port", "0"],
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    try:
        yield _address(process, log)
    finally:
        process.terminate()
        process.wait(30)


def _is_serving(command: str) -> bool:
    return command.startswith("adhash serve")


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = re.search(r"listening on (\S+)", log.read_text("utf-8"))
        if found:
            return found[1]
        assert process.poll() is None, log.read_text("utf-8")
        time.sleep(0.05)
    raise AssertionError(log.read_text("utf-8"))


def _cut(size: re.Match[str]) -> str:
    return f"{size[1]} {min(int(size[2]), _MOST)}"


@pytest.mark.parametrize("page", PAGES_WITH_COMMANDS, ids=lambda page: page.name)
def test_the_commands_of_a_page_run(page: Page, folder: Path) -> None:
    with _served(page, folder) as url:
        for command in page.commands():
            # Targets of make are looked up in test_docs.py; the server runs already.
            if not command.startswith("make ") and not _is_serving(command):
                ready = _CALIBRATE.sub(_SMALL, _SIZE.sub(_cut, command))
                ready = ready.replace(SERVER, url or SERVER)
                _run(ready, folder, {"ADHASH_SERVER": url} if "adhash jobs" in command else None)


@pytest.mark.parametrize("page", PAGES_WITH_PROGRAMS, ids=lambda page: page.name)
def test_the_programs_of_a_page_run(page: Page, folder: Path) -> None:
    script = folder / "page.py"
    program = "\n".join(page.blocks("python"))
    with _served(page, folder) as url:
        script.write_text(program.replace(SERVER, url or SERVER), "utf-8")
        _run("python page.py", folder)


def test_the_pages_have_commands_and_programs_to_run() -> None:
    commands = [command for page in PAGES_WITH_COMMANDS for command in page.commands()]
    assert sum(command.startswith("adhash ") for command in commands) > 10
    assert len(PAGES_WITH_PROGRAMS) >= 5


def test_the_example_trace_is_what_its_program_does(folder: Path) -> None:
    _run("adhash record --out again.csv examples/checkout.py", folder)
    committed = ROOT / "examples" / "checkout.csv"
    assert (folder / "again.csv").read_bytes() == committed.read_bytes()


def test_the_picture_of_a_probe_is_what_its_commands_draw(folder: Path) -> None:
    page = next(page for page in PAGES_WITH_COMMANDS if page.name.endswith("see-a-probe.md"))
    for command in page.commands():
        if "crowd.csv" in command:
            _run(command, folder)
    committed = ROOT / "docs" / "images" / "probe.svg"
    assert (folder / "probe.svg").read_bytes() == committed.read_bytes()
