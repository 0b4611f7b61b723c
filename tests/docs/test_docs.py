"""What the documentation names exists, and what exists is named in the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import Any, get_args

import pytest
import typer
from doc_pages import ROOT, Page, pages

from adhash.cli.app import build_app
from adhash.config_models import AdaptiveSettings
from adhash.maps import engines
from adhash.presenters import engines_table

COMMANDS_PAGE = Page(ROOT / "docs" / "reference" / "commands.md")
NOT_LAYOUTS = {"adaptive", "std"}

each_page = pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)


@each_page
def test_every_link_leads_somewhere(page: Page) -> None:
    for link in page.links():
        path, _, anchor = link.partition("#")
        target = (page.path.parent / path).resolve() if path else page.path
        assert target.exists(), f"{page.name} links to {link}"
        if anchor:
            assert anchor in Page(target).anchors(), f"{page.name} links to {link}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached = {ROOT / "README.md"}
    waiting = list(reached)
    while waiting:
        page = Page(waiting.pop())
        for link in page.links():
            path = link.partition("#")[0]
            target = (page.path.parent / path).resolve() if path else page.path
            target = target / "README.md" if target.is_dir() else target
            if target.suffix == ".md" and target not in reached:
                reached.add(target)
                waiting.append(target)
    assert {page.path for page in pages()} <= reached


def test_decisions_are_numbered_without_gaps_and_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    files = sorted(path.name for path in folder.glob("0*.md"))
    assert [int(name[:4]) for name in files] == list(range(1, len(files) + 1))
    for name in files:
        assert f"# {int(name[:4])}. " in (folder / name).read_text("utf-8").splitlines()[0] + " "
    assert Page(folder / "README.md").links() == files


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, f"{path} {name}")


@cache
def _command_line() -> list[tuple[str, Any]]:
    return list(_commands(typer.main.get_command(build_app()), "adhash"))


def _rows(command: Any) -> list[str]:
    """Return the rows that the page on commands must have for a command's parameters."""
    rows = []
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            spelled = parameter.metavar or parameter.name.upper()
        else:
            flags = ", ".join([*parameter.opts, *parameter.secondary_opts])
            spelled = f"{flags} {parameter.metavar}" if parameter.metavar else flags
        rows.append(f"| `{spelled}` | {parameter.help} |")
    return rows


@pytest.mark.parametrize(("path", "command"), _command_line(), ids=[p for p, _ in _command_line()])
def test_every_command_and_option_is_on_the_page_of_commands(path: str, command: Any) -> None:
    sections = re.split(r"^## ", COMMANDS_PAGE.text, flags=re.MULTILINE)
    found = [section for section in sections if section.startswith(f"`{path}`\n")]
    assert found, f"docs/reference/commands.md has no section ## `{path}`"
    rows = [line for line in found[0].splitlines() if line.startswith("| `")]
    assert rows == _rows(command)


def test_every_option_that_a_page_names_exists() -> None:
    own = {flag for _, command in _command_line() for p in command.params for flag in p.opts}
    own |= {
        flag for _, command in _command_line() for p in command.params for flag in p.secondary_opts
    }
    own |= {"--help"}
    named = {
        (page.name, flag)
        for page in pages()
        if not page.name.startswith(("benchmarks", "torture"))
        for flag in re.findall(r"`[^`\n]*?(--[a-z][a-z-]+)", page.prose())
    }
    assert len(named) > 20
    assert [(page, flag) for page, flag in sorted(named) if flag not in own] == []


def test_every_variable_of_the_environment_is_documented() -> None:
    sources = chain((ROOT / "src").rglob("*.py"), [ROOT / "cpp/include/adhash/isa.hpp"])
    text = "".join(path.read_text("utf-8") for path in sources)
    names = set(re.findall(r"\bADHASH_(?!HAS_)[A-Z_]+[A-Z]\b", text)) - {"ADHASH_REPLAY"}
    assert {"ADHASH_PRESETS_DIR", "ADHASH_ISA"} <= names
    settings = ("reference/configuration.md", "control_surface.md", "runbook.md")
    described = "".join(Page(ROOT / "docs" / name).text for name in settings)
    assert [name for name in sorted(names) if f"`{name}`" not in described] == []


def test_every_engine_is_described_wherever_engines_are_listed() -> None:
    readme = Page(ROOT / "README.md").text
    assert [name for name in engines() if f"| `{name}` | " not in readme] == []
    assert [row[0] for row in engines_table(engines()).rows if not row[-1]] == []
    layouts = get_args(AdaptiveSettings.model_fields["initial_layout"].annotation)
    assert set(layouts) == set(engines()) - NOT_LAYOUTS


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        command.split()[1]
        for page in pages()
        for command in page.commands()
        if command.startswith("make ")
    }
    named |= {name for page in pages() for name in re.findall(r"`make ([a-z-]+)", page.prose())}
    assert {"demo", "test", "bench"} <= named <= targets
