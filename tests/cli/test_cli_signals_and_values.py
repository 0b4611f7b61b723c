"""Signals during long work, and options whose value may be left out."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from adhash.cli.interrupts import cancelled_by_signals
from adhash.cli.optional_values import complete
from adhash.replay import CancelToken

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize("number", SIGNALS)
def test_first_signal_cancels_and_the_work_goes_on(number: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    token = CancelToken()
    with cancelled_by_signals(token):
        assert not token.is_cancelled
        signal.raise_signal(number)
        assert token.is_cancelled
        assert [signal.getsignal(each) for each in SIGNALS] == [signal.SIG_DFL] * 2
    assert [signal.getsignal(each) for each in SIGNALS] == before


@pytest.mark.parametrize("first", SIGNALS)
@pytest.mark.parametrize("second", SIGNALS)
def test_second_signal_kills(first: signal.Signals, second: signal.Signals) -> None:
    code = f"""
import signal
from adhash.cli.interrupts import cancelled_by_signals
from adhash.replay import CancelToken
token = CancelToken()
with cancelled_by_signals(token):
    signal.raise_signal({int(first)})
    print(token.is_cancelled, flush=True)
    signal.raise_signal({int(second)})
    print("still alive", flush=True)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (-second, "True\n")


def test_thread_that_gets_no_signals_can_do_the_work() -> None:
    done: list[bool] = []

    def work() -> None:
        with cancelled_by_signals(CancelToken()):
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


@pytest.mark.parametrize(
    ("args", "completed"),
    [
        ([], []),
        (["--compress"], ["--compress", "zstd"]),
        (["--compress", "lz4"], ["--compress", "lz4"]),
        (["--compress", "--json"], ["--compress", "zstd", "--json"]),
        (["--csv", "x", "--compress"], ["--csv", "x", "--compress", "zstd"]),
        (["--compress=none", "--csv", "-"], ["--compress=none", "--csv", "-"]),
    ],
)
def test_option_without_a_value_gets_its_own(args: list[str], completed: list[str]) -> None:
    assert complete(args, {"--compress": "zstd"}) == completed
