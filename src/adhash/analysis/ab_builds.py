"""The builds of a comparison: which Python runs a side, and which adhash that Python has.

A build is asked by the same program that measures it, so that one that cannot be measured is known
before the first pair. Nothing of its environment comes from ours: ``PYTHONPATH`` and
``PYTHONHOME`` would make two interpreters import one adhash, and the comparison one of it with
itself.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from adhash.analysis.ab_result import Build, Label
from adhash.analysis.child_run import child_command, run_child
from adhash.cancellation import CancelToken
from adhash.clock import Clock
from adhash.errors import BadInputError, InvariantError
from adhash.options.ab_compare import AbCompareOptions, LocalAbCompareOptions

# Generous: the first import from a cold disk compiles every module.
_DESCRIBE_S = 120.0
_OF_ONE_PYTHON = frozenset({"PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__", "VIRTUAL_ENV"})


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """The Python of a side, and the build of adhash that it has.

    `is_foreign` says that it was named, and is not the one that compares.
    """

    python: str
    is_foreign: bool
    build: Build
    engines: list[str]

    def environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of its processes, without what is meant for another Python."""
        left_out = _OF_ONE_PYTHON if self.is_foreign else frozenset()
        return {name: value for name, value in environ.items() if name not in left_out}


def find_interpreters(
    options: AbCompareOptions, *, environ: Mapping[str, str], clock: Clock, cancel: CancelToken
) -> dict[Label, Interpreter]:
    """Return the interpreters of both sides, each asked for its build.

    Parameters
    ----------
    options : AbCompareOptions
        `LocalAbCompareOptions` may name interpreters; any other options mean this one.
    environ : mapping
        The environment that processes start from.
    clock : Clock
        For the processes.
    cancel : CancelToken
        Ends the one that runs.

    Returns
    -------
    dict
        By the label of the side.

    Raises
    ------
    BadInputError
        If one cannot be started, or has no adhash that can be measured.
    InterruptedRunError
        If `cancel` was set.
    """
    named: dict[Label, str | None] = {"a": None, "b": None}
    if isinstance(options, LocalAbCompareOptions):
        named = {"a": options.a_python, "b": options.b_python}
    known: dict[str | None, Interpreter] = {None: own_interpreter()}
    for label, python in named.items():
        if python not in known:
            known[python] = _ask(label, _program(label, python), environ, clock, cancel)
    return {label: known[python] for label, python in named.items()}


def own_interpreter() -> Interpreter:
    """Return the Python that runs this, with its build."""
    import adhash
    from adhash.replay import host
    from adhash.replay.machinery import NativeMachinery

    build = Build(
        version=adhash.__version__,
        python=host.versions()["python"],
        location=str(Path(adhash.__file__).resolve().parent),
    )
    engines = NativeMachinery().engines()
    return Interpreter(python=sys.executable, is_foreign=False, build=build, engines=engines)


def _program(label: Label, python: str | None) -> str:
    # A link is not followed: that of a virtual environment is what makes it one.
    path = Path(python or "").absolute()
    if not path.is_file() or not os.access(path, os.X_OK):
        raise BadInputError(
            f"{label}: {str(path)[:200]!r} is no program that can be started",
            hint="name the python of an environment that has adhash: /path/to/.venv/bin/python",
        )
    return str(path)


def _ask(
    label: Label, python: str, environ: Mapping[str, str], clock: Clock, cancel: CancelToken
) -> Interpreter:
    clean = {name: value for name, value in environ.items() if name not in _OF_ONE_PYTHON}
    try:
        with tempfile.TemporaryDirectory(prefix="adhash-ab-") as folder:
            answer = run_child(
                child_command(python),
                who=f"the Python of {label} ({python})",
                folder=Path(folder),
                environ=clean,
                core=None,
                clock=clock,
                cancel=cancel,
                limit_s=_DESCRIBE_S,
            ).answer
    except InvariantError as error:
        raise BadInputError(error.detail, hint="name a Python that has adhash") from error
    try:
        engines = [str(each) for each in answer.pop("engines")]
        build = Build(**{name: answer[name] for name in Build.model_fields})
    except (KeyError, TypeError, ValidationError):
        raise BadInputError(
            f"{label}: {python} did not say which adhash it has", hint="is it a Python?"
        ) from None
    return Interpreter(python=python, is_foreign=True, build=build, engines=engines)
