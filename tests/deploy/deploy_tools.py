"""The files in ``deploy/``, and the programs that judge them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def program(name: str, package: str) -> str:
    """Return where a program is; skip the test where it is not installed, but never in CI."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is not None:
        return found
    reason = f"{name} is not installed (on Debian: apt-get install {package})"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def run(*command: str, cwd: Path | None = None) -> str:
    """Run a program, and return all that it said; it must succeed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def text_of(*parts: str) -> str:
    """Return a file of ``deploy/``."""
    return DEPLOY.joinpath(*parts).read_text("utf-8")
