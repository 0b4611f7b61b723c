"""The progress bar: on a terminal only, and what it says."""

from __future__ import annotations

import os
import pty
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from adhash.cli.progress_bar import shown_work, work_done
from adhash.progress import WorkProgress


@contextmanager
def standard_error_as_terminal() -> Iterator[bytearray]:
    """Make standard error a terminal; pytest changes it between a fixture and its test.

    Yields
    ------
    bytearray
        Everything that was drawn, once the context has ended.
    """
    ours, theirs = pty.openpty()
    drawn = bytearray()
    # Frames are drawn as time passes, and one read returns no more than the terminal has buffered.
    reader = threading.Thread(target=_read_to_the_end, args=(ours, drawn))
    reader.start()
    with pytest.MonkeyPatch.context() as patch, os.fdopen(theirs, "w") as stderr:
        patch.setenv("TERM", "xterm")
        patch.setenv("COLUMNS", "120")
        patch.setattr(sys, "stderr", stderr)
        yield drawn
    reader.join()
    os.close(ours)


def _read_to_the_end(terminal: int, drawn: bytearray) -> None:
    # Linux tells the end of a terminal, once its other side is closed, as EIO.
    with suppress(OSError):
        while chunk := os.read(terminal, 65_536):
            drawn += chunk


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (WorkProgress(done=3, total=16, unit="runs"), "3 of 16 runs"),
        (WorkProgress(done=1_500_000, total=None, unit="rows"), "1.5 M rows"),
        (WorkProgress(done=1 << 20, total=1 << 31, unit="bytes"), "1 MiB of 2 GiB"),
        (WorkProgress(done=0, total=0, unit="entries"), "0 of 0 entries"),
    ],
)
def test_work_is_told_in_its_own_unit(progress: WorkProgress, text: str) -> None:
    assert work_done(progress) == text


def test_no_bar_is_shown_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_work() as show:
        assert show is None

    assert capsys.readouterr().err == ""


def test_a_terminal_shows_note_and_amount() -> None:
    with standard_error_as_terminal() as drawn, shown_work() as show:
        assert show is not None
        show(WorkProgress(done=3, total=16, unit="runs", note="racing [swiss]"))

    assert "racing [swiss]" in drawn.decode()
    assert "3 of 16 runs" in drawn.decode()
