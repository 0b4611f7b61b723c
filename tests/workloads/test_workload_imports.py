"""What a program or a CSV replay does not need is not loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module", ["adhash.workloads.recorder", "adhash.workloads.sources", "adhash.workloads.samples"]
)
def test_pyarrow_and_the_command_line_are_not_loaded(module: str) -> None:
    heavy = "('pyarrow', 'typer', 'rich')"
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
