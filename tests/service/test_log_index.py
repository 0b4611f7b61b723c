"""The index dates every byte of output, once, whatever happened to who wrote it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from adhash.clock import ManualClock
from adhash.service.folder import JobFolder
from adhash.service.log_index import IndexLine, LogIndex, index_rest, read_log_index, steady_ms


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    return JobFolder(tmp_path)


def at(now_ms: int) -> Callable[[], int]:
    return lambda: now_ms


def lines(folder: JobFolder) -> list[IndexLine]:
    return list(read_log_index(folder.log_index))


def write(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_a_stream_that_grew_has_a_line_and_one_that_did_not_has_none(folder: JobFolder) -> None:
    index = LogIndex(folder, at(1000))
    index.look()
    assert not folder.log_index.exists()
    write(folder.stdout, b"12345")
    index.look()
    index.look()
    write(folder.stderr, b"123")
    index.look()
    assert lines(folder) == [IndexLine("o", 5, 1000), IndexLine("e", 3, 1000)]


def test_what_a_lost_attempt_left_is_dated_once(folder: JobFolder) -> None:
    write(folder.stdout, b"12345")
    LogIndex(folder, at(1000)).look()
    write(folder.stdout, b"678")
    index_rest(folder, at(2000))
    index_rest(folder, at(3000))
    assert lines(folder) == [IndexLine("o", 5, 1000), IndexLine("o", 8, 2000)]


def test_a_torn_line_is_skipped_and_does_not_swallow_the_next(folder: JobFolder) -> None:
    write(folder.log_index, b"o 5 1000\no 7 20")
    write(folder.stdout, b"123456789")
    index_rest(folder, at(3000))
    assert lines(folder) == [IndexLine("o", 5, 1000), IndexLine("o", 9, 3000)]


@pytest.mark.parametrize("text", [b"\n", b"x 1 2\n", b"o 1\n", b"o a 2\n", b"\xff 1 2\n", b"o 1 2"])
def test_what_is_no_line_is_skipped(folder: JobFolder, text: bytes) -> None:
    write(folder.log_index, text)
    assert lines(folder) == []


def test_times_do_not_go_back_from_attempt_to_attempt(folder: JobFolder) -> None:
    write(folder.stdout, b"1")
    LogIndex(folder, at(5000)).look()
    write(folder.stdout, b"2")
    LogIndex(folder, at(4000)).look()
    assert [line.at_ms for line in lines(folder)] == [5000, 5000]


def test_setting_the_clock_does_not_move_the_dates() -> None:
    class SetClock(ManualClock):
        def monotonic_ns(self) -> int:
            return 2_000_000 if self.now().year > 2000 else 0

    clock = SetClock()
    now_ms = steady_ms(clock)
    before = now_ms()
    clock.advance(400 * 86_400)
    assert now_ms() == before + 2


def test_what_cannot_be_written_is_left_to_the_next_look(folder: JobFolder) -> None:
    index = LogIndex(folder, at(1000))
    write(folder.stdout, b"1")
    # A folder in its place refuses as a full disk does.
    folder.log_index.mkdir()
    index.look()
    folder.log_index.rmdir()
    index.look()
    assert lines(folder) == [IndexLine("o", 1, 1000)]
