"""Which bytes of a job's output came when: ``log.index``.

The work writes its output straight into ``stdout.log`` and ``stderr.log``: no process stands
between that could die with bytes in its hands. What is missing in them is time. So the runner
looks at the sizes of both about every 50 ms, and for a file that grew adds one line here:

    o 4096 1767225600123
    | |    |
    | |    +-- when the runner saw it, in milliseconds since 1970
    | +------- the size of the file then: every byte before it and after the line before is as old
    +--------- o is stdout, e is stderr

A byte is thus dated up to 50 ms late, and never early. Lines are only ever added. Those of one
stream have growing ends and times that do not go back: an attempt takes the wall clock once, when
it begins, and counts on by the steady one, so that a clock that is set does not shuffle lines.

A runner that is killed leaves the last bytes undated, and a full disk perhaps a part of a line.
`index_rest` dates what is left; whoever adds a line cuts off such a part first, because ended later
it could pass for a line, and readers take only lines that have their end.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from adhash.clock import Clock
from adhash.service.folder import JobFolder

STDOUT, STDERR = "o", "e"
_NS_PER_MS = 1_000_000
# No line is longer: a letter and two numbers of 64 bits.
_LINE_BYTES = 64


@dataclass(frozen=True)
class IndexLine:
    """The stream, the size it had, and when, in milliseconds since 1970."""

    stream: str
    end: int
    at_ms: int


def read_log_index(path: Path) -> Iterator[IndexLine]:
    """Yield the lines of an index, in the order they were written; none where there is no file.

    Parameters
    ----------
    path : Path
        The file.

    Yields
    ------
    IndexLine
        Whatever is whole.
    """
    with suppress(FileNotFoundError), path.open("rb") as file:
        for text in file:
            line = parse_index_line(text)
            if line is not None:
                yield line


def parse_index_line(text: bytes) -> IndexLine | None:
    """Return what a line says; None if it is torn."""
    if not text.endswith(b"\n"):
        return None
    try:
        stream, end, at_ms = text.decode("ascii").split()
        return IndexLine(stream, int(end), int(at_ms)) if stream in (STDOUT, STDERR) else None
    except ValueError:
        return None


def steady_ms(clock: Clock) -> Callable[[], int]:
    """Return what tells the milliseconds since 1970 without ever going back or jumping."""
    wall_ms = round(clock.now().timestamp() * 1000)
    began_ns = clock.monotonic_ns()

    def now_ms() -> int:
        return wall_ms + (clock.monotonic_ns() - began_ns) // _NS_PER_MS

    return now_ms


class LogIndex:
    """Dates the output of a job while it grows.

    Parameters
    ----------
    folder : JobFolder
        The job.
    now_ms : callable
        Tells the milliseconds since 1970.
    """

    def __init__(self, folder: JobFolder, now_ms: Callable[[], int]) -> None:
        self._streams = {STDOUT: folder.stdout, STDERR: folder.stderr}
        self._now_ms = now_ms
        self._path = folder.log_index
        self._ends, self._last_ms = _last_of(folder.log_index)

    def look(self) -> None:
        """Add a line for each stream that grew; a full disk leaves it to the next look."""
        for stream, path in self._streams.items():
            end = _size(path)
            if end > self._ends.get(stream, 0):
                with suppress(OSError):
                    self._add(stream, end)

    def _add(self, stream: str, end: int) -> None:
        self._last_ms = max(self._last_ms, self._now_ms())
        line = f"{stream} {end} {self._last_ms}\n".encode("ascii")
        _append_line(self._path, line)
        self._ends[stream] = end


def index_rest(folder: JobFolder, now_ms: Callable[[], int]) -> None:
    """Date what the runner of a lost attempt could not; what is dated already stays.

    Parameters
    ----------
    folder : JobFolder
        The job; nobody writes its output any more.
    now_ms : callable
        Tells the milliseconds since 1970.
    """
    LogIndex(folder, now_ms).look()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _last_of(path: Path) -> tuple[dict[str, int], int]:
    """Return the last ends by stream and the last time."""
    ends: dict[str, int] = {}
    last_ms = 0
    for line in read_log_index(path):
        ends[line.stream] = line.end
        last_ms = max(last_ms, line.at_ms)
    return ends, last_ms


def _append_line(path: Path, line: bytes) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        size = os.fstat(descriptor).st_size
        tail = os.pread(descriptor, _LINE_BYTES, max(0, size - _LINE_BYTES))
        torn = len(tail) - (tail.rfind(b"\n") + 1)
        if torn:
            os.ftruncate(descriptor, size - torn)
        os.write(descriptor, line)
    finally:
        os.close(descriptor)
