"""The last handler: whatever ends a command becomes one line of JSON and an exit code.

A traceback is for those who work on adhash: it is printed only with ``ADHASH_DEBUG=1``.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import traceback
from collections.abc import Callable

from adhash.errors import (
    AdhashError,
    BadInputError,
    InterruptedRunError,
    InvariantError,
    StorageError,
)

BROKEN_PIPE = 141
_NATIVE = "_native"


def guarded(run: Callable[[], None], *, prog: str) -> int:
    """Run `run` and return the exit code, with the envelope on stderr if it failed.

    Parameters
    ----------
    run : callable
        The command.
    prog : str
        The program's name, for hints.

    Returns
    -------
    int
        The exit code.
    """
    _print_any_text()
    try:
        code = _exit_code_of(run)
        sys.stdout.flush()
    except BrokenPipeError:
        _close_quietly(sys.stdout)
        return BROKEN_PIPE
    except (Exception, KeyboardInterrupt) as error:
        return report(error, prog=prog)
    return code


def _exit_code_of(run: Callable[[], None]) -> int:
    try:
        run()
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 0
    return 0


def _print_any_text() -> None:
    """Let a terminal of any encoding show what it can, rather than fail on what it cannot."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def report(error: BaseException, *, prog: str) -> int:
    """Print the envelope of `error` on stderr and return its exit code.

    Parameters
    ----------
    error : BaseException
        What ended the command.
    prog : str
        The program's name, for hints.

    Returns
    -------
    int
        The exit code.
    """
    if os.environ.get("ADHASH_DEBUG") == "1":
        traceback.print_exception(error)
    known = as_adhash_error(error, prog=prog)
    # Text that is still in the buffer cannot be written either, if stdout is what failed.
    try:
        sys.stdout.flush()
    except OSError:
        _close_quietly(sys.stdout)
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(known.to_dict(), ensure_ascii=False), file=sys.stderr, flush=True)
    return known.exit_code


def as_adhash_error(error: BaseException, *, prog: str = "adhash") -> AdhashError:
    """Return the error of adhash that stands for `error`."""
    if isinstance(error, AdhashError):
        return error
    if isinstance(error, KeyboardInterrupt | EOFError):
        return InterruptedRunError("interrupted before it was done")
    if isinstance(error, OSError):
        return StorageError(_describe_os_error(error))
    if isinstance(error, MemoryError):
        return StorageError("there is not enough memory", hint="use a smaller trace or capacity")
    if isinstance(error, ImportError) and _NATIVE in str(error):
        return _native_missing()
    return _as_usage_error(error, prog=prog) or _as_bug(error)


def _describe_os_error(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason


def _native_missing() -> AdhashError:
    return InvariantError(
        "the native part of adhash is not built for this Python",
        hint="install adhash with pip, or run make in its source",
    )


def _as_usage_error(error: BaseException, *, prog: str) -> AdhashError | None:
    """Recognise the usage errors of the argument parser without naming its package.

    Typer carries its own copy of click or uses an installed one, depending on its version; both
    have the same methods.
    """
    form = getattr(error, "format_message", None)
    if form is None:
        return None
    context = getattr(error, "ctx", None)
    command = getattr(context, "command_path", prog)
    detail = " ".join(str(form()).split())
    return BadInputError(detail, hint=f"{command} --help shows what it takes")


def _as_bug(error: BaseException) -> AdhashError:
    return InvariantError(
        f"unexpected {type(error).__name__}: {error}",
        hint="this is a fault of adhash; ADHASH_DEBUG=1 shows where it arose",
    )


def _close_quietly(stream: object) -> None:
    """Send what is left in `stream` nowhere, so that Python does not complain as it exits."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # type: ignore[attr-defined]
        os.close(nowhere)
