"""Running a Python program while its mapping is recorded."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import os
import runpy
import sys
import threading
import traceback
from collections.abc import Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from adhash.errors import BadInputError, StorageError
from adhash.workloads.active_recording import recording_to
from adhash.workloads.recorder import Recorder
from adhash.workloads.trace_sink import TraceSink

_INTERRUPTED = 130


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recording:
    """What came of a recorded run.

    Parameters
    ----------
    program : str
        The program, or the module, as it was named.
    exit_code : int
        Of the program: 1 where an exception ended it, 130 where Ctrl-C did.
    rows : int
        Operations in the trace.
    recorders : int
        Recorders that wanted to write; only the first one did.
    unrecorded : tuple of str
        Methods of the mapping that were used and are not recorded.
    """

    program: str
    exit_code: int
    rows: int
    recorders: int
    unrecorded: tuple[str, ...]


def record_program(
    program: Sequence[str],
    out: str | os.PathLike[str],
    *,
    is_module: bool = False,
    map_name: str = "",
    force: bool = False,
    smallest: bool = False,
) -> Recording:
    """Run a Python program in this process and record what it does to one mapping.

    The trace is kept however the program ends, unless nothing was recorded at all.

    Parameters
    ----------
    program : sequence of str
        The path of the program (or the name of the module) and its arguments.
    out : str or PathLike
        The trace: .csv, .csv.gz, .csv.zst or .csv.xz.
    is_module : bool
        Whether the program is named as for ``python -m``.
    map_name : str
        ``MODULE:ATTRIBUTE`` of a mapping to wrap; empty where the program uses `Recorder` itself.
    force : bool
        Whether an existing file may be replaced.
    smallest : bool
        Whether the size of a compressed file matters more than speed.

    Returns
    -------
    Recording
        What came of it.

    Raises
    ------
    BadInputError
        Where the mapping cannot be found, the program is no file, or nothing was recorded.
    PolicyError
        Where `out` exists and `force` is False.
    StorageError
        Where the program cannot be read or the trace cannot be written.
    """
    if not is_module:
        _require_readable(program[0])
    sink = TraceSink(out, force=force, smallest=smallest)
    try:
        with _as_main_program(program, is_module=is_module), recording_to(sink) as active:
            if map_name:
                wrap_mapping(map_name)
            exit_code = _run(program[0], is_module=is_module)
    except BaseException:
        sink.close(keep=False)
        raise
    sink.close(keep=sink.rows > 0)
    if not sink.rows and not exit_code:
        raise BadInputError(
            "nothing was recorded: no recorded mapping was used",
            hint="name a mapping with --map MODULE:ATTRIBUTE, or wrap it in "
            "adhash.workloads.recorder.Recorder",
        )
    return Recording(
        program=program[0],
        exit_code=exit_code,
        rows=sink.rows,
        recorders=active.recorders,
        unrecorded=tuple(sorted(sink.unrecorded)),
    )


def wrap_mapping(name: str) -> Recorder[Any, Any]:
    """Put a recorder in the place of a mapping that a module holds.

    Parameters
    ----------
    name : str
        ``MODULE:ATTRIBUTE``; the attribute may have dots.

    Returns
    -------
    Recorder
        What stands there now.

    Raises
    ------
    BadInputError
        Where there is no such module or attribute, or it is no mapping.
    """
    module_name, colon, attribute = name.partition(":")
    if not (module_name and colon and attribute):
        raise BadInputError(f"--map takes MODULE:ATTRIBUTE; got {name!r}")
    if module_name == "__main__":
        raise BadInputError(
            "a mapping of the program itself does not exist before it runs",
            hint="move it into a module, or wrap it in adhash.workloads.recorder.Recorder",
        )
    *path, last = attribute.split(".")
    owner: Any = _import(module_name)
    for part in path:
        owner = _attribute(owner, part, name)
    mapping = _attribute(owner, last, name)
    if not isinstance(mapping, MutableMapping):
        raise BadInputError(f"{name} is no mapping that can be changed, but a {type(mapping)}")
    recorder: Recorder[Any, Any] = Recorder(mapping)
    setattr(owner, last, recorder)
    return recorder


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise BadInputError(
            f"cannot import the module {name!r}: {error}",
            hint="modules are looked for beside the program, as Python does",
        ) from error


def _attribute(owner: Any, part: str, name: str) -> Any:
    try:
        return getattr(owner, part)
    except AttributeError as error:
        raise BadInputError(f"there is no {name}: {error}") from error


def _require_readable(path: str) -> None:
    try:
        Path(path).open("rb").close()
    except OSError as error:
        raise StorageError(
            f"cannot read the program {path}: {(error.strerror or str(error)).lower()}",
            hint="for a module use -m",
        ) from error


@contextlib.contextmanager
def _as_main_program(program: Sequence[str], *, is_module: bool) -> Iterator[None]:
    """Let the program find its arguments, and its modules beside it, as under ``python``."""
    arguments, search_path = sys.argv, sys.path[:]
    sys.argv = list(program)
    sys.path.insert(0, str(Path.cwd() if is_module else Path(program[0]).resolve().parent))
    try:
        yield
    finally:
        sys.argv = arguments
        sys.path[:] = search_path


def _run(program: str, *, is_module: bool) -> int:
    """Run a program to its end, its threads included, and return its exit code."""
    try:
        if is_module:
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(program, run_name="__main__")
        _join_threads()
    except SystemExit as done:
        return _code_of(done)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BaseException as error:
        _print_traceback(error)
        return 1
    return 0


def _code_of(done: SystemExit) -> int:
    if done.code is None:
        return 0
    if isinstance(done.code, int):
        return done.code
    print(done.code, file=sys.stderr)
    return 1


def _join_threads() -> None:
    """Wait for the program's threads, as Python does at its exit."""
    for thread in threading.enumerate():
        if not thread.daemon and thread is not threading.main_thread():
            thread.join()


def _print_traceback(error: BaseException) -> None:
    """Print the program's traceback without the frames that started it."""
    trace = error.__traceback__
    while trace is not None and _is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace or error.__traceback__)


def _is_ours(filename: str) -> bool:
    return filename == __file__ or filename == runpy.__file__ or filename.startswith("<frozen")
