"""What confined work cannot do, tried for real, and that the real work still can."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from executor_conformance import Place
from test_local_executor import RUNNER, new_local_executor

from adhash.service.attempts import AttemptPhase
from adhash.service.executors.local import LocalExecutor
from adhash.service.sandbox import sandbox_support
from adhash.service.settings import load_service_settings

SUPPORT = sandbox_support()
pytestmark = pytest.mark.skipif(
    set(SUPPORT.values()) != {"on"}, reason=f"this machine cannot hold work in: {SUPPORT}"
)

# What confined work may do nevertheless, if it needs what the order says.
NEVER = {
    *("read a file", "list a folder", "read a system file", "write a file", "change a file"),
    *("cut a file", "remove a file", "change a mode", "change an owner", "change a time"),
    *("link a file", "make a symbolic link", "change the fence", "change the outcome"),
    *("connect", "make a UDP socket", "make a UNIX socket"),
    *("read the server's environment", "signal the runner", "trace", "mount", "unshare"),
}
SOCKETS = {"listen"}
PROCESSES = {"fork", "execute"}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "jobs", new_local_executor)
    yield place
    place.clean()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "outside" / "secret"
    path.parent.mkdir()
    path.write_text("nobody shall know")
    return path


def escapes(place: Place, secret: Path, **fields: Any) -> set[str]:
    """Return what confined work could do of all that it tried."""
    is_held_in = fields.get("in_sandbox") != "off"
    order = place.order("escape", path=str(secret), is_held_in=is_held_in, **fields)
    report = place.wait(place.start(order))
    assert report.phase is AttemptPhase.SUCCEEDED, report.error
    assert report.result is not None
    assert not is_held_in or set(report.result) >= NEVER | SOCKETS | PROCESSES
    return {name for name, outcome in report.result.items() if outcome == "done"}


def test_confined_work_reaches_nothing_outside(place: Place, secret: Path) -> None:
    assert escapes(place, secret) == set()
    assert secret.read_text() == "nobody shall know"
    assert list(secret.parent.iterdir()) == [secret]


def test_without_a_sandbox_the_same_work_does_reach_outside(place: Place, secret: Path) -> None:
    """Else the test above would pass whatever holds the work in."""
    done = escapes(place, secret, in_sandbox="off")
    # Some of it takes other rights, or is undone by what came before.
    assert done >= {"read a file", "list a folder", "read a system file", "write a file"}
    assert done >= {"change a file", "cut a file", "remove a file"}
    assert done >= {"make a UDP socket", "make a UNIX socket"} | SOCKETS | PROCESSES
    assert done >= {"read the server's environment", "signal the runner"}


def test_work_that_serves_metrics_may_listen_and_nothing_else(place: Place, secret: Path) -> None:
    assert escapes(place, secret, in_needs_network=True) == SOCKETS


def test_work_that_needs_processes_may_start_them_and_nothing_else(
    place: Place, secret: Path
) -> None:
    done = escapes(place, secret, in_needs_processes=True)
    # Landlock lets it signal what it started itself, which is none.
    assert done - {"signal everybody"} == PROCESSES


def test_what_the_order_names_may_be_read_and_not_written(place: Place, secret: Path) -> None:
    done = escapes(place, secret, in_readable=(secret,))
    assert done == {"read a file"}
    assert secret.read_text() == "nobody shall know"


def test_what_the_order_names_may_be_written(place: Place, secret: Path) -> None:
    done = escapes(place, secret, in_writable=(secret,))
    assert done >= {"read a file", "write a file", "change a file", "cut a file", "remove a file"}
    assert not done & {"change a mode", "change an owner", "link a file", "make a symbolic link"}


def test_how_it_was_held_in_is_told(place: Place) -> None:
    report = place.run("tell", in_sandbox="required")
    assert report.confinement is not None
    held = {name: report.confinement[name] for name in ("seccomp", "landlock", "network")}
    assert held == {"seccomp": "on", "landlock": "on", "network": "none"}


def test_that_it_was_not_held_in_is_told(place: Place) -> None:
    report = place.run("tell", in_sandbox="off")
    assert report.confinement is not None
    assert report.confinement["seccomp"].startswith("off: ")
    assert report.confinement["landlock"].startswith("off: ")
    assert report.confinement["network"] == "allowed"


def test_where_the_sandbox_is_required_and_missing_nothing_runs(tmp_path: Path) -> None:
    place = Place(tmp_path / "jobs", _executor_without_libseccomp)
    report = place.run("tell", in_sandbox="required")
    assert report.phase is AttemptPhase.FAILED
    assert report.error is not None
    assert report.error.code == "policy"
    assert "libseccomp" in report.error.detail
    report = place.run("tell", in_sandbox="on")
    assert report.phase is AttemptPhase.SUCCEEDED
    assert report.confinement is not None
    assert report.confinement["seccomp"].startswith("off: libseccomp")
    place.clean()


def _executor_without_libseccomp() -> LocalExecutor:
    program = (
        "import sys, runpy; from adhash.service import seccomp;"
        "seccomp._LIBRARY = 'libseccomp-that-is-not-there.so';"
        f"sys.argv = sys.argv[1:]; runpy.run_path({RUNNER[-1]!r}, run_name='__main__')"
    )
    settings = load_service_settings({}, max_concurrent_jobs=2, lease_s=60.0)
    command = (sys.executable, "-P", "-c", program, RUNNER[-1])
    return LocalExecutor(settings, environ=os.environ, command=command)


def test_the_confinement_has_the_form_of_the_contract(place: Place) -> None:
    from adhash.service.models import Confinement

    report = place.run("tell")
    assert json.loads(Confinement.model_validate(report.confinement).model_dump_json())
