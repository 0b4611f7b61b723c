"""Landlock: a process gives up the files that it does not need, for itself and all it starts.

A rule set names the rights that are taken away everywhere ("handled"), and gives them back beneath
some paths. What a kernel does not know cannot be handled, so the version it speaks is asked first.
Landlock knows opening, making, removing and executing; it knows nothing of changing modes, owners
or times, which `adhash.service.seccomp` forbids.

References
----------
"Landlock: unprivileged access control", docs.kernel.org/userspace-api/landlock.html.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)

# The numbers are the same on all architectures.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
# The rights of the first version; later versions added these, and the network, and scopes.
_FIRST_RIGHTS = (1 << 13) - 1
_ADDED_RIGHTS = ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV))
_NETWORK_VERSION, _SCOPE_VERSION = 4, 6
_BIND_TCP, _CONNECT_TCP = 1 << 0, 1 << 1
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1 << 0, 1 << 1
_RIGHTS_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV

READ = _READ_FILE | _READ_DIR
RUN = READ | _EXECUTE
UPDATE = _READ_FILE | _WRITE_FILE | _TRUNCATE
# No links, devices, sockets or pipes: work makes plain files.
WRITE = READ | UPDATE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER


def landlock_version() -> int:
    """Return the version that the kernel speaks; 0 where it has none, or it is switched off."""
    version: int = _libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)
    return max(0, version)


def restrict_files(rules: Iterable[tuple[Path, int]], *, may_listen: bool) -> None:
    """Give up all files but those beneath some paths, and TCP, and others' processes.

    The process must have no new privileges already, and no other thread: one would not be bound.

    Parameters
    ----------
    rules : iterable of (Path, int)
        A path and the rights beneath it, such as `READ`; paths that do not exist are left out.
    may_listen : bool
        Whether TCP sockets may be bound; none may connect in any case.

    Raises
    ------
    OSError
        If the kernel refuses.
    """
    version = landlock_version()
    handled = _FIRST_RIGHTS | sum(bit for since, bit in _ADDED_RIGHTS if version >= since)
    ruleset = _create(version, handled, may_listen=may_listen)
    try:
        for path, rights in _merged(rules).items():
            with suppress(FileNotFoundError, NotADirectoryError):
                _allow(ruleset, path, rights & handled)
        _check(_libc.syscall(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)


def _create(version: int, handled: int, *, may_listen: bool) -> int:
    network = (_CONNECT_TCP if may_listen else _CONNECT_TCP | _BIND_TCP) * (
        version >= _NETWORK_VERSION
    )
    scopes = (_SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS) * (version >= _SCOPE_VERSION)
    # An older kernel takes a longer form as long as what it does not know is zero.
    form = struct.pack("=QQQ", handled, network, scopes)
    return _check(_libc.syscall(_CREATE_RULESET, form, ctypes.c_size_t(len(form)), 0))


def _merged(rules: Iterable[tuple[Path, int]]) -> Mapping[Path, int]:
    merged: dict[Path, int] = {}
    for path, rights in rules:
        merged[path] = merged.get(path, 0) | rights
    return merged


def _allow(ruleset: int, path: Path, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not path.is_dir():
            rights &= _RIGHTS_OF_FILES
        rule = struct.pack("=Qi", rights, descriptor)
        _check(_libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0))
    finally:
        os.close(descriptor)


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
