"""Runs adhash as a user does: in a process of its own, in a folder that is looked at afterwards."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ADHASH = (sys.executable, "-m", "adhash")
# Runs a command that permissions bind even where root started it: by dropping the capabilities
# CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH from what it may ever have.
_BOUND = """
import ctypes, os, sys
for capability in (1, 2):
    ctypes.CDLL(None).prctl(24, capability)
os.execv(sys.argv[1], sys.argv[1:])
"""
BOUND_BY_PERMISSIONS = (sys.executable, "-c", _BOUND) if os.geteuid() == 0 else ()
# Far above what any run here takes; only a hang reaches it.
TIMEOUT_S = 120


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What a command that ended left behind."""

    code: int
    out: str
    err: str

    @property
    def envelope(self) -> dict[str, str]:
        """The error on stderr, which must be all that is there, in one line."""
        (line,) = self.err.splitlines()
        error = json.loads(line)
        assert list(error) == ["error", "detail", "hint"]
        assert "Traceback" not in line
        assert error["detail"]
        return dict(error)

    @property
    def summaries(self) -> list[dict[str, Any]]:
        """The summaries of a replay that was asked for ``--json`` and did its work."""
        assert self.code == 0, self.err
        answer = json.loads(self.out)
        assert (answer["ok"], answer["command"]) == (True, "run-csv")
        return list(answer["summaries"])


def clean_environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment without anything that adhash or a terminal reads."""
    dropped = ("ADHASH_", "COLUMNS", "FORCE_COLOR", "VISUAL", "EDITOR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {**kept, **(changes or {})}


def adhash(
    *args: str | Path,
    cwd: Path,
    environ: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
    **options: Any,
) -> Finished:
    """Run a command to its end.

    Parameters
    ----------
    *args : str or Path
        The command and its options.
    cwd : Path
        Where to run it.
    environ : mapping or None
        Additions to the environment.
    prefix : sequence of str
        A command that runs the command.
    **options
        As for `subprocess.run`; standard input is empty unless given.
    """
    given: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if "input" not in options:
        given["stdin"] = subprocess.DEVNULL
    done = subprocess.run(
        [*prefix, *ADHASH, *map(str, args)],
        cwd=cwd,
        env=clean_environment(environ),
        timeout=TIMEOUT_S,
        **(given | options),
    )
    return Finished(
        code=done.returncode, out=(done.stdout or b"").decode(), err=(done.stderr or b"").decode()
    )


@contextmanager
def started(*args: str | Path, cwd: Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command; it is killed at the end if it still lives."""
    given: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
    given |= {"stderr": subprocess.PIPE, "env": clean_environment()} | options
    with subprocess.Popen([*ADHASH, *map(str, args)], cwd=cwd, **given) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until(condition: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    """Wait until something is so, for as long as the process lives."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert process.poll() is None, f"ended with {process.returncode}: {process.communicate()}"
        if time.monotonic() > deadline:
            pytest.fail("it did not happen in time")
        time.sleep(0.005)


def refused(
    folder: Path,
    *args: str | Path,
    code: int,
    error: str,
    words: Sequence[str] = (),
    **options: Any,
) -> None:
    """Run a command that must refuse its work, and check how it does.

    Parameters
    ----------
    folder : Path
        Where to run it; it must be as before afterwards.
    *args : str or Path
        The command and its options.
    code : int
        The exit code.
    error : str
        The name of the error.
    words : sequence of str
        What the message or its hint must hold.
    **options
        As for `adhash`.
    """
    before = content_of(folder)
    done = adhash(*args, cwd=folder, **options)
    assert (done.code, done.out) == (code, ""), done
    assert done.envelope["error"] == error
    said = f"{done.envelope['detail']} {done.envelope['hint']}"
    for word in words:
        assert word in said
    assert content_of(folder) == before


def content_of(folder: Path) -> dict[str, str]:
    """Return everything in a folder, by name, with a digest of each regular file."""
    return {
        str(path.relative_to(folder)): _digest(path) if path.is_file() else "not a file"
        for path in sorted(folder.rglob("*"))
    }


def _digest(path: Path) -> str:
    if not os.access(path, os.R_OK):
        return f"{path.stat().st_size} bytes"
    return hashlib.sha256(path.read_bytes()).hexdigest()


def resident_bytes(pid: int) -> int:
    """Return the most memory that a process held so far (Linux); 0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
