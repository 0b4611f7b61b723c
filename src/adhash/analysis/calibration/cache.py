"""Where a calibration is kept for the commands that follow.

One file for each place (machine and build), in the user's folder for caches: ``XDG_CACHE_HOME`` or
``~/.cache`` on Linux, ``~/Library/Caches`` on macOS. The name carries a digest of the place, so two
builds do not overwrite each other's, and the file carries the place itself, so a file that was
copied from elsewhere is seen for what it is. It is replaced as a whole; who reads sees the old one
or the new one. Two commands that calibrate at the same time would disturb each other's figures: a
lock lets one wait and take what the other measured.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from adhash.analysis.calibration.calibration import PROCEDURE, Calibration, Place
from adhash.analysis.calibration.costs import CostModel
from adhash.atomic_files import replace_text, write_failure
from adhash.errors import BadInputError, StorageError
from adhash.replay import host
from adhash.replay.machinery import Machinery

# Far more than a calibration of many engines, and little to read in vain.
_MOST_BYTES = 64 << 20
_WAIT_S = 0.05


def this_place(machinery: Machinery) -> Place:
    """Return the machine and the build at hand."""
    return Place(
        cpu=host.cpu_model(),
        cpus=os.cpu_count() or 1,
        system=platform.system(),
        isa=machinery.isa(),
        version=host.versions().get("adhash", "unknown"),
        build=_native_build(),
        procedure=PROCEDURE,
        engines=machinery.engines(),
    )


def _native_build() -> str:
    module = sys.modules.get("adhash._native")
    file = getattr(module, "__file__", None)
    if file is None:
        return "unknown"
    status = Path(file).stat()
    return f"{status.st_size}-{status.st_mtime_ns}"


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return the user's folder for what adhash can make again."""
    named = Path(environ.get("XDG_CACHE_HOME", ""))
    if named.is_absolute():  # the specification of these folders says to ignore others
        return named / "adhash"
    home = Path(environ.get("HOME") or "~").expanduser()
    caches = home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache"
    return caches / "adhash"


@dataclass(frozen=True, kw_only=True)
class CalibrationCache:
    """The file of one place.

    Parameters
    ----------
    folder : Path
        Where it lies.
    place : Place
        The machine and the build.
    """

    folder: Path
    place: Place

    @property
    def path(self) -> Path:
        """The file."""
        text = json.dumps(self.place.model_dump(), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        return self.folder / f"calibration-{digest}.json"

    def load(self) -> Calibration | None:
        """Return the calibration; None if there is none.

        Returns
        -------
        Calibration or None
            Of this place.

        Raises
        ------
        BadInputError
            If the file is damaged or of another place.
        StorageError
            If it cannot be read.
        """
        if not self.path.exists():
            return None
        return load_calibration(self.path, self.place)

    def save(self, calibration: Calibration) -> None:
        """Replace the file.

        Parameters
        ----------
        calibration : Calibration
            The new one.

        Raises
        ------
        StorageError
            If the system refuses.
        """
        write_calibration(self.path, calibration)

    @contextmanager
    def locked(self, wait: Callable[[], None]) -> Iterator[bool]:
        """Hold the right to calibrate, once nobody else does.

        Parameters
        ----------
        wait : callable
            Called again and again while another calibrates; raises to give up.

        Yields
        ------
        bool
            Whether another held it meanwhile.

        Raises
        ------
        StorageError
            If the folder cannot be made or written to.
        """
        file = self._open_lock()
        try:
            yield _take(file, wait)
        finally:
            os.close(file)

    def _open_lock(self) -> int:
        lock = self.folder / "calibration.lock"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise write_failure(self.folder, error) from error


def _take(file: int, wait: Callable[[], None]) -> bool:
    """Take the lock of an open file, and return whether it had to be waited for."""
    has_waited = False
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            has_waited = True
            wait()
            time.sleep(_WAIT_S)
        except OSError:  # a file system without locks: two at a time are only less precise
            return has_waited
        else:
            return has_waited


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Write a calibration to a file, as a whole.

    Parameters
    ----------
    path : Path
        The file.
    calibration : Calibration
        What to write.

    Raises
    ------
    StorageError
        If the system refuses.
    """
    # Four figures are more than any clock is good for, and a third of the bytes.
    data = _rounded(calibration.to_dict())
    replace_text(path, json.dumps(data, ensure_ascii=False) + "\n")


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value


def load_calibration(path: Path, place: Place) -> Calibration:
    """Return the calibration of a file, if it is one of this place.

    Parameters
    ----------
    path : Path
        The file.
    place : Place
        The machine and the build at hand.

    Returns
    -------
    Calibration
        Checked.

    Raises
    ------
    BadInputError
        If the file is no calibration, damaged, or of another machine or build.
    StorageError
        If it cannot be read.
    """
    calibration = read_calibration(path)
    _require_place(path, calibration.place, place)
    return calibration


def load_cost_model(path: Path, place: Place) -> CostModel:
    """Return the costs that a file tells; checked and raises as `load_calibration`."""
    model = _read_model(path)
    _require_place(path, model.calibration.place, place)
    return model


def read_calibration(path: Path) -> Calibration:
    """Return the calibration of a file, of whatever place; raises as `load_calibration`."""
    return _read_model(path).calibration


def _read_model(path: Path) -> CostModel:
    try:
        status = path.stat()
        if not path.is_file():
            raise BadInputError(f"{path} is not a regular file", hint=_MAKE)
        if status.st_size > _MOST_BYTES:
            raise BadInputError(f"{path} is too large to be a calibration", hint=_MAKE)
        return _read(path, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}", hint=_MAKE) from error


_MAKE = "adhash calibrate --force makes a new one"


@lru_cache(maxsize=4)
def _read(path: Path, _changed_ns: int, _size: int) -> CostModel:
    try:
        return CostModel(Calibration.model_validate_json(path.read_bytes()))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BadInputError(
            f"{path} is no sound calibration: {f'{where}: ' if where else ''}{first['msg']}",
            hint=_MAKE,
        ) from None


def _require_place(path: Path, found: Place, here: Place) -> None:
    for name, value in here:
        other = getattr(found, name)
        if other != value:
            raise BadInputError(
                f"{path} was measured elsewhere: its {name} is {_shown(other)}, here it is "
                f"{_shown(value)}",
                hint=_MAKE,
            )


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else repr(value)
