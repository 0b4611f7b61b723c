"""Work in a fresh process: its own allocator, its own peak of memory, nothing warm but the files.

The parent stays small on purpose: the peak memory that Linux reports for a process starts from
that of the process that made it.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from benchmarks.inputs import ROOT


class ChildError(Exception):
    """A child process failed; the message is what it wrote to standard error."""


def in_child(work: Callable[..., Any], **arguments: Any) -> Any:
    """Call a function of a module of this package in a fresh process.

    Parameters
    ----------
    work : callable
        A function at the top level of a module.
    **arguments : object
        What JSON can carry.

    Returns
    -------
    object
        What the function returned, as JSON carries it.

    Raises
    ------
    ChildError
        If it failed.
    """
    command = [sys.executable, "-m", "benchmarks.children", work.__module__, work.__name__]
    done = subprocess.run(
        command,
        check=False,
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "0"},
        input=json.dumps(arguments),
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise ChildError(f"{work.__module__}.{work.__name__} failed:\n{done.stderr.strip()}")
    return json.loads(done.stdout)


def _run_child(module: str, name: str) -> None:
    work = getattr(importlib.import_module(module), name)
    print(json.dumps(work(**json.load(sys.stdin))))


if __name__ == "__main__":
    _run_child(*sys.argv[1:3])
