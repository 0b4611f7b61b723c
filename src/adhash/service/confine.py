"""Which files the request of a stranger may name: inputs beneath allowed roots, outputs by name.

A path from outside is opened beneath its root by the kernel (``openat2`` with ``RESOLVE_BENEATH``),
which follows no link out of it, whatever is renamed meanwhile; what was opened tells its own path.
Where the kernel lacks that call, the path is resolved and compared. Landlock, in the worker, holds
the same line once more at the time of reading.

In process the caller is trusted, and paths are taken as given.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adhash.errors import PolicyError
from adhash.options.base import (
    CommandOptions,
    files_read,
    files_written,
    names_in,
    with_names,
)
from adhash.service.errors import InvalidRequestError, PathRefusedError
from adhash.service.models import ARTIFACT_NAME

INPUT_SCHEME = "input://"
_INPUT = re.compile(r"^input://([0-9a-f]{64})(?:/.*)?$")
_NAME = re.compile(ARTIFACT_NAME)
_MAX_PATH = 4096

FindInput = Callable[[str], Path | None]


@dataclass(frozen=True, kw_only=True)
class Confined:
    """Options whose inputs are absolute paths, and the files that the work may read for them."""

    options: dict[str, Any]
    readable: tuple[Path, ...]


def take_as_given(options: CommandOptions) -> Confined:
    """Return the options of a trusted caller, relative paths taken from the working directory."""
    values = options.model_dump(mode="json")
    names = [*files_read(type(options)), *files_written(type(options))]
    for name in names:
        values[name] = with_names(values[name], lambda named: str(Path(named).absolute()))
    return Confined(options=values, readable=())


def confine(options: CommandOptions, *, roots: Sequence[Path], find_input: FindInput) -> Confined:
    """Return the options of a stranger with every file it names checked.

    Outputs stay names: where they lie depends on the attempt, see `place_outputs`.

    Parameters
    ----------
    options : CommandOptions
        Checked by their model.
    roots : sequence of Path
        The folders that requests may name files in.
    find_input : callable
        Returns where the upload with a SHA-256 lies or lay; None if there was none.

    Returns
    -------
    Confined
        For the worker.

    Raises
    ------
    PathRefusedError
        If a path leaves the roots.
    InvalidRequestError
        If a file is not there, is no regular file, or an output is no plain name.
    """
    values = options.model_dump(mode="json")
    readable: list[Path] = []
    for name in files_read(type(options)):
        paths = {
            named: _input_path(name, named, roots, find_input) for named in names_in(values[name])
        }
        values[name] = with_names(values[name], {k: str(v) for k, v in paths.items()}.__getitem__)
        readable.extend(paths.values())
    for name in files_written(type(options)):
        if values[name] is not None and not _NAME.fullmatch(values[name]):
            raise _invalid(name, f"an output is a plain name; got {values[name][:80]!r}")
    if isinstance(values.get("spec"), dict):
        values["spec"] = _with_uploads(values["spec"], find_input)
    return Confined(options=values, readable=tuple(readable))


def place_outputs(
    model: type[CommandOptions], options: dict[str, Any], artifacts: Path
) -> dict[str, Any]:
    """Return `options` with each output, a name so far, beneath the folder of artifacts."""
    placed = dict(options)
    for name in files_written(model):
        if placed[name] is not None:
            placed[name] = str(artifacts / placed[name])
    return placed


def _input_path(name: str, text: str, roots: Sequence[Path], find_input: FindInput) -> Path:
    if text.startswith(INPUT_SCHEME):
        return _upload(name, text, find_input)
    if text == "-":
        raise _invalid(name, "a job has no standard input", "upload the file, or name it by path")
    if len(text) > _MAX_PATH:
        raise _invalid(name, f"a path has at most {_MAX_PATH} characters")
    return _beneath_any(name, text, roots)


def _upload(name: str, uri: str, find_input: FindInput) -> Path:
    parts = _INPUT.fullmatch(uri)
    path = find_input(parts[1]) if parts else None
    if path is None:
        raise _invalid(name, f"there is no upload {uri[:120]}", "PUT it to /api/inputs/{name}")
    if not path.is_file():
        hint = "uploads are kept for a time: PUT it to /api/inputs/{name} again"
        raise _invalid(name, f"the upload {uri[:120]} has expired and was deleted", hint)
    return path


def _with_uploads(value: Any, find_input: FindInput) -> Any:
    """Return a suite in which each upload is named by its path."""
    if isinstance(value, dict):
        return {key: _with_uploads(each, find_input) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_uploads(each, find_input) for each in value]
    if isinstance(value, str) and value.startswith(INPUT_SCHEME):
        return str(_upload("spec", value, find_input))
    return value


def _beneath_any(name: str, text: str, roots: Sequence[Path]) -> Path:
    missing = False
    for root in roots:
        try:
            return open_beneath(root, text)
        except FileNotFoundError:
            missing = True
        except IsADirectoryError:
            raise _invalid(name, f"not a regular file: {text[:120]!r}") from None
        except (PolicyError, OSError):
            continue
    if missing:
        raise _invalid(name, f"no such file: {text[:120]!r}")
    allowed = ", ".join(str(root) for root in roots) or "none are set"
    raise PathRefusedError(
        f"{name}: {text[:120]!r} is not in a folder that requests may name files in",
        hint=f"allowed folders (ADHASH_DATA_ROOTS): {allowed}; or upload the file",
    )


def _invalid(name: str, message: str, hint: str = "") -> InvalidRequestError:
    return InvalidRequestError(f"{name}: {message}", hint=hint, errors=((f"/{name}", message),))


# --- opening beneath a folder ------------------------------------------------------------------


class _OpenHow(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


_OPENAT2 = 437
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_BENEATH = 0x08


def open_beneath(root: Path, text: str) -> Path:
    """Return the path of a regular file beneath `root`, as it is after following links.

    Parameters
    ----------
    root : Path
        A folder.
    text : str
        A path, absolute or relative to the root.

    Returns
    -------
    Path
        Absolute, without links.

    Raises
    ------
    PolicyError
        If it leads out of the root.
    OSError
        If it cannot be opened; IsADirectoryError if it is no regular file.
    """
    real_root = Path(os.path.realpath(root))
    relative = _relative_to(text, root, real_root)
    folder = os.open(real_root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        descriptor = _open_at(folder, relative, real_root)
    finally:
        os.close(folder)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise IsADirectoryError(errno.EISDIR, "not a regular file", text)
        return _path_of(descriptor, real_root / relative)
    finally:
        os.close(descriptor)


def _relative_to(text: str, root: Path, real_root: Path) -> str:
    path = Path(text)
    if not path.is_absolute():
        return text
    for base in (root.absolute(), real_root):
        with suppress(ValueError):
            return str(path.relative_to(base))
    raise PolicyError(f"{text} is not beneath {root}")


def _open_at(folder: int, relative: str, real_root: Path) -> int:
    # O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    if sys.platform == "linux":
        how = _OpenHow(flags, 0, _RESOLVE_BENEATH | _RESOLVE_NO_MAGICLINKS)
        call = ctypes.CDLL(None, use_errno=True).syscall
        name = os.fsencode(relative)
        opened = call(_OPENAT2, folder, name, ctypes.byref(how), ctypes.sizeof(how))
        if opened >= 0:
            return int(opened)
        code = ctypes.get_errno()
        if code == errno.EXDEV:
            raise PolicyError(f"{relative} leads out of {real_root}")
        if code != errno.ENOSYS:
            raise OSError(code, os.strerror(code), relative)
    real = Path(os.path.realpath(real_root / relative))
    if not real.is_relative_to(real_root):
        raise PolicyError(f"{relative} leads out of {real_root}")
    return os.open(real, flags | os.O_NOFOLLOW)


def _path_of(descriptor: int, otherwise: Path) -> Path:
    link = Path(f"/proc/self/fd/{descriptor}")
    return link.readlink() if link.exists() else Path(os.path.realpath(otherwise))
