"""Waiting for a job to change."""

from __future__ import annotations

import threading

from adhash.service.changes import ChangeBoard


def test_a_change_after_the_mark_is_never_missed() -> None:
    board = ChangeBoard()
    mark = board.mark()
    board.announce(["a"])
    assert board.wait("a", mark, timeout_s=0)


def test_a_change_of_another_job_wakes_nobody() -> None:
    board = ChangeBoard()
    mark = board.mark()
    board.announce(["b"])
    assert not board.wait("a", mark, timeout_s=0.01)


def test_a_change_before_the_mark_is_not_waited_for_again() -> None:
    board = ChangeBoard()
    board.announce(["a"])
    assert not board.wait("a", board.mark(), timeout_s=0.01)


def test_a_waiting_thread_is_woken() -> None:
    board = ChangeBoard()
    mark = board.mark()
    woken = []
    thread = threading.Thread(target=lambda: woken.append(board.wait("a", mark, timeout_s=30)))
    thread.start()
    board.announce(["b"])
    board.announce(["a"])
    thread.join(30)
    assert woken == [True]


def test_a_job_that_was_forgotten_is_taken_to_have_changed() -> None:
    board = ChangeBoard()
    mark = board.mark()
    board.announce(["a"])
    for number in range(5000):
        board.announce([f"job-{number}"])
    assert board.wait("a", mark, timeout_s=0)


def test_closing_wakes_everybody() -> None:
    board = ChangeBoard()
    board.close()
    assert board.wait("a", board.mark(), timeout_s=30)


def test_a_listener_hears_until_it_stops() -> None:
    board = ChangeBoard()
    heard: list[str] = []
    stop = board.listen(heard.append)
    board.announce(["a", "b"])
    stop()
    board.announce(["c"])
    assert heard == ["a", "b"]
