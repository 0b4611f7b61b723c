"""However a command ends, it ends in one line of JSON and a named exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adhash.cli.envelope import as_adhash_error
from adhash.errors import AdhashError

# What the fixture `run` gives: a function that runs adhash and returns its Outcome.
Run = Callable[..., Any]


ADHASH = [sys.executable, "-m", "adhash"]

# Each line of code ends a command in another way; the envelope and exit code that must follow.
ENDINGS = [
    ("raise errors.BadInputError('a', hint='b')", 2, "BadInput", "a"),
    ("raise errors.InvariantError('a')", 3, "Invariant", "a"),
    ("raise errors.PolicyError('a')", 4, "Policy", "a"),
    ("raise errors.StorageError('a')", 5, "IO", "a"),
    ("raise errors.InterruptedRunError('a')", 130, "Interrupted", "a"),
    ("raise KeyboardInterrupt", 130, "Interrupted", "interrupted before it was done"),
    ("open('/no/such/file')", 5, "IO", "/no/such/file: No such file or directory"),
    ("raise OSError('disk on fire')", 5, "IO", "disk on fire"),
    ("raise MemoryError", 5, "IO", "there is not enough memory"),
    ("1 / 0", 3, "Invariant", "unexpected ZeroDivisionError: division by zero"),
    ("raise errors.BadInputError('caf\\u00e9 \\udcff')", 2, "BadInput", "café \udcff"),
    ("import adhash._native_none", 3, "Invariant", "the native part of adhash is not built"),
    ("from adhash import _native_none", 3, "Invariant", "the native part of adhash is not built"),
    ("import no_such_module", 3, "Invariant", "unexpected ModuleNotFoundError"),
]


def run_ending(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    script = (
        "import sys\nfrom adhash import errors\nfrom adhash.cli.envelope import guarded\n"
        f"def run():\n    {code}\nsys.exit(guarded(run, prog='adhash'))"
    )
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environ},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


@pytest.mark.parametrize(("code", "exit_code", "name", "detail"), ENDINGS)
def test_every_ending_is_an_envelope_with_its_exit_code(
    code: str, exit_code: int, name: str, detail: str
) -> None:
    done = run_ending(code)
    (line,) = done.stderr.splitlines()
    envelope = json.loads(line)
    assert list(envelope) == ["error", "detail", "hint"]
    assert (done.returncode, envelope["error"]) == (exit_code, name)
    assert envelope["detail"].startswith(detail)
    assert done.stdout == ""


def test_a_traceback_is_shown_only_when_asked_for() -> None:
    assert "Traceback" not in run_ending("1 / 0").stderr
    asked = run_ending("1 / 0", ADHASH_DEBUG="1")
    assert "Traceback" in asked.stderr
    assert json.loads(asked.stderr.splitlines()[-1])["error"] == "Invariant"
    assert asked.returncode == 3


def test_what_was_printed_before_an_error_is_not_lost() -> None:
    assert run_ending("print('half'); 1 / 0").stdout == "half\n"


def test_an_error_of_adhash_is_itself() -> None:
    error = AdhashError("x")
    assert as_adhash_error(error) is error


@pytest.mark.parametrize(
    ("args", "detail", "hint"),
    [
        (["frob"], "frob", "adhash --help"),
        (["--frob"], "--frob", "adhash --help"),
        (["config", "show", "--frob"], "--frob", "adhash config show --help"),
        (["config", "validate"], "Missing argument", "adhash config validate --help"),
        (["config", "frob"], "frob", "adhash config --help"),
        (["config", "show", "--config"], "--config", "adhash "),
    ],
)
def test_a_wrong_command_line_is_bad_input(
    run: Run, args: list[str], detail: str, hint: str
) -> None:
    outcome = run(*args)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.envelope["error"] == "BadInput"
    assert detail in outcome.envelope["detail"]
    assert outcome.envelope["hint"].startswith(hint)


def test_help_is_on_stdout_and_names_every_command(run: Run) -> None:
    for args in ([], ["--help"], ["-h"]):
        outcome = run(*args)
        assert (outcome.code, outcome.err) == (0, "")
        for command in ("config", "engines", "version"):
            assert f"\n  {command} " in outcome.out


def test_a_reader_that_goes_away_is_no_error() -> None:
    for args in (["--help"], ["config", "show"], ["version"]):
        process = subprocess.Popen([*ADHASH, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        complaint = process.stderr.read()
        process.stderr.close()
        assert (process.wait(60), complaint) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("args", [["--help"], ["config", "show"]])
def test_a_full_disk_under_stdout_is_an_io_error(args: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*ADHASH, *args], stdout=full, stderr=subprocess.PIPE, encoding="utf-8", timeout=60
        )
    (line,) = done.stderr.splitlines()
    assert (done.returncode, json.loads(line)["error"]) == (5, "IO")


def test_output_that_the_terminal_cannot_show_is_escaped(run: Run) -> None:
    outcome = run("config", "presets", "show", "caf\xe9", PYTHONIOENCODING="ascii")
    assert outcome.code == 2
    assert "\\xe9" in outcome.err


# Interrupts the first import of a module, as Ctrl-C in the midst of it would.
INTERRUPTING = """
import sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "{module}":
            sys.meta_path.remove(self)
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
from adhash.cli import main
sys.exit(main())
"""


@pytest.mark.parametrize("module", ["adhash.cli.envelope", "adhash.errors", "adhash.cli.app"])
def test_an_interrupt_while_imports_run_ends_in_the_envelope(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTING.format(module=module), "version"],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    (line,) = done.stderr.splitlines()
    assert (done.returncode, json.loads(line)["error"]) == (130, "Interrupted")


def test_little_is_imported_before_an_interrupt_ends_in_the_envelope() -> None:
    program = (
        "import sys; before = set(sys.modules); from adhash.cli import main; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, encoding="utf-8", timeout=60
    )
    loaded = set(done.stdout.split())
    assert {name for name in loaded if name.startswith("adhash")} == {"adhash", "adhash.cli"}
    # What an editable install loads as Python starts is not ours to choose.
    assert loaded.isdisjoint({"typing", "re", "json", "enum", "signal"})


def test_an_interrupt_ends_a_command_with_130(tmp_path: Path) -> None:
    started = tmp_path / "started"
    editor = tmp_path / "editor.sh"
    editor.write_text(f"#!/bin/sh\n: > '{started}'\nexec sleep 60\n", "utf-8")
    editor.chmod(0o755)
    process = subprocess.Popen(
        [*ADHASH, "config", "edit"],
        cwd=tmp_path,
        env={**os.environ, "VISUAL": str(editor)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    while not started.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    (line,) = err.splitlines()
    assert (process.returncode, json.loads(line)["error"]) == (130, "Interrupted")
