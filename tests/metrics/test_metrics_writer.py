"""The file of ticks: whole or not there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adhash.errors import StorageError
from adhash.metrics.validation import validate
from adhash.metrics.writer import FILE_NAME, PARTIAL_NAME, TickWriter

if TYPE_CHECKING:
    from conftest import MakeTick


def test_file_takes_its_name_at_the_end(tmp_path: Path, make_tick: MakeTick) -> None:
    directory = tmp_path / "new" / "metrics"
    with TickWriter(directory) as writer:
        writer.write(make_tick())
        assert [path.name for path in directory.iterdir()] == [PARTIAL_NAME]
    assert [path.name for path in directory.iterdir()] == [FILE_NAME]
    assert validate(directory / FILE_NAME).ticks == 1


def test_each_tick_can_be_read_as_soon_as_it_is_written(
    tmp_path: Path, make_tick: MakeTick
) -> None:
    with TickWriter(tmp_path) as writer:
        for count in (1, 2, 3):
            writer.write(make_tick(t=float(count)))
            assert validate(tmp_path / PARTIAL_NAME).ticks == count


def test_failed_run_leaves_an_older_file_as_it_was(tmp_path: Path, make_tick: MakeTick) -> None:
    (tmp_path / FILE_NAME).write_text("old", encoding="utf-8")

    def run() -> None:
        with TickWriter(tmp_path) as writer:
            writer.write(make_tick())
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        run()
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    assert (tmp_path / FILE_NAME).read_text(encoding="utf-8") == "old"


def test_limit_bounds_the_ticks_of_each_mode(tmp_path: Path, make_tick: MakeTick) -> None:
    with TickWriter(tmp_path, max_ticks=2) as writer:
        for backend in ("swiss", "std"):
            writer.begin_mode()
            for t in (0.1, 0.2, 0.3):
                writer.write(make_tick(t=t, backend=backend))
            assert (writer.written, writer.dropped) == (2, 1)
    assert validate(tmp_path / FILE_NAME).ticks == 4


def test_forgotten_mode_leaves_only_the_modes_before_it(
    tmp_path: Path, make_tick: MakeTick
) -> None:
    with TickWriter(tmp_path) as writer:
        writer.begin_mode()
        writer.write(make_tick(backend="swiss"))
        writer.begin_mode()
        writer.write(make_tick(backend="std", t=9.0))
        writer.write(make_tick(backend="std", t=9.5))
        writer.forget_mode()
        writer.write(make_tick(backend="std", t=0.1))
    report = validate(tmp_path / FILE_NAME)
    assert (report.ticks, report.backends) == (2, ("swiss", "std"))


def test_leftover_of_a_killed_run_is_overwritten(tmp_path: Path, make_tick: MakeTick) -> None:
    (tmp_path / PARTIAL_NAME).write_text("torn" * 10_000, encoding="utf-8")
    with TickWriter(tmp_path) as writer:
        writer.write(make_tick())
    assert validate(tmp_path / FILE_NAME).ticks == 1


def test_second_run_in_the_same_directory_is_refused(tmp_path: Path, make_tick: MakeTick) -> None:
    with TickWriter(tmp_path) as writer:
        writer.write(make_tick())
        with pytest.raises(StorageError, match="another run is writing"):
            TickWriter(tmp_path)
    assert validate(tmp_path / FILE_NAME).ticks == 1


def test_directory_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot write"):
        TickWriter(tmp_path / "file" / "metrics")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_full_disk_is_a_storage_error(tmp_path: Path, make_tick: MakeTick) -> None:
    def run() -> None:
        with Path("/dev/full").open("wb") as full, TickWriter(tmp_path) as writer:
            os.dup2(full.fileno(), writer.fileno())
            writer.write(make_tick())

    with pytest.raises(StorageError, match="No space left"):
        run()
    assert list(tmp_path.iterdir()) == []
