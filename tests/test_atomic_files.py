"""A file is replaced whole or not at all. (tests/snapshots kills writers and fills disks.)"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from adhash.atomic_files import replace_text, replacing
from adhash.errors import StorageError


def test_writing_replaces_the_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old", "utf-8")
    target.chmod(0o600)
    replace_text(target, "new\n")
    assert target.read_text("utf-8") == "new\n"
    assert target.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [target]


def test_writing_through_a_link_keeps_the_link(tmp_path: Path) -> None:
    target, link = tmp_path / "real.txt", tmp_path / "link.txt"
    target.write_text("old", "utf-8")
    link.symlink_to(target)
    replace_text(link, "new")
    assert link.is_symlink()
    assert target.read_text("utf-8") == "new"


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old", "utf-8")
    with pytest.raises(UnicodeEncodeError):
        replace_text(target, "\udcff")
    assert target.read_text("utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    target = tmp_path / "nowhere" / "file.txt"
    with pytest.raises(StorageError, match=os.fspath(target)):
        replace_text(target, "new")


def test_the_old_file_stands_until_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old", "utf-8")
    with replacing(target) as file:
        file.write(b"new")
        file.flush()
        assert target.read_text("utf-8") == "old"
    assert target.read_text("utf-8") == "new"


def test_a_refusal_says_why_and_what_became_of_the_old_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        replace_text(tmp_path, "new")
    assert caught.value.detail == f"cannot write {tmp_path}: it is a directory"
    assert "what was there is unchanged" in caught.value.hint


def test_litter_of_dead_writers_goes_and_that_of_living_ones_stays(tmp_path: Path) -> None:
    dead = tmp_path / ".adhash-1-dead.tmp"
    living = tmp_path / ".adhash-1-living.tmp"
    dead.touch()
    with living.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        replace_text(tmp_path / "file.txt", "new")
        assert sorted(tmp_path.iterdir()) == [living, tmp_path / "file.txt"]
