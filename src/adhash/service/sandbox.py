"""What holds the work of a job in: Landlock for files, seccomp for system calls.

It is put on before anything of the work is imported, because it binds only the thread that puts it
on and those that come after: some libraries start threads when they are imported. So the packages
of Python stay readable, and nothing that is untrusted has been opened yet.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from adhash.errors import PolicyError
from adhash.service.attempts import AttemptOrder
from adhash.service.folder import JobFolder
from adhash.service.kernel import drop_capabilities
from adhash.service.landlock import READ, RUN, UPDATE, WRITE, landlock_version, restrict_files
from adhash.service.seccomp import refuse_calls, seccomp_support

ON = "on"
_SWITCHED_OFF = "off: switched off by ADHASH_SANDBOX"
_NO_LANDLOCK = "off: the kernel has no Landlock, or it is not switched on"
# From this version on Landlock knows TCP.
_TCP_VERSION = 4

_LIBRARIES = ("/usr", "/lib", "/lib64", "/bin", "/sbin")
_SYSTEM_FILES = (
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ld.so.preload"),
    *("/etc/localtime", "/etc/ssl/openssl.cnf"),
    *("/proc/stat", "/proc/cpuinfo", "/proc/meminfo", "/proc/loadavg", "/proc/filesystems"),
    *("/proc/sys/vm/overcommit_memory", "/sys/devices/system/cpu", "/sys/kernel/mm"),
    *("/dev/urandom", "/dev/random", "/dev/zero"),
)
_NAME_FILES = ("/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/resolv.conf")


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """What holds in: each ``on``, or ``off`` and why; the network in a word."""

    seccomp: str
    landlock: str
    network: str


def sandbox_support() -> dict[str, str]:
    """Return what this machine can hold work in with: each ``on``, or ``off`` and why."""
    return {
        "seccomp": seccomp_support(),
        "landlock": ON if landlock_version() else _NO_LANDLOCK,
    }


def enter_sandbox(order: AttemptOrder) -> Sandbox:
    """Hold this process in, for good, as far as the machine can and the order asks.

    Parameters
    ----------
    order : AttemptOrder
        What the work needs.

    Returns
    -------
    Sandbox
        What holds.

    Raises
    ------
    PolicyError
        If the sandbox is required and the machine lacks a part of it.
    """
    if order.sandbox == "off":
        return Sandbox(seccomp=_SWITCHED_OFF, landlock=_SWITCHED_OFF, network="allowed")
    drop_capabilities()
    # Landlock first: its own system calls are no longer needed then.
    sandbox = Sandbox(landlock=_enter_landlock(order), seccomp=_enter_seccomp(order), network="")
    missing = [part for part in (sandbox.landlock, sandbox.seccomp) if part != ON]
    if missing and order.sandbox == "required":
        raise PolicyError(
            f"the sandbox is required, but {'; '.join(missing)}",
            hint="use a kernel with seccomp and Landlock, or set ADHASH_SANDBOX=on",
        )
    return Sandbox(
        seccomp=sandbox.seccomp, landlock=sandbox.landlock, network=_network(order, sandbox)
    )


def _network(order: AttemptOrder, sandbox: Sandbox) -> str:
    if sandbox.seccomp == ON and not order.needs_network:
        return "none"
    if sandbox.landlock != ON or landlock_version() < _TCP_VERSION:
        return "allowed"
    if sandbox.seccomp != ON:
        return "no TCP connections"
    return "listening only"


def _enter_seccomp(order: AttemptOrder) -> str:
    support = seccomp_support()
    if support != ON:
        return support
    try:
        refuse_calls(may_start_processes=order.needs_processes, may_use_sockets=order.needs_network)
    except OSError as error:
        return f"off: {error.strerror}"
    return ON


def _enter_landlock(order: AttemptOrder) -> str:
    if not landlock_version():
        return _NO_LANDLOCK
    try:
        restrict_files(_rules(order), may_listen=order.needs_network)
    except OSError as error:
        return f"off: {error.strerror}"
    return ON


def _rules(order: AttemptOrder) -> Iterator[tuple[Path, int]]:
    """Yield the paths that the work may use, and how."""
    programs = RUN if order.needs_processes else READ
    for path in (*map(Path, _LIBRARIES), *python_places()):
        yield path, programs
    for name in _SYSTEM_FILES + (_NAME_FILES if order.needs_network else ()):
        yield Path(name), READ
    yield Path("/dev/null"), UPDATE
    # Landlock itself keeps the memory and environment of processes outside from being read.
    yield Path("/proc" if order.needs_processes else "/proc/self"), READ
    yield Path("/proc/self/clear_refs"), UPDATE
    for path in order.readable:
        yield path, READ
    yield from _places_to_write(order)


def _places_to_write(order: AttemptOrder) -> Iterator[tuple[Path, int]]:
    folder = JobFolder(order.folder)
    attempt = folder.attempt(order.attempt)
    yield attempt.artifacts, WRITE
    yield attempt.temporary, WRITE
    for path in (folder.events, folder.ticks, folder.stdout, folder.stderr, attempt.metrics_url):
        yield path, UPDATE
    for path in order.writable:
        yield _existing_folder(path), WRITE


def _existing_folder(path: Path) -> Path:
    """Return the folder that a file is made in: files are replaced by new ones beside them."""
    folder = path if path.is_dir() else path.parent
    while not folder.is_dir():
        folder = folder.parent
    return folder


def python_places() -> list[Path]:
    """Return where Python, its packages and the native module lie."""
    places = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent}
    places |= {Path(place) for place in sys.path if place}
    native = importlib.util.find_spec("adhash._native")
    if native is not None and native.origin is not None:
        # A development install may link to it from elsewhere.
        places |= {Path(native.origin), Path(native.origin).resolve()}
    return sorted(place.absolute() for place in places if place != Path("/"))
