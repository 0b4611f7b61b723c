"""The machine: pinned to one of its CPUs, and described as far as a reader of figures needs it."""

from __future__ import annotations

import os
import platform
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

# Tells children which CPUs there were before.
_ALL_CPUS = "ADHASH_BENCHMARKS_CPUS"


def pin_to_one_cpu() -> int | None:
    """Bind this process and its children to one CPU; return which, or None where that cannot be.

    The last one is taken: interrupts and most daemons prefer the first.
    """
    if not hasattr(os, "sched_setaffinity"):
        return None
    cpus = os.sched_getaffinity(0)
    os.environ[_ALL_CPUS] = " ".join(map(str, sorted(cpus)))
    cpu = max(cpus)
    os.sched_setaffinity(0, {cpu})
    return cpu


@contextmanager
def on_all_cpus() -> Iterator[None]:
    """Let this process run where it could before `pin_to_one_cpu`, until the end of the block."""
    cpus = os.environ.get(_ALL_CPUS)
    if cpus is None:
        yield
        return
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, map(int, cpus.split()))
    try:
        yield
    finally:
        os.sched_setaffinity(0, own)


def describe_machine(cpu: int | None) -> dict[str, Any]:
    """Return what the machine is and how busy it is, as plain data.

    Parameters
    ----------
    cpu : int or None
        The CPU that the benchmarks are bound to.
    """
    return {
        "cpu_model": _cpu_model(),
        "cpus": os.cpu_count(),
        "pinned_to": cpu,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "load_average": list(os.getloadavg()),
        "transparent_huge_pages": _huge_pages(),
    }


def peak_rss_bytes() -> int:
    """Return the most memory that this process held, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _cpu_model() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _huge_pages() -> str | None:
    with suppress(OSError):
        text = Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text(encoding="ascii")
        return text.partition("[")[2].partition("]")[0]
    return None
