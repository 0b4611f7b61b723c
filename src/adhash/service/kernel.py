"""The few calls of Linux that Python has no words for, by their numbers (see prctl(2))."""

from __future__ import annotations

import ctypes
import os
import struct

_SET_PDEATHSIG = 1
_SET_CHILD_SUBREAPER = 36
_SET_NO_NEW_PRIVS = 38

# Rights of root over files, by their numbers (see capabilities(7)): overriding modes, and what an
# owner may do. All others are given up by work that runs as root.
_CAPABILITY_VERSION = 0x20080522
_KEPT_CAPABILITIES = 1 << 1 | 1 << 2 | 1 << 3

_libc = ctypes.CDLL(None, use_errno=True)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def die_with_parent(signal_number: int) -> None:
    """Be sent a signal when the thread that forked this process ends."""
    _prctl(_SET_PDEATHSIG, signal_number)


def forbid_new_privileges() -> None:
    """Let no exec give rights that this process has not, for good."""
    _prctl(_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """Give up the rights of root but those over files; changes nothing for anybody else."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    held = ctypes.create_string_buffer(24)
    if _libc.capget(header, held) != 0:
        return
    kept = [each & _KEPT_CAPABILITIES for each in struct.unpack("=IIIIII", held.raw)]
    # The second half is of capabilities 32 and above, none of which is kept.
    _libc.capset(header, struct.pack("=IIIIII", *kept[:3], 0, 0, 0))


def _prctl(option: int, value: int) -> None:
    zero = ctypes.c_ulong(0)
    if _libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
