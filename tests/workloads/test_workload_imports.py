"""What a program or a CSV replay does not need is not loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

from adhash import workloads
from adhash.workloads import recorder


@pytest.mark.parametrize(
    "module", ["adhash.workloads.recorder", "adhash.workloads.sources", "adhash.workloads.samples"]
)
def test_pyarrow_and_the_command_line_are_not_loaded(module: str) -> None:
    heavy = "('pyarrow', 'typer', 'rich')"
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_recorder_is_a_name_of_the_package() -> None:
    assert workloads.Recorder is recorder.Recorder
    assert "Recorder" in dir(workloads)
    with pytest.raises(AttributeError, match="no attribute 'Recoder'"):
        _ = workloads.Recoder  # type: ignore[attr-defined]
