"""A real browser that opens pages from files and tells all that they complain about or load."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A loaded machine of one core unpacks and compiles plotly in some ten seconds.
PATIENCE_MS = 180_000


def find_browser() -> str:
    """Return the program of a browser, or skip the test where the machine has none."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip(f"no browser here: none of {', '.join(_NAMES)} is installed")
    return found


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Run a browser without a window."""
    program = find_browser()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=program, args=_ARGUMENTS, timeout=PATIENCE_MS
        )
        try:
            yield browser
        finally:
            browser.close()


# Plotly gives up to better its margins after some rounds, which depends on how wide the measured
# numbers happen to be. The figure is drawn all the same.
_MARGIN_NOTE = "WARN: Too many auto-margin redraws."


@dataclass
class Opened:
    """A page that was opened: what it wrote to the console, raised, and asked the network for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def hear(self, message: str) -> None:
        """Take note of what the page wrote to the console."""
        if message != _MARGIN_NOTE:
            self.complaints.append(message)

    def evaluate(self, script: str) -> Any:
        """Return what a script finds in the page."""
        return self.page.evaluate(script)


@contextmanager
def opened(browser: Browser, path: Path, *, width: int, scheme: str) -> Iterator[Opened]:
    """Open a page from a file in a window of that width, light or dark."""
    settings: Any = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    page = browser.new_page(**settings)
    found = Opened(page)
    page.on("console", lambda message: found.hear(message.text))
    page.on("pageerror", lambda error: found.complaints.append(str(error)))
    page.on("dialog", lambda dialog: found.complaints.append(dialog.message))
    page.on("request", lambda request: found.requests.append(request.url))
    try:
        page.goto(path.as_uri(), timeout=PATIENCE_MS)
        yield found
    finally:
        page.close()
