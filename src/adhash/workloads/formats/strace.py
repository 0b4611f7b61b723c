"""Path look-ups of a program, as ``strace`` prints its calls.

::

    [pid 12] openat(AT_FDCWD, "/etc/ld.so.cache", O_RDONLY|O_CLOEXEC) = 3
    12 14:03:01 stat("/usr/local/lib", 0x7ffd) = -1 ENOENT (No such file or directory)
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow.compute as pc

from adhash.workloads.arrow_buffers import flags_of
from adhash.workloads.formats.accesses import Accesses
from adhash.workloads.formats.content import Content, Fault, Lines
from adhash.workloads.formats.escapes import readable
from adhash.workloads.formats.events import DELETE, LOOKUP, READ, WRITE, Events, taken
from adhash.workloads.formats.first_lines import some_match
from adhash.workloads.formats.matching import match
from adhash.workloads.formats.mixed_lines import UNKNOWN, SimpleLines, codes_of, read_mixed
from adhash.workloads.formats.path_lookups import STAT_BYTES
from adhash.workloads.formats.trace_format import TraceFormat

_READS = (
    "open openat openat2 open_tree access faccessat faccessat2 stat stat64 lstat lstat64 "
    "newfstatat fstatat64 statx readlink readlinkat execve execveat chdir chroot chmod "
    "fchmodat fchmodat2 chown lchown fchownat statfs statfs64 truncate truncate64 utimensat "
    "utime utimes futimesat getxattr lgetxattr setxattr lsetxattr listxattr llistxattr "
    "removexattr lremovexattr inotify_add_watch name_to_handle_at"
)
_WRITES = "creat mkdir mkdirat mknod mknodat"
_LINKS = "link linkat symlink symlinkat"
_DELETES = "unlink unlinkat rmdir"
_RENAMES = "rename renameat renameat2"
_NAMES = {
    **dict.fromkeys(_READS.split(), READ),
    **dict.fromkeys(_WRITES.split(), WRITE),
    **dict.fromkeys(_DELETES.split(), DELETE),
    **dict.fromkeys(_LINKS.split(), WRITE),
    **dict.fromkeys(_RENAMES.split(), DELETE),
}
_TWO_PATHS = frozenset([*_LINKS.split(), *_RENAMES.split()])
_RENAMING = frozenset(_RENAMES.split())
# The error is about the new path: it exists, or, as with a link to a text, there is no other path.
_ABOUT_NEW = ("EEXIST", "ENOTEMPTY")
_MAKING = ("symlink", "symlinkat")

# The process, the time (also since the last call), and by -n or -i a number or an address.
_PREFIX = (
    r" *(?:\[pid +(?P<pid>\d+)\] +|(?P<bare>\d+) +)?(?:\d[\d:.]* +)?(?:\[ *[0-9a-f?]+\] +){0,2}"
)
_CALL = re.compile(_PREFIX + r"(?P<name>[a-z_0-9]+)\((?P<arguments>.*)\) += +(?P<result>.+)")
_CUT = re.compile(_PREFIX + r"(?P<start>[a-z_0-9]+\(.*?),? *<unfinished \.\.\.>")
_RESUMED = re.compile(_PREFIX + r"<\.\.\. (?P<name>[a-z_0-9]+) resumed>,? ?(?P<rest>.*)")
# Signals, ends of processes, what strace says of itself, and by -k the callers of a call.
_OTHER = re.compile(_PREFIX + r"(---|\+\+\+|strace: |[a-z_0-9]+\(.*<|<\.\.\. ).*|\s*| > .*")
# A path, and the folder that it is relative to where strace -y tells that.
_PATH = re.compile(r'(?:(?:AT_FDCWD|\d+)(?:<(?P<folder>[^>]*)>)?, )?"(?P<path>(?:[^"\\]|\\.)*)"')
_ERROR = re.compile(r"-1 (?P<code>E[A-Z0-9]+)")
_ABSENT = ("ENOENT", "ENOTDIR")
_BY_ERROR = {error.lower(): LOOKUP for error in _ABSENT}
_ONE_PATH = {name: kind for name, kind in _NAMES.items() if name not in _TWO_PATHS}


# Most lines: a call in one piece with one path, nothing escaped, no folder told by strace -y.
_SIMPLE = (
    r"(?:\[pid +[0-9]+\] +|[0-9]+ +)?(?:[0-9][0-9:.]* +)?(?P<name>[a-z0-9_]+)\("
    r'(?:AT_FDCWD, )?"(?P<path>[^"\\]+)"(?P<rest>[^"<>]*)\) += +'
    r"(?:[0-9]+|-1 (?P<error>E[A-Z0-9]+)(?: \([^()]*\))?)"
)


def _read(content: Content) -> Iterator[Events]:
    waiting: dict[str, str] = {}
    for lines in content.lines():

        def read_line(accesses: Accesses, place: int, text: str, lines: Lines = lines) -> None:
            call = _whole(text, waiting)
            found = _CALL.fullmatch(call)
            if found:
                if found["name"] in _NAMES:
                    _take(accesses, found, (lines, place))
            elif not _OTHER.fullmatch(call):
                remedy = (
                    'lines are such as: stat("/etc", {...}) = 0; '
                    "strace -o FILE keeps what a program prints out of its trace"
                )
                lines.refuse(place, Fault(what="it is no call", value=text, remedy=remedy))

        events = read_mixed(lines, _simple(lines), read_line)
        if events:
            yield events


def _simple(lines: Lines) -> SimpleLines:
    matched = match(lines, _SIMPLE)
    kinds = codes_of(matched, "name", _ONE_PATH)
    compute: Any = pc
    makes = flags_of(compute.match_substring(matched.strings("rest"), "O_CREAT"))
    kinds = np.where(makes & (kinds != UNKNOWN), WRITE, kinds)
    errors = codes_of(matched, "error", _BY_ERROR)
    has_failed = matched.is_given("error")
    is_absent = errors == LOOKUP
    kinds = np.where(has_failed & (kinds != UNKNOWN), np.where(is_absent, LOOKUP, READ), kinds)
    kept = np.flatnonzero(kinds != UNKNOWN)
    is_done = np.zeros(len(lines), dtype=bool)
    is_done[matched.places[kept]] = True
    kinds = kinds[kept].astype(np.uint8)
    sizes = np.where((kinds == READ) | (kinds == WRITE), STAT_BYTES, 0)
    events = Events.of(kinds, taken(matched.keys("path"), kept), sizes)
    return SimpleLines(events=events, places=matched.places[kept], is_done=is_done)


def _whole(text: str, waiting: dict[str, str]) -> str:
    """Return a call in one line: what comes of one that is cut is joined with its beginning."""
    if " ..." not in text and "<... " not in text:
        return text
    if cut := _CUT.fullmatch(text):
        waiting[cut["pid"] or cut["bare"] or ""] = cut["start"]
        return ""
    if resumed := _RESUMED.fullmatch(text):
        start = _beginning(waiting, resumed["pid"] or resumed["bare"] or "", resumed["name"])
        if start:
            gap = "" if start.endswith("(") or resumed["rest"].startswith(")") else ", "
            return start + gap + resumed["rest"]
        return ""
    return text


def _beginning(waiting: dict[str, str], process: str, name: str) -> str:
    """Return how a call began; strace names no process while there is just one."""
    begun = [each for each, start in waiting.items() if start.startswith(f"{name}(")]
    if process in begun:
        return waiting.pop(process)
    nameless = [each for each in begun if not each or not process]
    return waiting.pop(nameless[0]) if len(nameless) == 1 else ""


def _take(accesses: Accesses, call: re.Match[str], place: tuple[Lines, int]) -> None:
    name, error = call["name"], _ERROR.match(call["result"])
    paths = [_joined(found) for found in _PATH.finditer(call["arguments"])]
    paths = [path for path in paths if path]
    if error:
        kind = LOOKUP if error["code"] in _ABSENT else READ
        is_about_new = name in _MAKING or error["code"] in _ABOUT_NEW
        for path in paths[-1:] if name in _TWO_PATHS and is_about_new else paths[:1]:
            accesses.add(kind, path, STAT_BYTES if kind == READ else 0)
        return
    if name in _TWO_PATHS:
        _take_two(accesses, name, paths, place)
    elif paths:  # an empty path, or none, means a descriptor
        makes = "O_CREAT" in call["arguments"]
        kind = WRITE if makes else _NAMES[name]
        accesses.add(kind, paths[0], 0 if kind == DELETE else STAT_BYTES)


def _take_two(accesses: Accesses, name: str, paths: list[str], place: tuple[Lines, int]) -> None:
    lines, index = place
    if len(paths) < 2:
        fault = Fault(
            what=f"{name} needs two paths", value=lines.text(index), remedy="drop the line"
        )
        lines.refuse(index, fault)
    if name in _RENAMING:
        accesses.add(DELETE, paths[0], 0)
    accesses.add(WRITE, paths[1], STAT_BYTES)


def _joined(found: re.Match[str]) -> str:
    path, folder = readable(found["path"]), readable(found["folder"] or "")
    return posixpath.join(folder, path) if folder and path else path


def _detects(start: bytes) -> bool:
    return some_match(_DETECTED, start)


_DETECTED = re.compile(
    _PREFIX + rf'({"|".join(_NAMES)})\((?:[A-Z0-9_]+(?:<[^>]*>)?, )?"[^"]*".*\) += +(-1 E|\d)'
)

FORMAT = TraceFormat(
    name="strace",
    summary="path look-ups among the calls that strace prints",
    key_type="str",
    read=_read,
    detects=_detects,
)
