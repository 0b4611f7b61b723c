"""Seccomp: system calls that work has no business with fail with EPERM.

The filter forbids by name and lets the rest be: the C library, Python and Arrow call what they
like from version to version, and a list of what is allowed would break with each. What is
forbidden is what could reach beyond the process (others' memory, the network, the kernel's own
configuration) or around Landlock (modes, owners, times, handles, io_uring).

libseccomp makes the filter, because it knows the numbers of each architecture; where it is not
installed there is no filter, and the job says so.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass

_LIBRARY = "libseccomp.so.2"
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000

# How an argument is compared, by libseccomp's numbers.
_NOT_EQUAL, _LESS, _EQUAL, _GREATER, _MASKED_EQUAL = 1, 2, 4, 6, 7

_NEVER = (
    # others' memory, files and threads
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd"),
    *("move_pages", "migrate_pages", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"),
    # what the kernel should be asked for by nobody here, and its faults are most often found in
    *("bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter"),
    *("io_uring_register", "keyctl", "add_key", "request_key", "vmsplice", "modify_ldt"),
    # other views of the system
    *("unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree"),
    *("fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "personality"),
    # the system itself
    *("kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot"),
    *("swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "settimeofday", "clock_settime"),
    *("clock_adjtime", "adjtimex", "sethostname", "setdomainname", "iopl", "ioperm", "syslog"),
    *("vhangup", "lookup_dcookie", "nfsservctl", "uselib"),
    # around Landlock
    *("open_by_handle_at", "name_to_handle_at", "fanotify_init", "mknod", "mknodat"),
    *("chmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchownat"),
    *("setxattr", "lsetxattr", "removexattr", "lremovexattr", "setxattrat", "removexattrat"),
    *("utime", "utimes", "futimesat"),
)
_PROCESSES = ("fork", "vfork", "execve", "execveat", "pidfd_open", "pidfd_send_signal")
_CLONE_THREAD = 0x00010000
# New namespaces: mounts, cgroups, host names, IPC, users, pids, network, time.
_CLONE_NEW = tuple(1 << bit for bit in (17, 25, 26, 27, 28, 29, 30, 7))
_AF_INET, _AF_INET6 = 2, 10
_SOCKET_TYPE_MASK, _SOCKET_STREAM = 0xF, 1


class _Comparison(ctypes.Structure):
    """What libseccomp calls scmp_arg_cmp."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


@dataclass(frozen=True)
class _Rule:
    """A call that is refused, wholly or where one argument compares so."""

    call: str
    argument: int | None = None
    operator: int = 0
    first: int = 0
    second: int = 0
    error: int = errno.EPERM


def seccomp_support() -> str:
    """Return ``on`` if a filter can be made here, or ``off`` and why not."""
    if not os.path.exists("/proc/sys/kernel/seccomp/actions_avail"):  # noqa: PTH110 - no import
        return "off: the kernel has no seccomp filters"
    try:
        _load_library()
    except OSError:
        return f"off: {_LIBRARY} is not installed"
    return "on"


def refuse_calls(*, may_start_processes: bool, may_use_sockets: bool) -> None:
    """Refuse system calls of this process and of all it starts, for good.

    Parameters
    ----------
    may_start_processes : bool
        Whether it may fork and execute; threads are allowed in any case.
    may_use_sockets : bool
        Whether it may make TCP sockets; pairs of connected ones are allowed in any case.

    Raises
    ------
    OSError
        If the library is missing or the kernel refuses.
    """
    library = _load_library()
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_ALLOW)))
    if not context:
        raise OSError(errno.ENOMEM, "libseccomp cannot make a filter")
    try:
        for rule in _rules(may_start_processes, may_use_sockets):
            _add(library, context, rule)
        _check(library.seccomp_load(context))
    finally:
        library.seccomp_release(context)


def _rules(may_start_processes: bool, may_use_sockets: bool) -> Iterator[_Rule]:  # noqa: FBT001
    yield from (_Rule(name) for name in _NEVER)
    yield from _limits_of_others()
    yield from _rules_of_processes() if may_start_processes else _rules_without_processes()
    yield from _rules_of_sockets() if may_use_sockets else iter((_Rule("socket"),))


def _limits_of_others() -> Iterator[_Rule]:
    yield _Rule("prlimit64", 0, _NOT_EQUAL, 0)
    # Times may be set through a descriptor only, which Landlock let the process have.
    yield _Rule("utimensat", 1, _NOT_EQUAL, 0)
    # Its flags stand in memory, where no filter can look; without it, clone is used.
    yield _Rule("clone3", error=errno.ENOSYS)


def _rules_without_processes() -> Iterator[_Rule]:
    yield from (_Rule(name) for name in _PROCESSES)
    yield _Rule("clone", 0, _MASKED_EQUAL, _CLONE_THREAD, 0)
    for name in ("kill", "tgkill"):
        yield _Rule(name, 0, _NOT_EQUAL, os.getpid())


def _rules_of_processes() -> Iterator[_Rule]:
    yield from (_Rule("clone", 0, _MASKED_EQUAL, bit, bit) for bit in _CLONE_NEW)


def _rules_of_sockets() -> Iterator[_Rule]:
    yield _Rule("socket", 0, _LESS, _AF_INET)
    yield _Rule("socket", 0, _GREATER, _AF_INET6)
    yield from (_Rule("socket", 0, _EQUAL, family) for family in range(_AF_INET + 1, _AF_INET6))
    for kind in range(_SOCKET_TYPE_MASK + 1):
        if kind != _SOCKET_STREAM:
            yield _Rule("socket", 1, _MASKED_EQUAL, _SOCKET_TYPE_MASK, kind)


def _add(library: ctypes.CDLL, context: ctypes.c_void_p, rule: _Rule) -> None:
    number = library.seccomp_syscall_resolve_name(rule.call.encode("ascii"))
    if number < 0:
        # This architecture, or this version of the library, has no such call.
        return
    action = ctypes.c_uint32(_REFUSE | rule.error)
    if rule.argument is None:
        _check(library.seccomp_rule_add_array(context, action, number, 0, None))
        return
    comparison = _Comparison(rule.argument, rule.operator, rule.first, rule.second)
    _check(library.seccomp_rule_add_array(context, action, number, 1, ctypes.byref(comparison)))


def _load_library() -> ctypes.CDLL:
    library = ctypes.CDLL(_LIBRARY)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_release.restype = None
    return library


def _check(result: int) -> None:
    if result < 0:
        raise OSError(-result, os.strerror(-result))
