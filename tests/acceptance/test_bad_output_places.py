"""Places that cannot be written to are told, and nothing half-written stays in them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import BOUND_BY_PERMISSIONS, adhash, content_of, refused

needs_permissions = pytest.mark.skipif(
    os.geteuid() == 0 and sys.platform != "linux", reason="root may write everywhere"
)
OUTPUTS = {
    "--json-summary-out": "summary.json",
    "--snapshot-out": "map.arrow",
    "--metrics-out-dir": "ticks",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a trace of some length in it."""
    rows = "".join(f"put,{each * 7919},{each}\n" for each in range(20_000))
    (tmp_path / "t.csv").write_text(f"op,key,value\n{rows}", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("option", OUTPUTS)
@pytest.mark.parametrize("place", ["file", "special"])
def test_output_that_is_something_else_is_refused(folder: Path, option: str, place: str) -> None:
    (folder / "folder").mkdir()
    wants_folder = option == "--metrics-out-dir"
    target = "/dev/full" if place == "special" else "t.csv/x" if wants_folder else "folder"
    refused(
        *(folder, "run-csv", "--csv", "t.csv", option, target),
        code=5,
        error="IO",
        words=(target,),
    )


@needs_permissions
@pytest.mark.parametrize("option", OUTPUTS)
def test_folder_that_may_not_be_written_is_refused(folder: Path, option: str) -> None:
    locked = folder / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    try:
        refused(
            *(folder, "run-csv", "--csv", "t.csv", option, f"locked/{OUTPUTS[option]}"),
            code=5,
            error="IO",
            words=("locked", "ermission denied"),
            prefix=BOUND_BY_PERMISSIONS,
        )
    finally:
        locked.chmod(0o755)


@needs_permissions
def test_file_that_may_not_be_replaced_is_kept(folder: Path) -> None:
    (folder / "summary.json").write_text("mine", encoding="utf-8")
    (folder / "summary.json").chmod(0o444)
    refused(
        *(folder, "run-csv", "--csv", "t.csv", "--json-summary-out", "summary.json"),
        code=5,
        error="IO",
        words=("summary.json", "permission denied"),
        prefix=BOUND_BY_PERMISSIONS,
    )


@pytest.mark.parametrize("option", OUTPUTS)
def test_file_that_may_not_grow_leaves_nothing(folder: Path, option: str) -> None:
    """A limit on the size of files stands for a disk that fills up in the middle of a write."""
    limited = ("sh", "-c", 'ulimit -f 1; exec "$@"', "sh")
    fast_ticks = {"ADHASH_METRICS__INTERVAL_MS": "10", "ADHASH_REPLAY__RATE": "100000"}
    refused(
        *(folder, "run-csv", "--csv", "t.csv", option, f"new/{OUTPUTS[option]}"),
        code=5,
        error="IO",
        words=(OUTPUTS[option], "File too large"),
        prefix=limited,
        environ=fast_ticks if option == "--metrics-out-dir" else None,
    )


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a file system of its own with room for 16 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user may not mount a file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("option", ["--snapshot-out", "--json-summary-out"])
def test_full_disk_keeps_the_old_file(folder: Path, tiny_disk: Path, option: str) -> None:
    target = tiny_disk / OUTPUTS[option]
    target.write_bytes(b"old")
    (tiny_disk / "ballast").write_bytes(b"x" * 12_288)
    before = content_of(tiny_disk)
    done = adhash("run-csv", "--csv", "t.csv", option, target, cwd=folder)
    assert (done.code, done.out) == (5, "")
    assert "No space left" in done.envelope["detail"]
    assert content_of(tiny_disk) == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_full_standard_output_is_an_io_error_after_the_files_were_written(folder: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = adhash(
            *("run-csv", "--csv", "t.csv", "--json", "--json-summary-out", "summary.json"),
            cwd=folder,
            stdout=full,
        )
    assert (done.code, done.envelope["error"]) == (5, "IO")
    assert (folder / "summary.json").stat().st_size > 1000
