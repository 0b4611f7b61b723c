"""The pages of the documentation, taken apart: links, headings, blocks of code, commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        ROOT / "benchmarks" / "README.md",
        ROOT / "deploy" / "README.md",
        ROOT / "torture" / "README.md",
        *(ROOT / "docs").rglob("*.md"),
    ]
)
# Their examples share one server with a token, and run in test_service_docs.py.
SERVICE_PAGES = {"docs/control_surface.md", "docs/runbook.md", "docs/upgrade.md"}

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^|\n)((?:    \S.*\n)+)")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Page:
    """One page."""

    path: Path

    @property
    def name(self) -> str:
        """The path below the root of the repository."""
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text("utf-8")

    def prose(self) -> str:
        """Return the page without its blocks of code."""
        return _BLOCK.sub("", self.text)

    def blocks(self, *languages: str) -> list[str]:
        """Return the blocks of code in any of `languages`, in order."""
        return [body for language, body in _BLOCK.findall(self.text) if language in languages]

    def links(self) -> list[str]:
        """Return the targets of links that stay within the repository."""
        return [link for link in _LINK.findall(self.prose()) if "://" not in link]

    def anchors(self) -> set[str]:
        """Return what a link may name behind ``#``: the headings, as a forge spells them."""
        headings = re.findall(r"^#+ (.+)$", self.prose(), re.MULTILINE)
        kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
        return {heading.replace(" ", "-") for heading in kept}

    def commands(self) -> list[str]:
        """Return the shell commands: lines of ``sh``, lines behind ``$`` of ``console``."""
        return [
            *(line for block in self.blocks("sh") for line in _lines(block)),
            *(line[2:] for block in self.blocks("console") for line in _lines(block, "$ ")),
            *(
                line.strip()
                for block in _INDENTED.findall(self.prose())
                for line in _lines(block, "    make ")
            ),
        ]


def _lines(block: str, start: str = "") -> Iterator[str]:
    """Yield the commands of a block, without remarks, with continued lines joined."""
    for line in re.sub(r"\\\n\s*", "", block).splitlines():
        if line.startswith(start) and line.strip():
            yield re.sub(r"\s+#.*", "", line)


def pages() -> list[Page]:
    """Return every page."""
    return [Page(path) for path in PAGES]
