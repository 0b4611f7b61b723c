"""What the machine is, as far as it will say."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import subprocess
import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import adhash

_COMMAND_TIMEOUT_S = 2.0
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
_PACKAGES = ("adhash", "numpy", "pyarrow", "pydantic")
_CPU_KEYS = ("model name", "Model", "Hardware", "cpu model")


@cache
def cpu_model() -> str:
    """Return the name of the CPU, or of its architecture where there is no better one."""
    return _cpu_of_linux() or _cpu_of_macos() or platform.processor() or platform.machine()


def _cpu_of_linux(path: Path = Path("/proc/cpuinfo")) -> str:
    with suppress(OSError):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        known = {name.strip(): value.strip() for name, value in fields.items()}
        return next((known[key] for key in _CPU_KEYS if known.get(key)), "")
    return ""


def _cpu_of_macos() -> str:
    if sys.platform != "darwin":
        return ""
    return _output_of("sysctl", "-n", "machdep.cpu.brand_string") or ""


def affinity() -> list[int] | None:
    """Return the CPUs that this process may use; None where the system has no such notion."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    return sorted(os.sched_getaffinity(0))


def governor() -> str | None:
    """Return the frequency governor of the first CPU; None where it is not known."""
    with suppress(OSError):
        return _GOVERNOR.read_text(encoding="ascii").strip()
    return None


@cache
def versions() -> dict[str, str]:
    """Return the versions of what a run depends on; packages that are missing are left out."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


@cache
def git_revision() -> str | None:
    """Return the revision of adhash, with ``-dirty`` for local changes; None if not a checkout.

    An installed package can lie inside the checkout of another project, whose revision would be
    the wrong answer: only a tree that holds adhash's source counts.
    """
    root = Path(adhash.__file__).resolve().parents[2]
    if not (root / ".git").exists() or not (root / "src" / "adhash").is_dir():
        return None
    revision = _output_of("git", "-C", str(root), "rev-parse", "HEAD")
    # Without the option, status renews the index, and a process that is killed in it leaves its
    # lock in the user's repository.
    status = ("status", "--porcelain", "--untracked-files=no")
    changes = _output_of("git", "--no-optional-locks", "-C", str(root), *status)
    return f"{revision}-dirty" if revision and changes else revision


def _output_of(*command: str) -> str | None:
    """Return what a command prints; None where it is missing, fails or hangs."""
    path = shutil.which(command[0])
    if path is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - fixed commands of this module
            [path, *command[1:]],
            capture_output=True,
            check=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=_COMMAND_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip()


def reset_peak_rss() -> None:
    """Start measuring peak memory anew, where the system can (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_rss_bytes() -> int:
    """Return the most memory that this process held, in bytes.

    On Linux since `reset_peak_rss`, elsewhere since the process began.
    """
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        line = next(line for line in lines if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
