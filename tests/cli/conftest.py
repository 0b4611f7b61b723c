"""The command line as a user meets it: a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a finished command left behind."""

    code: int
    out: str
    err: str

    @property
    def envelope(self) -> dict[str, str]:
        """Return the error on stderr, which must be its only line."""
        (line,) = self.err.splitlines()
        found = json.loads(line)
        assert list(found) == ["error", "detail", "hint"]
        return dict(found)

    @property
    def answer(self) -> dict[str, object]:
        """Return the JSON object on stdout of a command that did its work."""
        assert (self.code, self.err) == (0, "")
        found = json.loads(self.out)
        assert found["ok"] is True
        return dict(found)


Run = Callable[..., Outcome]


def clean_environment(changes: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without settings, a terminal or an editor in it."""
    dropped = ("ADHASH_", "VISUAL", "EDITOR", "COLUMNS", "FORCE_COLOR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {**kept, **changes}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs ``python -m adhash`` in an empty folder."""

    def run_adhash(*args: str, module: str = "adhash", **environ: str) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", module, *args],
            cwd=tmp_path,
            # No calibration that the user has made is found.
            env=clean_environment({"XDG_CACHE_HOME": str(tmp_path / "caches"), **environ}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
        )
        return Outcome(code=done.returncode, out=done.stdout, err=done.stderr)

    return run_adhash
