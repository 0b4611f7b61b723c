"""A save that dies or fails leaves the old file, whole, and no litter for long."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from snapshot_samples import bits, column_of, header_of, write_sample

from adhash.errors import StorageError
from adhash.snapshots import open_snapshot, write_snapshot

KILLS = 40

# Forks a process that saves over and over, kills it at a random moment, and looks at what is there.
_KILLER = """
import json, os, random, signal, sys, time
from pathlib import Path
import numpy as np
from snapshot_samples import header_of
from adhash.snapshots import open_snapshot, write_snapshot

path, kills = Path(sys.argv[1]), int(sys.argv[2])
SIZE = 60_000
keys = np.arange(SIZE, dtype=np.int64)

def save(fill):
    batch = (keys, np.full(SIZE, fill, dtype=np.int64))
    write_snapshot(path, header_of("int64", "int64", SIZE), [batch])

def fill_of_the_file():
    with open_snapshot(path) as snapshot:
        fills = {int(value) for _, values in snapshot.batches() for value in np.unique(values)}
    (fill,) = fills
    return fill

def litter():
    return [entry.name for entry in path.parent.iterdir() if entry != path]

save(0)
started = time.monotonic(); save(0); save_s = time.monotonic() - started
died_with_litter = renamed = 0
for round_ in range(1, kills + 1):
    child = os.fork()
    if child == 0:
        save(round_)
        time.sleep(60)
    time.sleep(random.uniform(0, 1.5 * save_s))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    fill = fill_of_the_file()
    assert fill in (0, round_), fill
    died_with_litter += bool(litter())
    renamed += fill == round_
    save(0)
    assert litter() == [], litter()
print(json.dumps({"died_with_litter": died_with_litter, "renamed": renamed}))
"""


def test_sigkill_leaves_the_old_file_or_the_new_one_and_litter_goes(tmp_path: Path) -> None:
    folder = tmp_path / "saves"
    folder.mkdir()
    done = _run_python(_KILLER, str(folder / "map.arrow"), str(KILLS))
    seen = json.loads(done.stdout)
    assert seen["died_with_litter"] > 0, "no process died in the middle of a save"
    assert seen["died_with_litter"] + seen["renamed"] <= KILLS


def _run_python(
    script: str, *arguments: str, **options: object
) -> subprocess.CompletedProcess[str]:
    folders = [str(Path(__file__).parent), *sys.path]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, folders))}
    done = subprocess.run(
        [*options.pop("prefix", ()), sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_an_error_of_the_producer_leaves_the_old_file(tmp_path: Path) -> None:
    path = write_sample(tmp_path / "map.arrow")
    before = path.read_bytes()

    def failing() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield column_of("int64"), column_of("int64")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_snapshot(path, header_of("int64", "int64", 8), failing())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


_FILE_TOO_LARGE = """
import resource, sys
from pathlib import Path
import numpy as np
from snapshot_samples import header_of
from adhash.errors import StorageError
from adhash.snapshots import open_snapshot, write_snapshot

path = Path(sys.argv[1])
if sys.argv[2] == "limit":
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
keys = np.arange(400_000, dtype=np.int64)
small = keys[:4]
write_snapshot(path, header_of("int64", "int64"), [(small, small)])
try:
    write_snapshot(path, header_of("int64", "int64", 400_000), [(keys, keys)])
except StorageError as error:
    print(error.detail)
with open_snapshot(path) as snapshot:
    assert snapshot.header.size == 4
assert list(path.parent.iterdir()) == [path]
"""


def test_a_file_that_grows_too_large_leaves_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "limited"
    folder.mkdir()
    done = _run_python(_FILE_TOO_LARGE, str(folder / "map.arrow"), "limit")
    assert os.strerror(errno.EFBIG) in done.stdout


def _can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    mount = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/tmp"]  # noqa: S108
    return subprocess.run(mount, capture_output=True, check=False).returncode == 0


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    if not _can_mount():
        pytest.skip("needs the right to mount a small file system")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = f'mount -t tmpfs -o size=1m none {folder} && exec "$0" "$@"'
    prefix = ("unshare", "-rm", "sh", "-c", mounted)
    done = _run_python(_FILE_TOO_LARGE, str(folder / "map.arrow"), "disk", prefix=prefix)
    assert os.strerror(errno.ENOSPC) in done.stdout


@pytest.fixture
def read_only_folder(tmp_path: Path) -> Iterator[Path]:
    """Give a folder in which this process may create nothing, even where it runs as root."""
    # Loads every module a save needs while this process may still read them all.
    write_sample(tmp_path / "first.arrow")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if was_root:
            os.seteuid(0)
        folder.rmdir()


def test_a_read_only_folder_is_refused(read_only_folder: Path) -> None:
    with pytest.raises(StorageError, match="Permission denied"):
        write_sample(read_only_folder / "map.arrow")


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file or directory"):
        write_sample(tmp_path / "missing" / "map.arrow")


def test_a_directory_as_target_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="it is a directory"):
        write_sample(tmp_path / "folder")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def test_a_device_as_target_is_refused() -> None:
    with pytest.raises(StorageError, match="not a regular file"):
        write_sample(Path(os.devnull))


def test_a_link_keeps_pointing_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real = write_sample(tmp_path / "real" / "map.arrow")
    link = tmp_path / "link.arrow"
    link.symlink_to(real)
    write_sample(link, "str", "str")
    assert link.is_symlink()
    with open_snapshot(real) as snapshot:
        assert snapshot.header.key_type == "str"


def test_permissions_of_the_replaced_file_are_kept_and_new_ones_follow_the_umask(
    tmp_path: Path,
) -> None:
    path = write_sample(tmp_path / "map.arrow")
    other = tmp_path / "other"
    other.touch()
    assert path.stat().st_mode == other.stat().st_mode
    path.chmod(0o640)
    write_sample(path)
    assert path.stat().st_mode & 0o777 == 0o640


def test_saves_at_once_in_one_folder_do_not_take_each_others_files(tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def save_often(name: str) -> None:
        try:
            for _ in range(25):
                write_sample(tmp_path / name)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=save_often, args=(f"{i % 4}.arrow",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [f"{i}.arrow" for i in range(4)]
    for entry in tmp_path.iterdir():
        with open_snapshot(entry) as snapshot:
            [(keys, _)] = snapshot.batches()
            assert bits(keys) == bits(column_of("int64"))
