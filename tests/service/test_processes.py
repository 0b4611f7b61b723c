"""Finding processes and ending them, with real ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from adhash.service.processes import (
    COOKIE,
    Process,
    all_processes,
    boot_id,
    cookie_of,
    descendants,
    find_process,
    is_alive,
    kill_all,
    send_signal,
    start_time_of,
    with_cookies,
)

_NAPPING = "import time; print(flush=True); time.sleep(600)"


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _NAPPING],
        stdout=subprocess.PIPE,
        env={**os.environ, COOKIE: cookie_of("job", 3)},
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


def found(pid: int) -> Process:
    process = find_process(pid)
    assert process is not None
    return process


def test_this_process_is_found_as_it_is() -> None:
    process = found(os.getpid())
    assert (process.parent, process.group, process.session) == (
        os.getppid(),
        os.getpgid(0),
        os.getsid(0),
    )
    assert process in all_processes()
    assert boot_id()


def test_a_zombie_is_not_alive(sleeper: subprocess.Popen[bytes]) -> None:
    process = found(sleeper.pid)
    kill_all([process], wait_s=60)
    assert not is_alive(process.pid, process.start_time)
    assert start_time_of(process.pid) is None
    assert sleeper.wait() == -signal.SIGKILL


def test_a_process_is_found_by_its_cookie_alone(sleeper: subprocess.Popen[bytes]) -> None:
    cookies = [cookie_of("job", 3), cookie_of("job", 30), cookie_of("another", 3)]
    by_cookie = with_cookies(all_processes(), cookies)
    assert {each.pid for each in by_cookie[cookies[0]]} == {sleeper.pid}
    assert by_cookie[cookies[1]] == by_cookie[cookies[2]] == set()


def test_a_process_is_found_by_descent(sleeper: subprocess.Popen[bytes]) -> None:
    mine = {each.pid for each in descendants([os.getpid()], all_processes())}
    assert sleeper.pid in mine
    assert os.getpid() not in mine


def test_a_number_that_was_given_to_another_process_is_left_alone(
    sleeper: subprocess.Popen[bytes],
) -> None:
    earlier = replace(found(sleeper.pid), start_time=1)
    assert not is_alive(earlier.pid, earlier.start_time)
    assert not send_signal(earlier, signal.SIGKILL)
    kill_all([earlier], wait_s=60)
    assert sleeper.poll() is None


def test_a_signal_reaches_the_process_that_is_meant(sleeper: subprocess.Popen[bytes]) -> None:
    assert send_signal(found(sleeper.pid), signal.SIGTERM)
    assert sleeper.wait() == -signal.SIGTERM
