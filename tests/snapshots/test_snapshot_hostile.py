"""Files made to do harm are refused in words, and never take much more memory than their size."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("adhash.maps", reason="the native module is not built", exc_type=ImportError)

from hostile_files import HOSTILE, bomb

from adhash import Map
from adhash.analysis.inspect_snapshot import inspect_snapshot
from adhash.analysis.verify_snapshot import verify_snapshot
from adhash.errors import AdhashError
from adhash.snapshots import open_snapshot

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="needs Linux to measure peaks of memory"
)

# Peaks below this are Python's own: modules, buffers of files, a megabyte at a time.
NOISE_BYTES = 6 << 20
# Of Python's own objects: a buffer of a file, a page of a message, an error with its words.
BUFFER_BYTES = 128 << 10

_MEASURE = """
import json, resource, sys
from pathlib import Path
from adhash import Map
from adhash.analysis.compact_snapshot import compact_snapshot
from adhash.analysis.diff_snapshot import diff_snapshot
from adhash.analysis.inspect_snapshot import inspect_snapshot
from adhash.analysis.verify_snapshot import verify_snapshot
from adhash.errors import AdhashError
from adhash.snapshots import open_snapshot

def kib(field):
    for line in open("/proc/self/status"):
        if line.startswith(field):
            return int(line.split()[1])

def header_only(path):
    open_snapshot(path).close()

WAYS = {
    "open": header_only,
    "load": Map.load,
    "inspect": inspect_snapshot,
    "verify": verify_snapshot,
    "repair": lambda path: verify_snapshot(path, repair=True, out=path + ".new"),
    "compact": lambda path: compact_snapshot(path, out=path + ".new"),
    "diff": lambda path: diff_snapshot(path, path),
}
small, limit, *paths = sys.argv[1:]
for way in WAYS.values():
    way(small)
if int(limit):
    now = kib("VmSize") << 10
    resource.setrlimit(resource.RLIMIT_AS, (now + int(limit), now + int(limit)))
for path in paths:
    for name, way in WAYS.items():
        Path("/proc/self/clear_refs").write_text("5")
        before = kib("VmRSS")
        try:
            result = way(path)
            outcome = getattr(result, "status", "done")
            del result
        except AdhashError as error:
            outcome = f"{type(error).__name__}: {error.detail}"
        print(json.dumps([path, name, outcome, (kib("VmHWM") - before) << 10]), flush=True)
"""


def harmless(path: Path) -> Path:
    """Save a map, by which every module is loaded before anything is measured."""
    Map({1: b"x"}, value="bytes").save(path)
    return path


def measured(small: Path, paths: list[Path], *, limit_bytes: int = 0) -> list[Any]:
    """Return what each way of reading made of each file, and its peak of memory."""
    names = [str(path) for path in paths]
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(small), str(limit_bytes), *names],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_no_hostile_file_takes_much_more_memory_than_its_size(tmp_path: Path) -> None:
    small = harmless(tmp_path / "ok.arrow")
    paths = [make(tmp_path / f"{make.__name__}.arrow") for make in HOSTILE if make is not bomb]
    seen = measured(small, paths)
    assert len(seen) == 7 * len(paths)
    for path, way, outcome, growth_bytes in seen:
        size = Path(path).stat().st_size
        # What was repaired had a good header: its rows were then read, written and checked.
        bound = 1.5 if (way, outcome) != ("repair", "damaged") else 8
        assert growth_bytes <= bound * size + NOISE_BYTES, (path, way, outcome, growth_bytes, size)
        if way in ("open", "verify") and size > 20 << 20:
            assert growth_bytes <= 1.5 * size, (path, way, growth_bytes)
        refused = ("SnapshotError: ", "InvariantError: ", "BadInputError: ")
        assert outcome == "damaged" or outcome.startswith(refused) or way == "open", (path, outcome)


def test_small_hostile_files_take_hardly_more_python_memory_than_their_size(tmp_path: Path) -> None:
    ways = {
        "open": opened,
        "load": Map.load,
        "inspect": inspect_snapshot,
        "verify": verify_snapshot,
    }
    small = harmless(tmp_path / "ok.arrow")
    paths = [make(tmp_path / f"{make.__name__}.arrow") for make in HOSTILE if make is not bomb]
    for way in ways.values():
        way(small)
    tracemalloc.start()
    try:
        for path in paths:
            for name, way in ways.items():
                tracemalloc.reset_peak()
                before, _ = tracemalloc.get_traced_memory()
                with suppress(AdhashError):
                    way(path)
                _, peak = tracemalloc.get_traced_memory()
                assert peak - before <= 1.5 * path.stat().st_size + BUFFER_BYTES, (path, name)
    finally:
        tracemalloc.stop()


def opened(path: Path) -> None:
    """Open a snapshot, which checks its header, and close it."""
    open_snapshot(path).close()


def test_a_batch_that_unpacks_to_more_than_is_free_is_refused_in_words(tmp_path: Path) -> None:
    small = harmless(tmp_path / "ok.arrow")
    path = bomb(tmp_path / "bomb.arrow")
    assert path.stat().st_size < 200 << 10
    for _, way, outcome, growth_bytes in measured(small, [path], limit_bytes=600 << 20):
        if way != "open":
            told = ("unpacks to 1,073,741" in outcome, "to sort" in outcome, outcome == "damaged")
            assert any(told), (way, outcome)
        assert growth_bytes < 16 << 20, (way, growth_bytes)
